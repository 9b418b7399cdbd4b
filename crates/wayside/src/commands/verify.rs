//! `wayside verify`: checks every block of the recording, and makes the index anew if asked.

use anyhow::Context as _;
use serde_json::json;
use wayside_exchange::escape::for_terminal;
use wayside_store::{Location, Verification};

use crate::args::VerifyArgs;
use crate::exit::Exit;
use crate::report::figures::{count, counted, size};
use crate::report::printer::Printer;
use crate::report::progress;
use crate::report::trouble::Trouble;
use crate::source;

/// Checks; damage and losses make the exit code 1.
pub async fn run(args: VerifyArgs, data: &Location, printer: &mut Printer) -> anyhow::Result<Exit> {
    source::expect_recording(data)?;
    if args.rebuild {
        if source::recorder_runs(data).await {
            return Err(Trouble::failed(format!("a recorder runs on `{}`", data.display()))
                .hint("stop it first: the index belongs to one process")
                .into());
        }
        with_bar("read", |progress| wayside_store::rebuild(data, progress))
            .with_context(|| format!("could not make the index of `{}` anew", data.display()))?;
        printer.say("the index was made anew");
    }
    let found = with_bar("checked", |progress| wayside_store::verify(data, progress))
        .with_context(|| format!("could not check the recording at `{}`", data.display()))?;
    if args.json {
        printer.json(&as_json(&found))?;
    } else {
        for line in as_lines(&found) {
            printer.line(for_terminal(&line))?;
        }
    }
    Ok(if found.damaged.is_empty() { Exit::Done } else { Exit::Differs })
}

/// Does long work behind a bar that shows how far it is.
pub fn with_bar<T, E>(
    what: &str,
    work: impl FnOnce(&mut dyn FnMut(wayside_store::Progress)) -> Result<T, E>,
) -> Result<T, E> {
    let bar = progress::bar(0, what, true);
    let done = work(&mut |progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    });
    bar.finish_and_clear();
    done
}

fn as_lines(found: &Verification) -> Vec<String> {
    let mut lines = vec![format!(
        "{} in {} of {} ({}): {}",
        counted(found.exchanges, "exchange"),
        counted(found.blocks, "block"),
        counted(found.segments, "segment"),
        size(found.bytes),
        match found.damaged.len() {
            0 => "all whole".to_owned(),
            n => format!("{} damaged", counted(n as u64, "block")),
        }
    )];
    lines.extend(found.damaged.iter().map(|block| {
        format!("damaged: `{}` at byte {}: {}", block.segment.display(), block.offset, block.reason)
    }));
    if found.encrypted > 0 {
        lines.push(format!(
            "{} of {} encrypted",
            count(found.encrypted),
            counted(found.segments, "segment")
        ));
    }
    if found.open > 0 {
        lines.push(format!(
            "{} still running, or were when the recorder stopped",
            count(found.open)
        ));
    }
    // These words are what scripts look for.
    lines.push(format!("{} exchanges lost", found.lost));
    lines
}

fn as_json(found: &Verification) -> serde_json::Value {
    let damaged: Vec<serde_json::Value> = found
        .damaged
        .iter()
        .map(|block| json!({ "segment": block.segment, "offset": block.offset, "reason": block.reason }))
        .collect();
    json!({
        "segments": found.segments,
        "encrypted": found.encrypted,
        "blocks": found.blocks,
        "bytes": found.bytes,
        "exchanges": found.exchanges,
        "open": found.open,
        "pieces": found.pieces,
        "lost": found.lost,
        "damaged": damaged,
    })
}
