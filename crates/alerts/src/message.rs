//! What goes out: one message for all that happened at once, as JSON, with a text as Slack takes it.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use wayside_exchange::Timestamp;
use wayside_exchange::escape::for_terminal;

use crate::book::{Event, News};

/// Alerts that a text spells out, and that a message holds at most.
const SPELLED_OUT: usize = 10;
const MOST: usize = 100;

/// Says where something is, given a filter.
pub type Link<T> = Arc<dyn Fn(&str) -> T + Send + Sync>;

/// Says where the proof of a verdict is, given the filter for its exchanges.
#[derive(Clone)]
pub struct Links {
    /// The command that lists it.
    pub command: Link<String>,
    /// The console's URL, without a token; none without a console.
    pub console: Link<Option<String>>,
}

#[derive(Serialize)]
struct Message<'a> {
    text: String,
    source: &'static str,
    sent_at: Timestamp,
    /// How many alerts this is about; more than are listed when there are very many.
    count: usize,
    alerts: Vec<Linked<'a>>,
}

#[derive(Serialize)]
struct Linked<'a> {
    #[serde(flatten)]
    news: &'a News,
    command: String,
    console: Option<String>,
}

/// The message that tells `news`.
pub(crate) fn of(news: &[News], links: &Links, now: Timestamp) -> Bytes {
    let alerts = news.iter().take(MOST).map(|news| {
        let filter = &news.alert.outlier.exchanges;
        Linked { news, command: (links.command)(filter), console: (links.console)(filter) }
    });
    let alerts: Vec<Linked<'_>> = alerts.collect();
    let text = text(&alerts, news.len());
    let message = Message { text, source: "wayside", sent_at: now, count: news.len(), alerts };
    // All of it is text and numbers, which have a form in JSON.
    serde_json::to_vec(&message).unwrap_or_default().into()
}

fn text(alerts: &[Linked<'_>], count: usize) -> String {
    let mut text = String::new();
    for one in alerts.iter().take(SPELLED_OUT) {
        let _ = writeln!(text, "{}", escaped(&sentence(one.news)));
        if one.news.event != Event::Ended {
            let _ = writeln!(text, "`{}`", escaped(&one.command));
            if let Some(console) = &one.console {
                let _ = writeln!(text, "{}", escaped(console));
            }
        }
    }
    if count > SPELLED_OUT {
        let _ = writeln!(text, "and {} more: `wayside alerts`", count - SPELLED_OUT);
    }
    text.truncate(text.trim_end().len());
    text
}

/// One alert in one sentence.
pub(crate) fn sentence(news: &News) -> String {
    let alert = &news.alert;
    let (client, verdict) = (&alert.outlier.client, &alert.outlier.verdict.sentence);
    let id = alert.id;
    match news.event {
        Event::Entered => format!("Alert {id}: {client}: {verdict}"),
        Event::Reminder => format!(
            "Alert {id} still stands, and nobody has acknowledged it (`wayside alerts ack {id}`): {client}: {verdict}"
        ),
        Event::Ended => format!("Alert {id} is over: {client}: {verdict}"),
    }
}

/// Slack's three characters with a meaning (a client may be called `<!channel>`), and none that a terminal obeys.
fn escaped(text: &str) -> String {
    for_terminal(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use serde_json::Value;
    use wayside_exchange::view::{OutlierView, Verdict};

    use super::*;
    use crate::{Alert, State};

    fn news(id: u64, event: Event, client: &str) -> News {
        let verdict = Verdict {
            kind: "latency".to_owned(),
            rule: None,
            route: Some("GET /a".to_owned()),
            sentence: "waits 3 times as long".to_owned(),
            effect: 3.0,
            baseline: 10.0,
            window: "15m".to_owned(),
            sample: 100,
            confidence: Some(0.99),
            since: Timestamp(0),
        };
        let outlier = OutlierView {
            client: client.to_owned(),
            verdict,
            exchanges: "latency:>10ms".to_owned(),
            why: None,
        };
        let alert = Alert {
            id,
            state: State::Open,
            opened_at: Timestamp(0),
            acknowledged_at: None,
            ended_at: None,
            told_at: Timestamp(0),
            outlier,
        };
        News { event, alert }
    }

    fn links() -> Links {
        Links {
            command: Arc::new(|filter| format!("wayside exchanges '{filter}'")),
            console: Arc::new(|_| Some("http://127.0.0.1:8081/x?a&b".to_owned())),
        }
    }

    #[test]
    fn a_message_has_the_sentence_the_links_and_nothing_that_slack_or_a_terminal_obeys() {
        let told = [news(7, Event::Entered, "<!channel>\u{1b}[2J"), news(8, Event::Ended, "b")];
        let message: Value = serde_json::from_slice(&of(&told, &links(), Timestamp(0))).unwrap();
        assert_eq!(
            message["text"],
            "Alert 7: &lt;!channel&gt;\\x1b[2J: waits 3 times as long\n\
             `wayside exchanges 'latency:&gt;10ms'`\nhttp://127.0.0.1:8081/x?a&amp;b\n\
             Alert 8 is over: b: waits 3 times as long"
        );
        let first = &message["alerts"][0];
        assert_eq!((&first["event"], &first["id"]), (&"entered".into(), &7.into()));
        assert_eq!(first["command"], "wayside exchanges 'latency:>10ms'");
        assert_eq!(first["client"], "<!channel>\u{1b}[2J", "for programs it is what it is");
    }

    #[test]
    fn very_many_at_once_are_one_short_message() {
        let many: Vec<News> = (0..300).map(|id| news(id, Event::Entered, "a")).collect();
        let message: Value = serde_json::from_slice(&of(&many, &links(), Timestamp(0))).unwrap();
        assert_eq!(message["count"], 300);
        assert_eq!(message["alerts"].as_array().unwrap().len(), MOST);
        assert!(message["text"].as_str().unwrap().ends_with("and 290 more: `wayside alerts`"));
    }
}
