//! `wayside backup`: a copy of the recording that opens by itself, made while the recorder runs.

use anyhow::Context as _;
use serde_json::json;
use wayside_store::Location;

use super::verify::with_bar;
use crate::args::BackupArgs;
use crate::exit::Exit;
use crate::report::figures::{counted, size};
use crate::report::printer::Printer;
use crate::source;

/// Makes the copy, or brings an earlier one up to date.
pub fn run(args: &BackupArgs, data: &Location, printer: &mut Printer) -> anyhow::Result<Exit> {
    source::expect_recording(data)?;
    let made = with_bar("copied", |progress| {
        wayside_store::backup(data, &args.folder, args.with_keys, progress)
    })
    .with_context(|| format!("could not back up `{}`", data.display()))?;
    if args.json {
        printer.json(&json!({
            "exchanges": made.exchanges,
            "segments": made.segments,
            "bytes": made.bytes,
            "unchanged": made.unchanged,
            "linked": made.linked,
            "copied": made.copied,
            "dropped": made.dropped,
            "encrypted": made.encrypted,
            "with_keys": args.with_keys,
        }))?;
        return Ok(Exit::Done);
    }
    printer.line(format!(
        "`{}` holds {} in {} ({}): {} copied, {} linked, {} there before, {} gone since",
        args.folder.display(),
        counted(made.exchanges, "exchange"),
        counted(made.segments, "segment"),
        size(made.bytes),
        made.copied,
        made.linked,
        made.unchanged,
        made.dropped
    ))?;
    let known = match (args.with_keys, made.encrypted) {
        (true, true) => "with its keys: whoever has them can read everything in it",
        (true, false) => "with its keys: whoever has them can read the sealed secrets in it",
        (false, true) => {
            printer.say(format!(
                "encrypted: nothing in it can be read without the key `{}`, which is not in it (`--with-keys`)",
                data.key().display()
            ));
            return Ok(Exit::Done);
        }
        (false, false) => {
            "without its keys, so the sealed secrets in it cannot be read: `--with-keys`"
        }
    };
    printer.say(known);
    Ok(Exit::Done)
}
