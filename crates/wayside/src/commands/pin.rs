//! `wayside pin` and `wayside unpin`: what retention leaves alone.

use http::Method;
use wayside_console::{PinView, UnpinnedView};
use wayside_exchange::escape::for_terminal;
use wayside_store::Location;

use super::listing;
use super::selection::{self, Named};
use crate::args::{PinArgs, UnpinArgs};
use crate::exit::Exit;
use crate::report::figures::counted;
use crate::report::printer::Printer;
use crate::report::trouble::Trouble;
use crate::source::{Changing, Question, Source};

/// Pins what was said; without anything, lists what is pinned.
pub async fn pin(args: PinArgs, data: &Location, printer: &mut Printer) -> anyhow::Result<Exit> {
    if args.selection.is_empty() {
        return list(&args, data, printer).await;
    }
    let filter = filter(&args.selection, data).await?;
    let changing = Changing::open(data, printer).await?;
    let question = Question::at("/api/pins").with("filter", &filter);
    let pinned: anyhow::Result<PinView> =
        async { Ok(changing.ask(Method::POST, &question).await?.json().await?) }.await;
    changing.close()?;
    let pinned = pinned?;
    if args.json {
        printer.json(&serde_json::to_value(&pinned)?)?;
    } else {
        printer.line(for_terminal(&sentence(&pinned)))?;
    }
    Ok(Exit::Done)
}

/// Takes pins away.
pub async fn unpin(
    args: UnpinArgs,
    data: &Location,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    let question = if args.all {
        Question::at("/api/pins").with("all", 1)
    } else if args.selection.is_empty() {
        return Err(Trouble::misused("what is to be unpinned?")
            .hint("`wayside pin` lists the pins; `--all` takes all of them away")
            .into());
    } else {
        let filter = filter(&args.selection, data).await?;
        Question::at("/api/pins").with("filter", filter)
    };
    let changing = Changing::open(data, printer).await?;
    let gone: anyhow::Result<UnpinnedView> =
        async { Ok(changing.ask(Method::DELETE, &question).await?.json().await?) }.await;
    changing.close()?;
    printer.line(format!("{} taken away", counted(gone?.pins, "pin")))?;
    Ok(Exit::Done)
}

async fn list(args: &PinArgs, data: &Location, printer: &mut Printer) -> anyhow::Result<Exit> {
    let source = Source::open(data).await?;
    let mut lines = source.ask(&Question::at("/api/pins")).await?.lines();
    let mut any = false;
    while let Some(line) = lines.next().await? {
        any = true;
        if args.json {
            listing::print_line(&line, printer)?;
        } else {
            let pin: PinView = serde_json::from_slice(&line)?;
            printer.line(for_terminal(&sentence(&pin)))?;
        }
    }
    if !any && !args.json {
        printer.say("nothing is pinned");
    }
    Ok(Exit::Done)
}

fn sentence(pin: &PinView) -> String {
    let matching = counted(pin.exchanges, "exchange");
    format!("pinned since {}: `{}`, {matching} now", pin.since, pin.filter)
}

/// What `ID|FILTER` means as a filter: a session's or exchange's whole id, else the filter itself.
async fn filter(words: &[String], data: &Location) -> anyhow::Result<String> {
    let source = Source::open(data).await?;
    Ok(match selection::named(&source, words).await? {
        Some(Named::Exchange(id)) => format!("id:{id}"),
        Some(Named::Session(id)) => format!("session:{id}"),
        _ => listing::filter(words)?,
    })
}
