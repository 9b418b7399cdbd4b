//! The console over TCP and the control socket, on a thread of their own: whoever looks never
//! shares a thread with the traffic.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};
use wayside_alerts::Alerts;
use wayside_analytics::Standards;
use wayside_analytics::meters::Meters;
use wayside_console::{Api, ConsoleFacts, Control, Live, Load, Token, control_path, push};
use wayside_exchange::Summary;
use wayside_exchange::view::{BoardView, OutlierView, StatusView};
use wayside_recorder::{Recorder, Resealer};
use wayside_transport::balance::Spread;
use wayside_transport::dial::Fence;
use wayside_transport::listen::Bound;

use crate::clock;
use crate::config::Settings;
use crate::report::panics;
use crate::report::trouble::Trouble;
use crate::wire::{pushing, told};

/// Both consoles, running; and what pushes the metrics.
pub(super) struct Consoles {
    address: Option<SocketAddr>,
    url: Option<String>,
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

/// The recorder, as the console looks into it.
struct Looking {
    recorder: Recorder,
    spreads: Vec<Spread>,
}

impl Live for Looking {
    fn status(&self) -> StatusView {
        let mut status = self.recorder.status();
        panics::tell(&mut status);
        status
    }

    fn follow(&self) -> broadcast::Receiver<Arc<Summary>> {
        self.recorder.follow()
    }

    fn outliers(&self) -> Arc<Vec<OutlierView>> {
        self.recorder.outliers()
    }

    fn board(&self) -> Arc<BoardView> {
        self.recorder.board()
    }

    fn meters(&self) -> Meters {
        self.recorder.meters()
    }

    fn load(&self) -> Load {
        let connections: usize = self.spreads.iter().flat_map(Spread::open).sum();
        let (connections, queue_budget) = (connections as u64, self.recorder.queue_budget() as u64);
        Load { connections, queue_budget }
    }
}

impl Consoles {
    /// Starts both.
    pub(super) fn start(
        settings: &Settings,
        recorder: &Recorder,
        standards: &Standards,
        spreads: Vec<Spread>,
        alerts: &Alerts,
        own: &[(&'static str, SocketAddr)],
    ) -> anyhow::Result<Self> {
        let bound = settings.console.map(bind).transpose()?;
        let metrics = settings.metrics_token.clone();
        let metrics = metrics.unwrap_or_else(|| settings.data.join("keys").join("metrics.token"));
        let token = Token::random()?.opening_metrics_to(&Token::open_or_create(&metrics)?);
        let url = bound
            .as_ref()
            .map(|bound| format!("http://{}/?token={}", bound.address(), token.reveal()));
        let address = bound.as_ref().map(Bound::address);
        let own: Vec<_> = own.iter().copied().chain(address.map(|it| ("http", it))).collect();
        let addresses = own.iter().map(|(scheme, address)| format!("{scheme}://{address}"));
        let fence = Fence::around(own.iter().map(|(_, address)| *address));
        let pushing = pushing::of(settings, fence)?;
        let (key, rules) = (settings.location().open_or_create_key()?, settings.rules.clone());
        let api = Api {
            store: recorder.store().clone(),
            recorder: Some(Arc::new(Looking { recorder: recorder.clone(), spreads })),
            resealer: Some(Arc::new(move || Box::new(Resealer::new(key.clone(), &rules)))),
            standards: standards.clone(),
            alerts: alerts.clone(),
            pushed: pushing.as_ref().map(|pushing| pushing.tally.clone()),
            facts: ConsoleFacts {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                started_at: Some(clock::now()),
                listening: addresses.collect(),
            },
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listening = {
            let _inside = runtime.enter();
            listen(&settings.data, bound)
        };
        let (control, listener) = match listening {
            Ok(listening) => listening,
            Err(error) => {
                // Dropped here, where another runtime runs, it would panic.
                runtime.shutdown_background();
                return Err(error);
            }
        };
        let control = match address {
            Some(address) => control.opening(address, token.clone()),
            None => control,
        };
        let (stop, stopping) = watch::channel(false);
        let thread = std::thread::Builder::new()
            .name("console".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    let over_tcp = async {
                        if let Some(listener) = listener {
                            let stops = told(stopping.clone());
                            wayside_console::serve(listener, api.clone(), token, stops).await;
                        }
                    };
                    let over_socket = control.serve(api.clone(), told(stopping.clone()));
                    let pushed = async {
                        if let Some(pushing) = pushing {
                            push(pushing, api.clone(), told(stopping.clone())).await;
                        }
                    };
                    tokio::join!(over_tcp, over_socket, pushed);
                });
            })
            .context("could not start the console's thread")?;
        Ok(Self { address, url, stop, thread })
    }

    /// Where the console listens over TCP.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// The console's address with its token.
    pub(super) fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// Ends both.
    pub(super) fn stop(self) {
        self.stop.send_replace(true);
        if let Err(panic) = self.thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

fn bind(address: SocketAddr) -> anyhow::Result<Bound> {
    Bound::bind_to(address).with_context(|| {
        Trouble::failed(format!("could not open the console at `{address}`"))
            .hint("choose another with `--console ADDR`, or do without: `--console off`")
    })
}

fn listen(data: &Path, bound: Option<Bound>) -> anyhow::Result<(Control, Option<TcpListener>)> {
    let control = Control::bind(&control_path(data))?;
    Ok((control, bound.map(Bound::into_tokio).transpose()?))
}
