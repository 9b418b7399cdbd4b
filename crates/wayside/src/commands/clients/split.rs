//! `wayside clients split`: what goes by one name stands by itself, until that is taken back.

use http::Method;
use wayside_console::SplitView;
use wayside_exchange::escape::for_terminal;
use wayside_store::Location;

use crate::exit::Exit;
use crate::report::figures::counted;
use crate::report::printer::Printer;
use crate::report::shell;
use crate::report::trouble::{Trouble, exit_of};
use crate::source::{Changing, Question};

pub(super) async fn run(
    name: &str,
    undo: bool,
    json: bool,
    data: &Location,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    let question = Question::at("/api/clients").segment(name).segment("split");
    let method = if undo { Method::DELETE } else { Method::POST };
    let changing = Changing::open(data, printer).await?;
    let changed: anyhow::Result<SplitView> =
        async { Ok(changing.ask(method, &question).await?.json().await?) }.await;
    changing.close()?;
    let view = match changed {
        Err(error) if exit_of(&error) == Exit::Differs => {
            let said = if undo {
                format!("`{name}` is not split off")
            } else {
                format!("`{name}` is not linked to another client")
            };
            let hint = "`wayside clients show NAME` lists the names that are linked to a client";
            return Err(Trouble::not_found(said).hint(hint).into());
        }
        changed => changed?,
    };
    if json {
        printer.json(&serde_json::to_value(&view)?)?;
        return Ok(Exit::Done);
    }
    let exchanges = counted(view.exchanges, "exchange");
    let sentence = if view.apart {
        format!("{name} stands by itself now, with {exchanges}")
    } else {
        format!("{name}, with {exchanges}, belongs to whom it is linked to again")
    };
    printer.line(for_terminal(&sentence))?;
    if view.apart {
        let back = shell::command("clients split --undo", name);
        printer.say(format!("to take that back: {}", for_terminal(&back)));
    }
    Ok(Exit::Done)
}
