//! `record`: the main job, until a signal ends it.

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use wayside_transport::dial::Upstream;

use crate::args::{Everywhere, RecordArgs};
use crate::config::{self, Settings};
use crate::exit::Exit;
use crate::report::printer::Printer;
use crate::report::trouble::{Trouble, in_a_line};
use crate::wire::Wired;

/// Records until told to stop.
pub fn run(
    everywhere: &Everywhere,
    args: &RecordArgs,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    let settings = || {
        let upstream = args.upstream.as_deref();
        config::resolve(everywhere, &args.settings, upstream, &config::environment)?.settings()
    };
    let first = settings()?;
    let upstream = first.upstream.clone().ok_or_else(|| {
        Trouble::misused("no upstream was named")
            .hint("say which backend to stand in front of: `wayside record http://127.0.0.1:3000`")
    })?;
    runtime()?.block_on(async {
        let mut reload = signal(SignalKind::hangup()).context("could not listen for signals")?;
        let mut stopping = Stopping::listen()?;
        let wired = Wired::start(&first, &upstream)?;
        announce(&wired, &first, &upstream, printer)?;
        loop {
            tokio::select! {
                () = stopping.asked() => break,
                _ = reload.recv() => match settings().and_then(|new| wired.reload(&new)) {
                    Ok(()) => tracing::info!("configuration and certificates reloaded"),
                    Err(error) => tracing::error!("kept what was in force: {}", in_a_line(&error)),
                },
            }
        }
        tracing::info!(limit = ?first.drain, "draining");
        // Asked twice: whoever asks does not want to wait for anything but the recording.
        if !wired.stop(first.drain, stopping.asked()).await? {
            tracing::warn!("exchanges that still ran were broken off");
        }
        Ok(Exit::Done)
    })
}

/// The runtime of the thread that waits; the traffic has its own.
pub fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().context("could not start")
}

/// SIGTERM and SIGINT.
pub struct Stopping {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Stopping {
    /// Listens from now on.
    pub fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("could not listen for signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Returns when one has come.
    pub async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Says where everything is.
pub fn announce(
    wired: &Wired,
    settings: &Settings,
    upstream: &Upstream,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    if settings.upstream_insecure {
        printer.say(
            "warning: `--upstream-insecure` accepts any certificate: whoever sits between here \
             and the backend can read and change everything",
        );
    }
    if settings.record && settings.rules.seals_nothing() {
        printer.say("warning: `--seal none`: passwords, tokens and cookies are recorded in clear");
    }
    if wired.recovery.as_ref().is_some_and(|found| found.encrypted) && settings.seal_key.is_none() {
        printer.say(
            "warning: the recording is encrypted, and its key lies in the data folder: whoever \
             copies both can read everything (`--seal-key FILE` keeps the key elsewhere)",
        );
    }
    let data = settings.data.display();
    match &wired.recovery {
        Some(found) if found.lost > 0 => {
            printer
                .say(format!("the last run ended without a stop: {} exchanges lost", found.lost));
        }
        Some(_) => {}
        None => printer.say("warning: `--no-record`: traffic is forwarded and not recorded"),
    }
    printer.line(format!("proxy    https://{}  ->  {upstream}", wired.listening))?;
    if let Some(plain) = wired.listening_plain {
        printer.line(format!("plain    http://{plain}  ->  {upstream}"))?;
    }
    if let Some(console) = wired.console() {
        printer.line(format!("console  {console}"))?;
    }
    if let Some(found) = &wired.recovery {
        let how = if found.encrypted { ", encrypted" } else { "" };
        printer.line(format!("data     {data}{how}"))?;
    }
    printer.flush()?;
    let port = wired.listening.port();
    printer.say(format!(
        "try      curl --cacert {data}/keys/ca.pem https://localhost:{port}/\n\
         then     wayside exchanges --data {data}   (stop with Ctrl-C)"
    ));
    Ok(())
}
