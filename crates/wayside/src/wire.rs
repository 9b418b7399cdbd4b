//! Puts the parts together: sockets, workers, recorder, console, and the order in which they end.
//!
//! Ending goes from the outside in: stop accepting, let what runs finish, let the workers hand over
//! their last batches, let the recorder write them, close the store. Only then is the console gone,
//! so that it can be asked how far things are.

mod consoles;
mod ourselves;
mod pushing;
mod telling;
mod traffic;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::watch;
use wayside_alerts::{Alerts, Watch};
use wayside_analytics::Standards;
use wayside_exchange::cause::chain;
use wayside_exchange::{ExchangeId, Micros};
use wayside_proxy::Handed;
use wayside_recorder::{Desking, Overload, Recorder, TapeMaker};
use wayside_store::{Encryption, Recovery, Retention, Store};
use wayside_transport::authority::Authority;
use wayside_transport::balance::{ConnectionLimits, Spread};
use wayside_transport::certificate::Given;
use wayside_transport::client_tls::{ClientTls, UpstreamTrust};
use wayside_transport::dial::{Dialer, Fence, Scheme, Upstream};
use wayside_transport::drain::{Drain, DrainTrigger};
use wayside_transport::listen::{Bound, raise_open_files};
use wayside_transport::server_tls::{ClientAuthorities, ServerTls};

use crate::clock;
use crate::config::{Durability, OnOverload, Settings};
use crate::report::trouble::Trouble;
use consoles::Consoles;

/// Everything that runs behind `record` and `demo`.
pub struct Wired {
    /// Where clients connect over TLS.
    pub listening: SocketAddr,
    /// Where clients connect without TLS.
    pub listening_plain: Option<SocketAddr>,
    /// What opening the store found; none when nothing is recorded.
    pub recovery: Option<Recovery>,
    recording: Option<(Recorder, Desking)>,
    consoles: Option<Consoles>,
    telling: Option<Watch>,
    standards: Standards,
    traffic: watch::Sender<Arc<wayside_proxy::Settings>>,
    tls: Arc<ServerTls>,
    authority: Arc<Authority>,
    trigger: DrainTrigger,
    workers: Vec<JoinHandle<anyhow::Result<()>>>,
    quit: watch::Sender<bool>,
}

impl Wired {
    /// Starts everything; when it returns, clients can connect.
    pub fn start(settings: &Settings, upstream: &Upstream) -> anyhow::Result<Self> {
        let _ = raise_open_files();
        ourselves::refuse(settings, upstream)?;
        make_private_folder(&settings.data)?;
        let keys = settings.data.join("keys");
        let authority = Arc::new(Authority::open_or_create(&keys)?);
        let given = given(settings)?;
        let clients = client_authorities(settings)?;
        let tls = Arc::new(ServerTls::new(&given, Some(Arc::clone(&authority)), clients)?);
        let dialer = dialer(settings, upstream)?;
        let secured = Bound::bind_to(settings.listen)?;
        let plain = settings.listen_http.map(Bound::bind_to).transpose()?;
        let (listening, listening_plain) = (secured.address(), plain.as_ref().map(Bound::address));
        let limits = ConnectionLimits {
            total: settings.max_connections,
            per_address: settings.max_connections_per_address,
        };
        let mut spreads: Vec<_> = (0..=usize::from(plain.is_some()))
            .map(|_| Spread::new(settings.workers, limits))
            .collect();
        let standards = Standards::from(settings.thresholds.clone());
        let (recording, recovery) = record(settings, &standards)?;
        let consoles = match &recording {
            Some((recorder, _, _)) => {
                let mut own = vec![("https", listening)];
                own.extend(listening_plain.map(|plain| ("http", plain)));
                let spreads = spreads.iter().map(|(spread, _)| spread.clone()).collect();
                let alerts = Alerts::take_up(&settings.data, recorder.store().cover());
                let consoles =
                    Consoles::start(settings, recorder, &standards, spreads, &alerts, &own)?;
                Some((consoles, alerts))
            }
            None => None,
        };
        let (consoles, alerts) = consoles.unzip();
        let console = consoles.as_ref().and_then(Consoles::address);
        let own = [Some(listening), listening_plain, console];
        let fence = Fence::around(own.into_iter().flatten());
        let dialer = dialer.fenced(fence.clone());
        let telling = match (&recording, alerts) {
            (Some((recorder, _, _)), Some(alerts)) => {
                Some(telling::start(settings, recorder, alerts, console, fence)?)
            }
            _ => None,
        };

        let (traffic, heard) = watch::channel(Arc::new(traffic::of(settings)));
        let (trigger, drain) = Drain::channel();
        let (quit, quitting) = watch::channel(false);
        let mut ports = vec![(secured, Some(Arc::clone(&tls)))];
        ports.extend(plain.map(|plain| (plain, None)));
        let newest = recovery.as_ref().map_or(ExchangeId(0), |found| found.newest);
        let connections = recovery.as_ref().map_or(0, |found| found.last_connection);
        let connections = Arc::new(connections.into());
        let mut workers = Vec::new();
        for index in 0..settings.workers {
            let mut listeners = Vec::new();
            for (bound, tls) in &ports {
                listeners.push((bound.try_clone()?, tls.clone()));
            }
            let inboxes =
                spreads.iter_mut().map(|(spread, inboxes)| (spread.clone(), inboxes.remove(0)));
            let handed = Handed {
                index,
                listeners,
                spreads: inboxes.collect(),
                dialer: dialer.clone(),
                settings: heard.clone(),
                drain: drain.clone(),
                after: newest,
                connections: Arc::clone(&connections),
            };
            let tapes = recording.as_ref().map(|(_, tapes, _)| tapes.clone());
            workers.push(traffic::spawn_worker(handed, tapes, quitting.clone())?);
        }
        let recording = recording.map(|(recorder, _, desking)| (recorder, desking));
        Ok(Self {
            listening,
            listening_plain,
            recovery,
            recording,
            consoles,
            telling,
            standards,
            traffic,
            tls,
            authority,
            trigger,
            workers,
            quit,
        })
    }

    /// The console's address with its token; none without a console.
    pub fn console(&self) -> Option<&str> {
        self.consoles.as_ref().and_then(Consoles::url)
    }

    /// Takes up changed settings, certificates, names and rules without touching a connection. What cannot change
    /// while it runs (addresses, upstream, workers, data) stays as it is.
    pub fn reload(&self, settings: &Settings) -> anyhow::Result<()> {
        let (given, clients) = (given(settings)?, client_authorities(settings)?);
        self.tls.replace(&given, Some(Arc::clone(&self.authority)), clients)?;
        self.traffic.send_replace(Arc::new(traffic::of(settings)));
        if let Some((recorder, _)) = &self.recording {
            label(recorder.store(), settings);
        }
        self.standards.replace(settings.thresholds.clone());
        Ok(())
    }

    /// Ends everything: `true` when all that ran could finish within `limit`, and before `hurry`.
    pub async fn stop(
        self,
        limit: Duration,
        hurry: impl Future<Output = ()>,
    ) -> anyhow::Result<bool> {
        self.trigger.start();
        let drained = tokio::select! {
            drained = self.trigger.drained(limit) => drained,
            () = hurry => false,
        };
        self.quit.send_replace(true);
        for worker in self.workers {
            match worker.join() {
                Ok(ended) => ended?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        if let Some(telling) = self.telling {
            tokio::task::block_in_place(|| telling.stop());
        }
        if let Some((recorder, desking)) = self.recording {
            drop(recorder);
            tokio::task::block_in_place(|| desking.finish())?;
        }
        if let Some(consoles) = self.consoles {
            consoles.stop();
        }
        Ok(drained)
    }
}

type Recording = (Recorder, TapeMaker, Desking);

fn record(
    settings: &Settings,
    standards: &Standards,
) -> anyhow::Result<(Option<Recording>, Option<Recovery>)> {
    if !settings.record {
        return Ok((None, None));
    }
    let options = wayside_store::Options {
        durability: match settings.durability {
            Durability::Process => wayside_store::Durability::Process,
            Durability::Power => wayside_store::Durability::Power,
            Durability::Strict => wayside_store::Durability::Strict,
        },
        retention: Retention {
            keep_for: settings.keep_for.map(Micros::from),
            keep_bytes: settings.keep_bytes,
        },
        encryption: match settings.encrypt {
            None => Encryption::AsBefore,
            Some(true) => Encryption::On,
            Some(false) => Encryption::Off,
        },
        ..wayside_store::Options::default()
    };
    let location = settings.location();
    let key = location.open_or_create_key()?;
    let (store, writer, recovery) = Store::open(&location, options)?;
    label(&store, settings);
    let options = wayside_recorder::Options {
        queue_bytes: usize::try_from(settings.queue_bytes).unwrap_or(usize::MAX),
        on_overload: match settings.on_overload {
            OnOverload::Shed => Overload::Shed,
            OnOverload::Wait => Overload::Wait,
        },
        strict: settings.durability == Durability::Strict,
        body_limit: settings.body_limit,
        session_idle: Micros::from(settings.idle_session),
        rules: settings.rules.clone(),
        routes: settings.routes.clone(),
        standards: standards.clone(),
        clock: clock::now,
    };
    let recording = Recorder::start(&store, writer, &recovery, key, options)?;
    Ok((Some(recording), Some(recovery)))
}

/// Calls clients what the configuration calls them; the traffic does not depend on it.
fn label(store: &Store, settings: &Settings) {
    if let Err(error) = store.relabel(settings.labels.clone()) {
        tracing::error!("the names of clients are not kept: {}", chain(&error));
    }
}

fn given(settings: &Settings) -> anyhow::Result<Vec<Given>> {
    let loaded = settings
        .certificates
        .iter()
        .map(|files| Given::load(&files.certificate, &files.key))
        .collect::<Result<_, _>>()?;
    Ok(loaded)
}

fn client_authorities(settings: &Settings) -> anyhow::Result<Option<ClientAuthorities>> {
    let load = |file| ClientAuthorities::load(file, settings.client_certificates_required);
    Ok(settings.client_ca.as_deref().map(load).transpose()?)
}

fn dialer(settings: &Settings, upstream: &Upstream) -> anyhow::Result<Dialer> {
    let trust = match &settings.upstream_ca {
        _ if settings.upstream_insecure => UpstreamTrust::Insecure,
        Some(file) => UpstreamTrust::Authority(file.clone()),
        None => UpstreamTrust::System,
    };
    let tls = match upstream.scheme() {
        Scheme::Http => None,
        Scheme::Https => Some(ClientTls::new(&trust)?),
    };
    Ok(Dialer::new(upstream.clone(), tls, settings.connect_timeout)?)
}

/// Returns once `stop` has turned true.
pub async fn told(mut stop: watch::Receiver<bool>) {
    // An error says that whoever would tell is gone: as good as told.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// A folder that only its owner can look into: it will hold other people's traffic.
fn make_private_folder(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(|| {
        Trouble::failed(format!("could not make the data folder `{}`", folder.display()))
            .hint("choose another with `--data DIR`")
    })
}
