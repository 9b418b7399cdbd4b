//! `wayside status`: how the recorder does.

use std::path::Path;

use wayside_console::ConsoleStatus;
use wayside_exchange::escape::for_terminal;

use crate::args::StatusArgs;
use crate::commands::listing;
use crate::exit::Exit;
use crate::report::figures::{count, counted, size};
use crate::report::paint::Tone;
use crate::report::printer::Printer;
use crate::source::{Question, Source};

/// Prints it; problems make the exit code 1.
pub async fn run(args: StatusArgs, data: &Path, printer: &mut Printer) -> anyhow::Result<Exit> {
    let source = Source::open(data).await?;
    let answer = source.ask(&Question::at("/api/status")).await?;
    if args.json {
        listing::pass_on_object(answer, printer).await?;
        return Ok(Exit::Done);
    }
    let ConsoleStatus { status: view, started_at, listening, .. } = answer.json().await?;
    let paint = printer.paint;
    let first = if !source.recorder_runs() {
        format!(
            "no recorder runs on `{}`; it holds {}",
            data.display(),
            counted(view.stored, "exchange")
        )
    } else if view.recording {
        format!(
            "recording into `{}`, which holds {}",
            data.display(),
            counted(view.stored, "exchange")
        )
    } else {
        format!(
            "forwarding without recording; `{}` holds {}",
            data.display(),
            counted(view.stored, "exchange")
        )
    };
    printer.line(paint.strong(&first))?;
    let mut line = |label: &str, text: String| {
        printer.line(format_args!("{} {text}", paint.faint(&format!("{label:<11}"))))
    };
    if source.recorder_runs() {
        if let Some(at) = started_at {
            line("since", format!("{at}"))?;
        }
        for address in &listening {
            line("listening", for_terminal(address).into_owned())?;
        }
        line(
            "forwarded",
            format!(
                "{}, {} running now, {} failed in their TLS handshake",
                counted(view.forwarded, "exchange"),
                count(view.open),
                counted(view.handshakes_failed, "connection")
            ),
        )?;
        line(
            "recorded",
            format!("{} whole, {} with a mark", count(view.recorded), count(view.marked)),
        )?;
        let lost: u64 = view.lost.values().sum();
        let reasons: Vec<String> = view
            .lost
            .iter()
            .map(|(reason, number)| format!("{} by {reason}", count(*number)))
            .collect();
        let tone = if lost > 0 { Tone::Bad } else { Tone::Plain };
        let lost = if lost > 0 {
            format!("{} ({})", count(lost), reasons.join(", "))
        } else {
            "none".to_owned()
        };
        line("lost", paint.tone(tone, &for_terminal(&lost)))?;
        line("waiting", size(view.queue_bytes))?;
    }
    let through = |id: Option<wayside_exchange::ExchangeId>| {
        id.map_or("nothing yet".to_owned(), |id| format!("{id} ({})", id.started_at()))
    };
    line("written", format!("through {}", through(view.recorded_through)))?;
    line("durable", format!("through {}", through(view.durable_through)))?;
    let budget = view.disk.budget.map_or(String::new(), |budget| format!(" of {}", size(budget)));
    line("disk", format!("{} used{budget}, {} free", size(view.disk.used), size(view.disk.free)))?;
    for problem in &view.problems {
        line("problem", paint.red(&for_terminal(problem)))?;
    }
    Ok(if view.problems.is_empty() { Exit::Done } else { Exit::Differs })
}
