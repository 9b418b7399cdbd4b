//! `wayside outliers`: who fares worse than others, each with the sentence and where the proof is.

mod backtest;

use wayside_analytics::Thresholds;
use wayside_exchange::escape::for_terminal;
use wayside_exchange::view::{OutlierView, Reason};
use wayside_store::Location;

use super::listing;
use crate::args::OutliersArgs;
use crate::config;
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
    let filter = listing::filter(&listing::since(args.filter, args.since))?;
    if let Some(file) = args.rule {
        let rules = config::lasting(config::rules::read(&file)?);
        let thresholds = Thresholds { rules, ..thresholds };
        return backtest::run(&filter, data, thresholds, args.listing.json, printer);
    }
    let source = Source::judging(data, thresholds).await?;
    let mut question = Question::at("/api/outliers").matching(&filter);
    if let Some(limit) = args.listing.limit {
        question = question.with("limit", limit);
    }
    if args.why || !args.listing.json {
        question = question.with("why", 1);
    }
    let mut lines = source.ask(&question).await?.lines();
    let mut found = 0;
    while let Some(line) = lines.next().await? {
        found += 1;
        if args.listing.json {
            listing::print_line(&line, printer)?;
        } else {
            print(&serde_json::from_slice(&line)?, found > 1, args.why, printer)?;
        }
    }
    if found == 0 {
        printer.say("nobody fares worse than the others on the same routes");
        return Ok(Exit::Done);
    }
    Ok(Exit::Differs)
}

fn print(
    outlier: &OutlierView,
    further: bool,
    all: bool,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let paint = printer.paint;
    let OutlierView { client, verdict, exchanges, why } = outlier;
    if further {
        printer.text("\n")?;
    }
    printer.line(format_args!(
        "{}  {}",
        paint.strong(&for_terminal(client)),
        paint.tone(Tone::Warning, &for_terminal(&verdict.sentence))
    ))?;
    match why.as_deref() {
        Some([first, ..]) if !all => {
            printer.line(format_args!("  {}", for_terminal(&first.sentence)))?;
        }
        Some([]) if all => printer.line("  nothing sets its exchanges apart")?,
        Some(reasons) if all => {
            for reason in reasons {
                printer.line(format_args!("  {}", for_terminal(&reason.sentence)))?;
                let faint = paint.faint(&for_terminal(&proof(reason)));
                printer.line(format_args!("    {faint}"))?;
            }
        }
        None if all => printer.line("  not looked into: only the worst ten are")?,
        _ => {}
    }
    printer.line(paint.faint(&format!("  since {}", verdict.since)))?;
    let command = shell::command("exchanges", exchanges);
    printer.line(paint.faint(&format!("  {}", for_terminal(&command))))
}

/// What a reason rests on.
fn proof(reason: &Reason) -> String {
    let Reason { with, against, confidence, also, .. } = reason;
    let also = match also.as_slice() {
        [] => String::new(),
        also => format!("; the same ones {}", also.join(", ")),
    };
    let sure = if *confidence >= 0.5 {
        format!("{:.0} % sure", (confidence * 100.0).floor())
    } else {
        "may be a coincidence".to_owned()
    };
    format!(
        "{} of {} looked at, {} of {}; {sure}{also}",
        with.count, with.of, against.count, against.of
    )
}
