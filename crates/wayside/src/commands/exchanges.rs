//! `wayside exchanges`: requests and how they ended, or a live tail of them.

use anyhow::Context as _;
use wayside_console::{RowView, Skipped};
use wayside_store::Location;

use super::listing;
use crate::args::ExchangesArgs;
use crate::clock;
use crate::exit::Exit;
use crate::report::figures::counted;
use crate::report::printer::Printer;
use crate::report::rows;
use crate::report::trouble::Trouble;
use crate::source::{Question, Source};

/// Lists or follows.
pub async fn run(
    args: ExchangesArgs,
    data: &Location,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    let filter = listing::filter(&args.filter)?;
    let source = Source::open(data).await?;
    let question = Question::at("/api/exchanges").matching(&filter);
    if args.follow {
        printer.say("waiting for exchanges; stop with Ctrl-C");
        return follow(&source, question, args.listing.json, data, printer).await;
    }
    if args.listing.json {
        listing::print_json(&source, printer, question, args.listing.limit).await?;
        return Ok(Exit::Done);
    }
    let limit = listing::shown(args.listing.limit);
    let answer =
        source.ask(&listing::newest_first(&question.with("rows", 1), args.listing.limit)).await?;
    let (rows, rest) = listing::newest::<RowView>(answer, limit).await?;
    let table = rows::exchanges(&rows, clock::now());
    listing::print_table(printer, &table, "exchange", !filter.is_empty())?;
    let more = listing::count_rest(rest).await?;
    listing::say_more(printer, "newest", rows.len(), more, "exchange", args.listing.limit);
    Ok(Exit::Done)
}

/// Prints the exchanges of the recorder on `data` as they end.
pub async fn tail(data: &Location, printer: &mut Printer) -> anyhow::Result<Exit> {
    let source = Source::open(data).await?;
    follow(&source, Question::at("/api/exchanges"), false, data, printer).await
}

/// Prints exchanges as they end, until the person or the recorder stops.
async fn follow(
    source: &Source,
    question: Question,
    json: bool,
    data: &Location,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    if !source.recorder_runs() {
        return Err(Trouble::failed(format!("no recorder runs on `{}`", data.display()))
            .hint("start one with `wayside record UPSTREAM`; without `--follow` the past is listed")
            .into());
    }
    let question = question.with("follow", 1);
    let question = if json { question } else { question.with("rows", 1) };
    let mut lines = source.ask(&question).await?.lines();
    loop {
        let line = tokio::select! {
            line = lines.next() => line.context("the recorder went away")?,
            stopped = tokio::signal::ctrl_c() => { stopped?; None }
        };
        let Some(line) = line else { return Ok(Exit::Done) };
        if let Some(Skipped { skipped }) = Skipped::of(&line) {
            printer.say(format!("{} passed too fast to show", counted(skipped, "exchange")));
        } else if json {
            listing::print_line(&line, printer)?;
        } else {
            let row: RowView = serde_json::from_slice(&line)?;
            let line = rows::tail_line(&row, clock::now(), printer.width, printer.paint);
            printer.line(line)?;
        }
        printer.flush()?;
    }
}
