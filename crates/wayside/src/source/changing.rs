//! Where changes go: to the running recorder, or, when none runs, to the store opened for writing in this
//! process, with somebody to tick its writer.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use http::Method;
use wayside_alerts::Alerts;
use wayside_console::{Answer, Api, ConsoleFacts, Resealers, changes, router};
use wayside_identity::Rules;
use wayside_recorder::Resealer;
use wayside_store::{Location, Options, Store, StoreError, Writer};

use super::{Question, expect_recording};
use crate::clock;
use crate::report::printer::Printer;

/// How long the store may go without a tick.
const TICK: Duration = Duration::from_millis(50);

/// The API of one recording, for what changes it.
pub struct Changing {
    source: wayside_console::Source,
    attendant: Option<Attendant>,
}

/// Ticks the writer of a store until it is told to stop.
struct Attendant {
    stop: Sender<()>,
    thread: JoinHandle<Result<(), StoreError>>,
}

impl Changing {
    /// The API of the recording at `data`.
    pub async fn open(data: &Location, printer: &mut Printer) -> anyhow::Result<Self> {
        Self::with(data, None, printer).await
    }

    /// The same, which can seal by these rules what rests in clear; a recorder that runs has rules of its
    /// own.
    pub async fn sealing(
        data: &Location,
        rules: Rules,
        printer: &mut Printer,
    ) -> anyhow::Result<Self> {
        let key = data.open_or_create_key()?;
        let make: Resealers = Arc::new(move || Box::new(Resealer::new(key.clone(), &rules)));
        Self::with(data, Some(make), printer).await
    }

    async fn with(
        data: &Location,
        resealer: Option<Resealers>,
        printer: &mut Printer,
    ) -> anyhow::Result<Self> {
        let mut attendant = None;
        let in_process = || {
            expect_recording(data)?;
            let (store, writer, recovery) = Store::open(data, Options::default())
                .with_context(|| format!("could not open the recording at `{}`", data.display()))?;
            if recovery.lost > 0 {
                printer.say(format!(
                    "the last run ended without a stop: {} exchanges lost",
                    recovery.lost
                ));
            }
            attendant = Some(Attendant::start(writer)?);
            let facts = ConsoleFacts::default();
            let standards = wayside_analytics::Standards::default();
            let alerts = Alerts::open(data, store.cover());
            let (recorder, pushed) = (None, None);
            let api = Api { store, recorder, resealer, standards, alerts, pushed, facts };
            anyhow::Ok(router(api.clone()).merge(changes(api)))
        };
        let source = wayside_console::Source::of(data, in_process).await?;
        Ok(Self { source, attendant })
    }

    /// Asks, and fails unless the answer is a good one.
    pub async fn ask(&self, method: Method, question: &Question) -> anyhow::Result<Answer> {
        let answer = self.source.send(method, &question.to_string()).await?;
        Ok(answer.or_refused().await?)
    }

    /// Ends what was begun; the recording is closed cleanly.
    pub fn close(self) -> anyhow::Result<()> {
        match self.attendant {
            Some(attendant) => Ok(attendant.stop()?),
            None => Ok(()),
        }
    }
}

impl Attendant {
    fn start(mut writer: Writer) -> anyhow::Result<Self> {
        let (stop, told) = channel::<()>();
        let thread = std::thread::Builder::new()
            .name("attendant".to_owned())
            .spawn(move || {
                while told.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                    writer.tick(clock::now())?;
                }
                writer.close()
            })
            .context("could not start a thread")?;
        Ok(Self { stop, thread })
    }

    fn stop(self) -> Result<(), StoreError> {
        drop(self.stop);
        match self.thread.join() {
            Ok(ended) => ended,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}
