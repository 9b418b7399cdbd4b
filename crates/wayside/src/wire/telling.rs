//! The thread that tells people of verdicts, and the settings in the form in which it takes them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use wayside_alerts::{Alerts, Links, Options, Program, Watch};
use wayside_analytics::call;
use wayside_exchange::Micros;
use wayside_exchange::view::OutlierView;
use wayside_recorder::Recorder;
use wayside_transport::client_tls::UpstreamTrust;
use wayside_transport::dial::Fence;

use crate::clock;
use crate::config::Settings;
use crate::report::shell;
use crate::source::Question;

/// How many exchanges the console's link shows.
const SHOWN: usize = 50;

/// Starts it. It never dials what `fence` keeps out.
pub(super) fn start(
    settings: &Settings,
    recorder: &Recorder,
    alerts: Alerts,
    console: Option<SocketAddr>,
    fence: Fence,
) -> anyhow::Result<Watch> {
    let trust = match &settings.alert_webhook_ca {
        Some(file) => UpstreamTrust::Authority(file.clone()),
        None => UpstreamTrust::System,
    };
    let options = Options {
        webhook: settings.alert_webhook.clone(),
        trust,
        fence,
        exec: settings.alert_exec.clone().map(Program),
        log: settings.alert_log,
        remind: settings.alert_remind.map(Micros::from),
        links: links(settings.data.clone(), console),
        clock: clock::now,
    };
    let (recorder, store) = (recorder.clone(), recorder.store().clone());
    let standing = move || recorder.outliers().to_vec();
    let naming = move |outliers: Vec<&mut OutlierView>| {
        store.links(|links| outliers.into_iter().for_each(|one| call(one, links)));
    };
    Ok(Watch::start(alerts, Box::new(standing), Box::new(naming), options)?)
}

fn links(data: PathBuf, console: Option<SocketAddr>) -> Links {
    let command = move |filter: &str| {
        let data = shell::quoted(&data.display().to_string());
        format!("{} --data {data}", shell::command("exchanges", filter))
    };
    let console = move |filter: &str| {
        let question = Question::at("/api/exchanges")
            .with("rows", 1)
            .with("order", "newest")
            .with("limit", SHOWN)
            .matching(filter);
        console.map(|address| format!("http://{address}{question}"))
    };
    Links { command: Arc::new(command), console: Arc::new(console) }
}
