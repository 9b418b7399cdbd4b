//! `wayside export`: exchanges as curl commands or HAR. Whole exchanges are read from the store;
//! what is exported holds no secret unless that was asked for.

mod trust;

use std::cell::Cell;
use std::fs::{OpenOptions, Permissions};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use wayside_exchange::{Exchange, ExchangeId, Half};
use wayside_formats::curl::{CurlCommand, CurlOptions, Script, command};
use wayside_formats::har::HarWriter;
use wayside_store::{Location, Store};

use trust::Trust;

use super::selection;
use crate::args::{ExportArgs, ExportFormat};
use crate::exit::Exit;
use crate::report::figures::counted;
use crate::report::printer::{self, Printer};
use crate::report::progress;
use crate::report::trouble::Trouble;
use crate::sealed::Seal;
use crate::source::{self, Source};

/// Exports.
pub async fn run(args: ExportArgs, data: &Location, printer: &mut Printer) -> anyhow::Result<Exit> {
    let ids = selection::exchanges(&Source::open(data).await?, &args.selection, data).await?;
    let reading = Reading {
        store: source::store(data)?,
        seal: if args.reveal { Some(Seal::of(data)?) } else { None },
        incomplete: Cell::new(0),
    };
    let output = args.output.as_deref().map(|path| file_name(path, args.format));
    let mut written = Written { output: output.clone(), private: args.reveal, printer };
    let mut trust = Trust::of(&args, data)?;
    match args.format {
        ExportFormat::Curl => curl(&args, &ids, &reading, &mut trust, &mut written)?,
        ExportFormat::Har => har(&args, &ids, &reading, &mut written)?,
    }
    let incomplete = reading.incomplete.get();
    if incomplete > 0 {
        printer.say(format!(
            "some of what was sealed in the bodies of {} is gone: retention deleted the segments that \
             held it, and tokens stand there",
            counted(incomplete, "exchange")
        ));
    }
    if let Some(path) = output {
        let what = counted(ids.len() as u64, "exchange");
        printer.say(format!("wrote {what} to `{}`", path.display()));
    }
    if let Some(chosen) = trust.in_words() {
        printer.say(chosen);
    }
    Ok(Exit::Done)
}

/// Where exchanges are read from, and whether with their secrets.
struct Reading {
    store: Store,
    seal: Option<Seal>,
    /// Exchanges whose bodies could not be revealed whole.
    incomplete: Cell<u64>,
}

/// Where the export goes.
struct Written<'a> {
    output: Option<PathBuf>,
    /// Whether only this user may read it.
    private: bool,
    printer: &'a mut Printer,
}

fn curl(
    args: &ExportArgs,
    ids: &[ExchangeId],
    reading: &Reading,
    trust: &mut Trust,
    written: &mut Written<'_>,
) -> anyhow::Result<()> {
    let folder = written.output.as_ref().map(|path| path.parent().unwrap_or(Path::new("")));
    let options = CurlOptions {
        to: args.to.clone(),
        cacert: args.cacert.clone(),
        files: folder.map(|folder| folder.to_string_lossy().into_owned()),
        ..CurlOptions::default()
    };
    let to_here = CurlOptions { cacert: trust.own().map(Path::to_owned), ..options.clone() };
    let mut out = written.begin()?;
    if let [id] = ids {
        let exchange = reading.exchange(*id)?;
        let body = reading.body(*id, Half::Request)?;
        let options = if trust.is_own(&exchange.summary) { &to_here } else { &options };
        return out.command(&command(&exchange, &body, options));
    }
    // A script declares what all of its steps need before the first.
    let heads = ids.iter().map(|id| reading.exchange(*id)).collect::<anyhow::Result<Vec<_>>>()?;
    // Both are the same script but for what its steps trust.
    let (script, to_here) = (Script::new(&heads, options), Script::new(&heads, to_here));
    out.text(script.opening().as_bytes())?;
    let bar = progress::bar(ids.len() as u64, "exchanges", false);
    for exchange in &heads {
        let body = reading.body(exchange.summary.id, Half::Request)?;
        let script = if trust.is_own(&exchange.summary) { &to_here } else { &script };
        out.command(&script.step(exchange, &body))?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    out.finish()
}

fn har(
    args: &ExportArgs,
    ids: &[ExchangeId],
    reading: &Reading,
    written: &mut Written<'_>,
) -> anyhow::Result<()> {
    if args.to.is_some() || args.cacert.is_some() {
        return Err(Trouble::misused("`--to` and `--cacert` go with `--as curl`").into());
    }
    let path = written.output.clone();
    let failed = |error| unwritten(path.as_deref(), error);
    let mut har = HarWriter::new(written.begin()?).map_err(failed)?;
    let bar = progress::bar(ids.len() as u64, "exchanges", false);
    for id in ids {
        let exchange = reading.exchange(*id)?;
        let (request, response) =
            (reading.body(*id, Half::Request)?, reading.body(*id, Half::Response)?);
        har.entry(&exchange, &request, &response).map_err(failed)?;
        bar.inc(1);
    }
    let out = har.finish().map_err(failed)?;
    bar.finish_and_clear();
    out.finish()
}

impl Reading {
    fn exchange(&self, id: ExchangeId) -> anyhow::Result<Exchange> {
        let exchange = self.store.exchange(id)?;
        let exchange =
            exchange.ok_or_else(|| Trouble::not_found(format!("`{id}` is not stored any more")))?;
        match &self.seal {
            Some(seal) => {
                let exchange = seal.reveal(&self.store, exchange)?;
                let mut messages = [Half::Request, Half::Response]
                    .into_iter()
                    .filter_map(|half| exchange.message(half));
                if messages.any(|message| message.body.redacted) {
                    self.incomplete.set(self.incomplete.get() + 1);
                }
                Ok(exchange)
            }
            None => Ok(exchange),
        }
    }

    fn body(&self, id: ExchangeId, half: Half) -> anyhow::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let unread = || format!("could not read the {} body of `{id}`", half.as_str());
        if let Some(seal) = &self.seal {
            if let Some(mut body) = seal.body(&self.store, id, half)? {
                body.read_to_end(&mut bytes).with_context(unread)?;
            }
        } else if let Some(mut body) = self.store.body(id, half)? {
            body.read_to_end(&mut bytes).with_context(unread)?;
        }
        Ok(bytes)
    }
}

/// An export that is being written.
struct Out<'a> {
    file: Option<(std::io::BufWriter<std::fs::File>, PathBuf)>,
    printer: &'a mut Printer,
    private: bool,
}

impl Written<'_> {
    fn begin(&mut self) -> anyhow::Result<Out<'_>> {
        let file = match &self.output {
            None => None,
            Some(path) => {
                let file = create(path, self.private)?;
                Some((std::io::BufWriter::new(file), path.clone()))
            }
        };
        Ok(Out { file, printer: self.printer, private: self.private })
    }
}

impl Out<'_> {
    fn text(&mut self, text: &[u8]) -> anyhow::Result<()> {
        self.write_all(text).map_err(|error| self.failed(error))
    }

    /// Writes a command, and beside it the bodies that cannot stand in it.
    fn command(&mut self, command: &CurlCommand) -> anyhow::Result<()> {
        self.text(command.text.as_bytes())?;
        if !command.text.ends_with('\n') {
            self.text(b"\n")?;
        }
        for (name, content) in &command.files {
            let folder = self.file.as_ref().and_then(|(_, path)| path.parent());
            let path = folder.unwrap_or(Path::new("")).join(name);
            create(&path, self.private)?
                .write_all(content)
                .map_err(|error| unwritten(Some(&path), error))?;
        }
        self.flush().map_err(|error| self.failed(error))
    }

    fn finish(mut self) -> anyhow::Result<()> {
        self.flush().map_err(|error| self.failed(error))
    }

    fn failed(&self, error: io::Error) -> anyhow::Error {
        unwritten(self.file.as_ref().map(|(_, path)| path.as_path()), error)
    }
}

impl Write for Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match &mut self.file {
            Some((file, _)) => file.write(bytes),
            None => self.printer.writer().write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match &mut self.file {
            Some((file, _)) => file.flush(),
            None => self.printer.writer().flush(),
        }
    }
}

fn create(path: &Path, private: bool) -> anyhow::Result<std::fs::File> {
    let open = || {
        let mode = if private { 0o600 } else { 0o644 };
        let file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)?;
        if private {
            // A file that was there has kept its own.
            file.set_permissions(Permissions::from_mode(mode))?;
        }
        Ok(file)
    };
    open().map_err(|error| unwritten(Some(path), error))
}

/// What it means that an export could not be written: to a file, or to standard output.
fn unwritten(path: Option<&Path>, error: io::Error) -> anyhow::Error {
    match path {
        Some(path) => {
            anyhow::Error::from(error).context(format!("could not write `{}`", path.display()))
        }
        None => printer::failure(error),
    }
}

/// A folder gets a file of the format's usual name.
fn file_name(path: &Path, format: ExportFormat) -> PathBuf {
    if !path.is_dir() {
        return path.to_owned();
    }
    path.join(match format {
        ExportFormat::Curl => "exchanges.sh",
        ExportFormat::Har => "exchanges.har",
    })
}
