//! `wayside outliers`: who fares worse than others, each with the sentence and where the proof is.

use wayside_analytics::Thresholds;
use wayside_exchange::escape::for_terminal;
use wayside_exchange::view::OutlierView;
use wayside_store::Location;

use super::listing;
use crate::args::OutliersArgs;
use crate::exit::Exit;
use crate::report::paint::Tone;
use crate::report::printer::Printer;
use crate::report::shell;
use crate::source::{Question, Source};

/// Lists. The exit code says whether anybody stands out.
pub async fn run(
    args: OutliersArgs,
    data: &Location,
    thresholds: Thresholds,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    let mut words = args.filter;
    words.extend(args.since.map(|since| format!("since:{since}")));
    let filter = listing::filter(&words)?;
    let source = Source::judging(data, thresholds).await?;
    let mut question = Question::at("/api/outliers").matching(&filter);
    if let Some(limit) = args.listing.limit {
        question = question.with("limit", limit);
    }
    let mut lines = source.ask(&question).await?.lines();
    let mut found = 0;
    while let Some(line) = lines.next().await? {
        found += 1;
        if args.listing.json {
            listing::print_line(&line, printer)?;
        } else {
            print(&serde_json::from_slice(&line)?, found > 1, printer)?;
        }
    }
    if found == 0 {
        printer.say("nobody fares worse than the others on the same routes");
        return Ok(Exit::Done);
    }
    Ok(Exit::Differs)
}

fn print(outlier: &OutlierView, further: bool, printer: &mut Printer) -> anyhow::Result<()> {
    let paint = printer.paint;
    let OutlierView { client, verdict, exchanges } = outlier;
    if further {
        printer.text("\n")?;
    }
    printer.line(format_args!(
        "{}  {}",
        paint.strong(&for_terminal(client)),
        paint.tone(Tone::Warning, &for_terminal(&verdict.sentence))
    ))?;
    printer.line(paint.faint(&format!("  since {}", verdict.since)))?;
    let command = shell::command("exchanges", exchanges);
    printer.line(paint.faint(&format!("  {}", for_terminal(&command))))
}
