//! `wayside outliers`: who fares worse than others, each with the sentence and where the proof is.

mod backtest;

use wayside_exchange::escape::for_terminal;
use wayside_exchange::view::{OutlierView, Reason};
use wayside_store::Location;

use super::listing;
use crate::args::OutliersArgs;
use crate::config::Resolved;
use crate::exit::Exit;
use crate::report::paint::Tone;
use crate::report::printer::Printer;
use crate::report::shell;
use crate::source::{self, Question, Source};

/// Lists. The exit code says whether anybody stands out.
pub async fn run(
    args: OutliersArgs,
    data: &Location,
    settings: Resolved,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    let filter = listing::filter(&listing::since(args.filter, args.since))?;
    if let Some(file) = args.rule {
        let store = source::store(data)?;
        let recorded = store.links(|links| links.labels().to_vec());
        let trial = settings.tried_with(&file, &recorded)?;
        return backtest::run(&filter, &store, data, trial, args.listing.json, printer);
    }
    let source = Source::judging(data, settings.thresholds()?).await?;
    let mut question = Question::at("/api/outliers").matching(&filter);
    if args.why || !args.listing.json {
        question = question.with("why", 1);
    }
    let nothing = "nobody fares worse than the others on the same routes";
    let print = |outlier: &OutlierView, printer: &mut Printer| print(outlier, args.why, printer);
    listing::print_found(&source, question, &args.listing, nothing, print, printer).await
}

fn print(outlier: &OutlierView, all: bool, printer: &mut Printer) -> anyhow::Result<()> {
    let paint = printer.paint;
    let OutlierView { client, verdict, exchanges, why } = outlier;
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
