//! `wayside erase`: exchanges go from the recording for good, and it is proved that they did.

use std::io::{BufRead as _, IsTerminal as _};

use http::Method;
use wayside_console::{Answer, ErasedView, changes};
use wayside_exchange::escape::for_terminal;
use wayside_store::Location;

use super::listing;
use crate::args::EraseArgs;
use crate::exit::Exit;
use crate::report::figures::{count, counted, size};
use crate::report::printer::Printer;
use crate::report::trouble::Trouble;
use crate::source::{Changing, Question, Source};

/// Erases what was said, once that is confirmed.
pub async fn run(args: EraseArgs, data: &Location, printer: &mut Printer) -> anyhow::Result<Exit> {
    let (question, what) = question(&args)?;
    let plan: ErasedView = would(data, &question).await?.json().await?;
    if plan.exchanges == 0 && plan.segments == 0 {
        let trouble = Trouble::not_found(format!("nothing in `{}` is {what}", data.display()));
        let left = match plan.running {
            0 => trouble.hint("`wayside clients` lists the names of clients"),
            _ => trouble.hint("what still runs is left alone: try again when it has ended"),
        };
        return Err(left.into());
    }
    let would = format!(
        "{} in {}: {what}",
        counted(plan.exchanges, "exchange"),
        counted(plan.segments, "segment")
    );
    if !args.yes {
        printer.say(for_terminal(&format!("this would erase {would}")));
        if !confirmed(printer) {
            if args.json {
                printer.json(&serde_json::to_value(&plan)?)?;
            }
            printer.say("nothing was erased: `--yes` erases it");
            return Ok(Exit::Differs);
        }
    }
    let changing = Changing::open(data, printer).await?;
    let erased: anyhow::Result<ErasedView> =
        async { Ok(changing.ask(Method::POST, &question).await?.json().await?) }.await;
    changing.close()?;
    let erased = erased?;
    if args.json {
        printer.json(&serde_json::to_value(&erased)?)?;
    } else {
        for line in as_lines(&erased) {
            printer.line(for_terminal(&line))?;
        }
    }
    let clean = erased.found == 0 && erased.damaged.is_empty() && erased.running == 0;
    Ok(if clean { Exit::Done } else { Exit::Differs })
}

fn question(args: &EraseArgs) -> anyhow::Result<(Question, String)> {
    let question = Question::at("/api/erase");
    match args.selection.as_slice() {
        [word, name] if word == "client" => {
            Ok((question.with("client", name), format!("of the client `{name}`")))
        }
        words => {
            let filter = listing::filter(words)?;
            Ok((question.with("filter", &filter), format!("what `{filter}` matches")))
        }
    }
}

/// What would go: asked of the recorder, or of the store, which is only read for it.
async fn would(data: &Location, question: &Question) -> anyhow::Result<Answer> {
    let source = Source::with(data, changes).await?;
    source.send(Method::POST, &question.clone().with("dry_run", 1)).await
}

fn confirmed(printer: &mut Printer) -> bool {
    let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if !terminal {
        return false;
    }
    printer.say("erase it for good? type yes");
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).is_ok() && answer.trim() == "yes"
}

fn as_lines(erased: &ErasedView) -> Vec<String> {
    let mut lines = vec![
        format!(
            "erased {}: {} written anew, {} freed",
            counted(erased.exchanges, "exchange"),
            counted(erased.segments, "segment"),
            size(erased.freed_bytes)
        ),
        match erased.found {
            0 => format!(
                "searched {} of what is left in them, and the index: nothing of it is there",
                size(erased.searched_bytes)
            ),
            found => format!("something of it was found in {} places", count(found)),
        },
    ];
    if erased.mentions > 0 {
        lines.push(format!(
            "the name still stands in {}, in exchanges of others",
            counted(erased.mentions, "block")
        ));
    }
    if erased.pins > 0 {
        lines.push(format!("{} that meant it taken away", counted(erased.pins, "pin")));
    }
    if erased.running > 0 {
        lines.push(format!(
            "{} still running, left alone: erase again when they have ended",
            counted(erased.running, "exchange")
        ));
    }
    let damaged = erased.damaged.iter();
    lines.extend(damaged.map(|path| format!("damaged, so nothing in it was erased: `{path}`")));
    lines
}
