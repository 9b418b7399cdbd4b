//! The book of alerts: which verdict is told of, and when again. No clock and no files.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use wayside_exchange::view::OutlierView;
use wayside_exchange::{Micros, Timestamp};

/// A verdict that has not been found for so long has gone.
const PATIENCE: Micros = Micros(60_000_000);
/// Alerts that can be open at once; what comes beyond is only counted.
const MOST_OPEN: usize = 500;
/// Alerts that have ended and are still listed.
const MOST_ENDED: usize = 1000;

/// How far an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The verdict stands, and nobody has said that they know.
    Open,
    /// The verdict stands, and somebody knows.
    Acknowledged,
    /// The verdict has gone.
    Ended,
}

/// A verdict that came, as `/api/alerts` gives it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Its number, counted from 1 over the life of the recording.
    pub id: u64,
    /// How far it is.
    pub state: State,
    /// When the verdict came.
    pub opened_at: Timestamp,
    /// When somebody said that they know; null when nobody has.
    pub acknowledged_at: Option<Timestamp>,
    /// When the verdict had gone; null while it stands.
    pub ended_at: Option<Timestamp>,
    /// When it was told of last.
    pub told_at: Timestamp,
    /// The verdict and whom it is about, as found last.
    #[serde(flatten)]
    pub outlier: OutlierView,
}

/// What is to be told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct News {
    pub(crate) event: Event,
    #[serde(flatten)]
    pub(crate) alert: Alert,
}

/// What happened to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Event {
    Entered,
    Reminder,
    Ended,
}

/// All alerts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Book {
    /// The number that was given last.
    last: u64,
    /// By number.
    alerts: Vec<Alert>,
    /// When each open alert's verdict was found last.
    #[serde(skip)]
    found: HashMap<u64, Timestamp>,
    /// Verdicts of clients that were erased, which stand until the windows have forgotten them.
    #[serde(skip)]
    muted: BTreeSet<String>,
    /// Verdicts that came while too many stood, since the start.
    #[serde(skip)]
    untold: u64,
}

impl Book {
    pub(crate) fn alerts(&self) -> &[Alert] {
        &self.alerts
    }

    pub(crate) fn untold(&self) -> u64 {
        self.untold
    }

    /// Takes the verdicts that stand at `now`; what is to be told of that.
    pub(crate) fn look(
        &mut self,
        standing: &[OutlierView],
        now: Timestamp,
        remind: Option<Micros>,
    ) -> Vec<News> {
        self.muted.retain(|client| standing.iter().any(|one| one.client == *client));
        let mut news = Vec::new();
        for outlier in standing {
            if self.muted.contains(&outlier.client) {
                continue;
            }
            let known = self.alerts.iter_mut().rev().find(|alert| alert.is_of(outlier));
            if let Some(alert) = known {
                // Of several that are about the same since clients turned out to be one, the first is the worst.
                if self.found.insert(alert.id, now) != Some(now) {
                    alert.outlier = outlier.clone();
                }
            } else if self.alerts.iter().filter(|alert| alert.stands()).count() >= MOST_OPEN {
                self.untold += 1;
            } else {
                news.push(self.open(outlier, now));
            }
        }
        for alert in self.alerts.iter_mut().filter(|alert| alert.stands()) {
            let found = *self.found.entry(alert.id).or_insert(now);
            let due = |wait: &Micros| now.since(alert.told_at) >= *wait;
            if now.since(found) >= PATIENCE {
                self.found.remove(&alert.id);
                news.push(alert.end(now));
            } else if alert.state == State::Open && remind.as_ref().is_some_and(due) {
                alert.told_at = now;
                news.push(News { event: Event::Reminder, alert: alert.clone() });
            }
        }
        self.tidy();
        news
    }

    /// Calls clients what they are called now, in `standing` and here: an open alert goes on under the new name. Of two
    /// that are about the same then the later one is over.
    pub(crate) fn follow(
        &mut self,
        standing: &mut [OutlierView],
        naming: &dyn Fn(Vec<&mut OutlierView>),
        now: Timestamp,
    ) -> Vec<News> {
        let open = self.alerts.iter_mut().filter(|alert| alert.stands());
        naming(open.map(|alert| &mut alert.outlier).chain(standing).collect());
        let mut news = Vec::new();
        for at in 0..self.alerts.len() {
            let (earlier, later) = self.alerts.split_at_mut(at);
            let Some(goes) = later.first_mut().filter(|alert| alert.stands()) else { continue };
            let Some(stays) = earlier.iter_mut().find(|alert| alert.is_of(&goes.outlier)) else {
                continue;
            };
            if goes.state == State::Acknowledged {
                stays.state = State::Acknowledged;
                stays.acknowledged_at = stays.acknowledged_at.or(goes.acknowledged_at);
            }
            let found = self.found.remove(&goes.id).max(self.found.get(&stays.id).copied());
            self.found.extend(found.map(|found| (stays.id, found)));
            news.push(goes.end(now));
        }
        news
    }

    fn open(&mut self, outlier: &OutlierView, now: Timestamp) -> News {
        self.last += 1;
        let alert = Alert {
            id: self.last,
            state: State::Open,
            opened_at: now,
            acknowledged_at: None,
            ended_at: None,
            told_at: now,
            outlier: outlier.clone(),
        };
        self.found.insert(alert.id, now);
        self.alerts.push(alert.clone());
        News { event: Event::Entered, alert }
    }

    /// Somebody knows of an alert; of one that has ended too. None when there is none.
    pub(crate) fn acknowledge(&mut self, id: u64, now: Timestamp) -> Option<Alert> {
        let alert = self.alerts.iter_mut().find(|alert| alert.id == id)?;
        alert.acknowledged_at.get_or_insert(now);
        if alert.state == State::Open {
            alert.state = State::Acknowledged;
        }
        Some(alert.clone())
    }

    /// Forgets a client. Its verdicts that still stand come into no book any more.
    pub(crate) fn forget(&mut self, client: &str) {
        self.alerts.retain(|alert| alert.outlier.client != client);
        self.muted.insert(client.to_owned());
    }

    /// Forgets the oldest that have ended.
    fn tidy(&mut self) {
        let ended = self.alerts.iter().filter(|alert| !alert.stands()).count();
        let mut go = ended.saturating_sub(MOST_ENDED);
        self.alerts.retain(|alert| {
            let goes = go > 0 && !alert.stands();
            go -= usize::from(goes);
            !goes
        });
    }
}

impl Alert {
    /// Whether its verdict stands.
    pub fn stands(&self) -> bool {
        self.state != State::Ended
    }

    fn end(&mut self, now: Timestamp) -> News {
        (self.state, self.ended_at) = (State::Ended, Some(now));
        News { event: Event::Ended, alert: self.clone() }
    }

    fn is_of(&self, outlier: &OutlierView) -> bool {
        let (own, other) = (&self.outlier, outlier);
        self.stands() && own.client == other.client && own.verdict.topic() == other.verdict.topic()
    }
}
