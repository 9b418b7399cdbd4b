//! `wayside status`: how the recorder does.

use wayside_console::{ConsoleError, ConsoleStatus, PushView};
use wayside_exchange::escape::for_terminal;
use wayside_exchange::view::RemovedView;
use wayside_store::Location;

use crate::args::StatusArgs;
use crate::commands::listing;
use crate::exit::Exit;
use crate::report::figures::{count, counted, size};
use crate::report::paint::Tone;
use crate::report::printer::Printer;
use crate::source::{Question, Source};

/// Prints it; problems make the exit code 1.
pub async fn run(args: StatusArgs, data: &Location, printer: &mut Printer) -> anyhow::Result<Exit> {
    let source = Source::open(data).await?;
    let answer = source.ask(&Question::at("/api/status")).await?;
    let object = answer.bytes().await?;
    let ConsoleStatus { status: view, started_at, listening, otlp, .. } =
        serde_json::from_slice(&object).map_err(ConsoleError::NotUnderstood)?;
    let exit = if view.problems.is_empty() { Exit::Done } else { Exit::Differs };
    if args.json {
        listing::print_line(object.trim_ascii_end(), printer)?;
        return Ok(exit);
    }
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
                "{}, {} running now, {} failed in their handshake",
                counted(view.forwarded, "exchange"),
                count(view.open),
                counted(view.handshakes_failed, "connection")
            ),
        )?;
        line(
            "recorded",
            match view.marked {
                0 => format!("{} whole", count(view.recorded)),
                marked => format!(
                    "{} whole, {} with a mark (see `wayside exchanges mark:any`)",
                    count(view.recorded),
                    count(marked)
                ),
            },
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
    // Only who writes knows what the disk has confirmed.
    if source.recorder_runs() || view.durable_through.is_some() {
        line("durable", format!("through {}", through(view.durable_through)))?;
    }
    let budget = view.disk.budget.map_or(String::new(), |budget| format!(" of {}", size(budget)));
    line("disk", format!("{} used{budget}, {} free", size(view.disk.used), size(view.disk.free)))?;
    if view.removed.exchanges > 0 {
        let RemovedView { exchanges, bytes } = view.removed;
        let text =
            format!("{} by retention, {} freed", counted(exchanges, "exchange"), size(bytes));
        line("removed", text)?;
    }
    if let Some(otlp) = &otlp {
        let PushView { to, delivered, failed, rejected, error, .. } = otlp;
        let rejected = match rejected {
            0 => String::new(),
            number => format!(", {} of them rejected", counted(*number, "figure")),
        };
        let pushed = format!(
            "pushed to {to} {} times{rejected}, not taken {}",
            count(*delivered),
            count(*failed)
        );
        line("metrics", for_terminal(&pushed).into_owned())?;
        if let Some(error) = error {
            line("", paint.tone(Tone::Bad, &for_terminal(&format!("the collector: {error}"))))?;
        }
    }
    for problem in &view.problems {
        line("problem", paint.red(&for_terminal(problem)))?;
    }
    Ok(exit)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use std::fs;
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    async fn status(data: &Location, json: bool) -> (Exit, String) {
        let page = Page::default();
        let mut printer = Printer::page(Box::new(page.clone()), 80);
        let exit = run(StatusArgs { json }, data, &mut printer).await.unwrap();
        printer.flush().unwrap();
        let text = page.0.lock().unwrap().clone();
        (exit, String::from_utf8(text).unwrap())
    }

    #[tokio::test]
    async fn problems_show_in_the_exit_code_for_people_and_programs_alike() {
        let data = tempfile::tempdir().unwrap();
        let segments = data.path().join("segments");
        fs::create_dir(&segments).unwrap();
        for json in [false, true] {
            assert_eq!(status(&data.path().into(), json).await.0, Exit::Done);
        }
        fs::write(segments.join("0000000001.seg"), [b'?'; 100]).unwrap();
        for json in [false, true] {
            let (exit, text) = status(&data.path().into(), json).await;
            assert_eq!(exit, Exit::Differs);
            assert!(text.contains("is damaged"), "{text}");
        }
    }

    #[tokio::test]
    async fn without_a_recorder_nothing_is_said_about_what_is_durable() {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir(data.path().join("segments")).unwrap();
        let (_, text) = status(&data.path().into(), false).await;
        assert!(text.starts_with("no recorder runs on "), "{text}");
        assert!(!text.contains("durable"), "{text}");
    }
}
