//! The thread that looks at the verdicts every second, keeps the book and hands news to the couriers.

use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};
use wayside_exchange::cause::chain;
use wayside_exchange::view::OutlierView;
use wayside_exchange::{Micros, Timestamp};
use wayside_transport::client_tls::UpstreamTrust;
use wayside_transport::dial::Fence;
use wayside_transport::post::Poster;

use crate::book::{Event, News};
use crate::courier::{Inbox, webhook};
use crate::{Alerts, AlertsError, Links, Program, Webhook, message};

/// How often the verdicts are looked at.
const ROUND: Duration = Duration::from_secs(1);
/// How long the last news may take when the recorder stops.
const GRACE: Duration = Duration::from_secs(2);

/// Where news go, and when again.
pub struct Options {
    /// Where to post them.
    pub webhook: Option<Webhook>,
    /// Whom to trust there.
    pub trust: UpstreamTrust,
    /// What is not dialled.
    pub fence: Fence,
    /// The program that takes them.
    pub exec: Option<Program>,
    /// Whether they go to the log.
    pub log: bool,
    /// After what time whoever has not acknowledged an alert is reminded.
    pub remind: Option<Micros>,
    /// Where the proof is.
    pub links: Links,
    /// Reads the wall clock.
    pub clock: fn() -> Timestamp,
}

/// The verdicts that stand and of which people are told.
pub type Standing = Box<dyn Fn() -> Vec<OutlierView> + Send>;

/// Calls clients what they are called now.
pub type Naming = Box<dyn Fn(Vec<&mut OutlierView>) + Send>;

/// The running thread.
#[derive(Debug)]
pub struct Watch {
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

struct Watching {
    alerts: Alerts,
    standing: Standing,
    naming: Naming,
    options: Options,
    poster: Option<Poster>,
    webhook: Inbox,
    exec: Inbox,
}

impl Watch {
    /// Starts it.
    pub fn start(
        alerts: Alerts,
        standing: Standing,
        naming: Naming,
        options: Options,
    ) -> Result<Self, AlertsError> {
        let poster = match &options.webhook {
            Some(webhook) => Some(webhook.poster(&options.trust, options.fence.clone())?),
            None => None,
        };
        let tallies = alerts.tallies();
        let webhook = Inbox::new("webhook", &tallies.webhook);
        let exec = Inbox::new("program", &tallies.exec);
        let watching = Watching { alerts, standing, naming, options, poster, webhook, exec };
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().map_err(AlertsError::Thread)?;
        let (stop, stopped) = watch::channel(false);
        let thread = std::thread::Builder::new()
            .name("alerts".to_owned())
            .spawn(move || {
                runtime.block_on(watching.run(stopped));
                // A program that reads nothing must not keep the recorder from ending.
                runtime.shutdown_background();
            })
            .map_err(AlertsError::Thread)?;
        Ok(Self { stop, thread })
    }

    /// Ends it; the last news have two seconds.
    pub fn stop(self) {
        self.stop.send_replace(true);
        if self.thread.join().is_err() {
            tracing::error!("the alerts broke off");
        }
    }
}

impl Watching {
    async fn run(self, stopped: watch::Receiver<bool>) {
        let this = &self;
        let by_webhook = async {
            match &this.poster {
                Some(poster) => {
                    this.webhook
                        .serve(async |message| webhook::deliver(poster, message).await)
                        .await;
                }
                None => std::future::pending().await,
            }
        };
        let by_program = async {
            match &this.options.exec {
                Some(program) => {
                    this.exec.serve(async |message| program.deliver(message).await).await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = by_webhook => {}
            () = by_program => {}
            () = this.look_until(stopped) => {}
        }
    }

    async fn look_until(&self, mut stopped: watch::Receiver<bool>) {
        let mut rounds = interval(ROUND);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => break,
                _ = rounds.tick() => self.look(),
            }
        }
        let all_gone = async {
            while !(self.webhook.is_empty() && self.exec.is_empty()) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if timeout(GRACE, all_gone).await.is_err() {
            tracing::error!("stopped before all news of alerts were delivered");
        }
    }

    fn look(&self) {
        let now = (self.options.clock)();
        let (news, written) =
            self.alerts.look((self.standing)(), &self.naming, now, self.options.remind);
        if let Err(error) = written {
            tracing::error!("{}", chain(&error));
        }
        if news.is_empty() {
            return;
        }
        if self.options.log {
            news.iter().for_each(log);
        }
        let message = message::of(&news, &self.options.links, now);
        if self.options.webhook.is_some() {
            self.webhook.put(message.clone());
        }
        if self.options.exec.is_some() {
            self.exec.put(message);
        }
    }
}

fn log(news: &News) {
    let sentence = message::sentence(news);
    let sentence = wayside_exchange::escape::for_terminal(&sentence);
    match news.event {
        Event::Entered | Event::Reminder => tracing::warn!("{sentence}"),
        Event::Ended => tracing::info!("{sentence}"),
    }
}
