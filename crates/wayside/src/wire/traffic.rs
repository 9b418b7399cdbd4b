//! The workers' threads, and the settings in the form in which the proxy takes them.

use std::rc::Rc;
use std::thread::JoinHandle;

use anyhow::Context as _;
use http::HeaderName;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::watch;
use wayside_proxy::{Additions, Handed, Limits, Timeouts, Worker};
use wayside_recorder::{Silence, TapeMaker};

use crate::config::Settings;

/// What the proxy goes by.
pub(super) fn of(settings: &Settings) -> wayside_proxy::Settings {
    let exchange_id = settings.exchange_id_header.as_ref();
    wayside_proxy::Settings {
        limits: Limits {
            header_bytes: settings.max_header_bytes,
            headers: settings.max_headers,
            streams: settings.max_streams,
            resets: settings.max_resets,
        },
        timeouts: Timeouts {
            handshake: settings.handshake_timeout,
            header: settings.header_timeout,
            body: settings.body_timeout,
            idle: settings.idle_timeout,
            response: settings.response_timeout,
            pool_idle: settings.upstream_idle_timeout,
        },
        proxied: settings.proxy_protocol.then(|| settings.rules.trusted_proxies().to_vec()),
        additions: Additions {
            forwarded: settings.forwarded_headers,
            via: settings.via,
            exchange_id: exchange_id.and_then(|name| HeaderName::try_from(name.as_str()).ok()),
        },
    }
}

/// Starts a worker's thread. It ends after `quitting` turns true, and hands over its tape.
pub(super) fn spawn_worker(
    handed: Handed,
    tapes: Option<TapeMaker>,
    mut quitting: watch::Receiver<bool>,
) -> anyhow::Result<JoinHandle<anyhow::Result<()>>> {
    let name = format!("worker-{}", handed.index);
    std::thread::Builder::new()
        .name(name)
        .spawn(move || {
            // Tasks of its own, not of a set within it: one queue less between a wake and its poll.
            let mut runtime = Builder::new_current_thread();
            let runtime = runtime.enable_all().build_local(LocalOptions::default())?;
            let tape = tapes.map(|tapes| tapes.tape());
            let record: Rc<dyn wayside_exchange::Record> = match &tape {
                Some(tape) => Rc::clone(tape) as _,
                None => Rc::new(Silence),
            };
            let ended = runtime.block_on(async {
                tokio::select! {
                    ended = Worker::run(handed, record) => ended,
                    _ = quitting.wait_for(|quit| *quit) => Ok(()),
                }
            });
            if let Some(tape) = &tape {
                tape.last();
            }
            // What still runs is dropped here, and its end recorded.
            drop(runtime);
            Ok(ended?)
        })
        .context("could not start a worker's thread")
}
