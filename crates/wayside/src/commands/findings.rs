//! `wayside findings`: ways of using the API that cost someone, each with its cost and examples.

use wayside_exchange::escape::for_terminal;
use wayside_exchange::view::FindingView;
use wayside_store::Location;

use super::listing;
use crate::args::FindingsArgs;
use crate::exit::Exit;
use crate::report::figures::{counted, milliseconds, size};
use crate::report::paint::Tone;
use crate::report::printer::Printer;
use crate::source::{Question, Source};

/// Lists, the costliest first. The exit code says whether anything was found.
pub async fn run(
    args: FindingsArgs,
    data: &Location,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    let filter = listing::filter(&listing::since(args.filter, args.since))?;
    let source = Source::open(data).await?;
    let question = Question::at("/api/findings").matching(&filter);
    listing::print_found(&source, question, &args.listing, "nothing was found", print, printer)
        .await
}

fn print(finding: &FindingView, printer: &mut Printer) -> anyhow::Result<()> {
    let paint = printer.paint;
    printer.line(format_args!(
        "{}  {}",
        paint.strong(&for_terminal(&finding.client)),
        paint.tone(Tone::Warning, &for_terminal(&finding.sentence))
    ))?;
    let cost = finding.cost;
    let mut costs = Vec::new();
    if cost.requests > 0 {
        costs.push(counted(cost.requests, "request"));
    }
    if cost.backend_seconds > 0.0 {
        costs.push(format!("{} of the backend", milliseconds(cost.backend_seconds * 1000.0)));
    }
    if cost.bytes > 0 {
        costs.push(size(cost.bytes));
    }
    let costs = if costs.is_empty() {
        String::new()
    } else {
        format!(", about {} too much", costs.join(", "))
    };
    printer.line(paint.faint(&format!("  {}{costs}", finding.kind)))?;
    let mut examples = finding.examples.iter().take(3).map(ToString::to_string);
    let Some(first) = examples.next() else { return Ok(()) };
    let others: Vec<String> = examples.collect();
    let others =
        if others.is_empty() { String::new() } else { format!(" (or {})", others.join(", ")) };
    printer.line(paint.faint(&format!("  wayside show {first}{others}")))
}
