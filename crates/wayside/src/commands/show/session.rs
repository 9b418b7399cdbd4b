//! One session: a sentence, then its exchanges with the pauses between them.

use wayside_console::RowView;
use wayside_exchange::escape::for_terminal;
use wayside_exchange::view::SessionView;
use wayside_exchange::{SessionId, Timestamp};

use crate::clock;
use crate::commands::listing;
use crate::exit::Exit;
use crate::report::figures::{clock as time_of_day, counted, duration, milliseconds, share, size};
use crate::report::printer::Printer;
use crate::report::rows;
use crate::source::{Question, Source};

/// Shows it.
pub(super) async fn show(
    source: &Source,
    id: SessionId,
    json: bool,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    let question = Question::at("/api/sessions").segment(id);
    let answer = source.ask(&question).await?;
    if json {
        listing::pass_on_object(answer, printer).await?;
        return Ok(Exit::Done);
    }
    let view: SessionView = answer.json().await?;
    let mut lines = source.ask(&question.segment("exchanges")).await?.lines();
    let mut rows: Vec<RowView> = Vec::new();
    while let Some(line) = lines.next().await? {
        rows.push(serde_json::from_slice(&line)?);
    }
    let now = clock::now();
    printer.line(printer.paint.strong(&sentence(&view, now)))?;
    printer.line("")?;
    for line in rows::journey(&rows, now).lines(printer.width, printer.paint) {
        printer.line(line)?;
    }
    printer.say(format!(
        "\nopen one with `wayside show ID`; send all again with `wayside replay {id} --to URL`"
    ));
    Ok(Exit::Done)
}

fn sentence(view: &SessionView, now: Timestamp) -> String {
    format!(
        "{} made {} within {} from {} UTC on: {} failed, half were answered within {}, {} moved",
        for_terminal(&view.client),
        counted(view.exchanges, "exchange"),
        duration(view.ended_at.since(view.started_at)),
        time_of_day(view.started_at, now),
        share(view.errors, view.exchanges),
        milliseconds(view.p50_ms),
        size(view.bytes)
    )
}
