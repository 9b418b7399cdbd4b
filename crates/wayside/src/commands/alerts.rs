//! `wayside alerts`: which verdicts people were told of, who knows, and who never did.

use std::fmt::Write as _;

use http::Method;
use wayside_alerts::{Alert, Delivery, State, Tally};
use wayside_exchange::escape::for_terminal;
use wayside_store::Location;

use super::listing;
use crate::args::{AlertsArgs, AlertsVerb};
use crate::clock;
use crate::exit::Exit;
use crate::report::figures::{ago, counted};
use crate::report::paint::Tone;
use crate::report::printer::Printer;
use crate::report::shell;
use crate::source::{Question, Source};

/// Lists, or acknowledges. The exit code says whether any is open.
pub async fn run(args: AlertsArgs, data: &Location, printer: &mut Printer) -> anyhow::Result<Exit> {
    let source = Source::open(data).await?;
    if let Some(AlertsVerb::Ack { ids, all }) = args.verb {
        return acknowledge(&source, ids, all, printer).await;
    }
    let question = Question::at("/api/alerts");
    if args.listing.json {
        listing::print_json(&source, printer, question, args.listing.limit).await?;
        return Ok(Exit::Done);
    }
    let alerts = listed(&source).await?;
    let newest = alerts.len().saturating_sub(listing::shown(args.listing.limit));
    for (n, alert) in alerts.iter().skip(newest).enumerate() {
        print(alert, n > 0, printer)?;
    }
    printer.flush()?;
    let of = |state: State| alerts.iter().filter(|alert| alert.state == state).count();
    let (open, known) = (of(State::Open), of(State::Acknowledged));
    let missed = alerts.iter().filter(|alert| is_missed(alert)).count();
    if alerts.is_empty() {
        printer.say("no alert yet");
    } else {
        let mut words = format!("{open} open, {known} acknowledged, {} ended", of(State::Ended));
        if missed > 0 {
            let _ = write!(words, ", {missed} of them without anybody having acknowledged it");
        }
        printer.say(words);
    }
    if open > 0 {
        printer.say("say that you know with `wayside alerts ack ID`");
    }
    if newest > 0 {
        printer.say(format!("{} older; more with `--limit N`", counted(newest as u64, "alert")));
    }
    if source.recorder_runs() {
        tell_of_delivery(&source, printer).await?;
    }
    Ok(if open > 0 { Exit::Differs } else { Exit::Done })
}

async fn listed(source: &Source) -> anyhow::Result<Vec<Alert>> {
    let answer = source.ask(&Question::at("/api/alerts")).await?;
    Ok(listing::first(answer, usize::MAX).await?.0)
}

/// Nobody knew while it stood, and nobody has said since that they know.
fn is_missed(alert: &Alert) -> bool {
    alert.state == State::Ended && alert.acknowledged_at.is_none()
}

fn print(alert: &Alert, not_first: bool, printer: &mut Printer) -> anyhow::Result<()> {
    if not_first {
        printer.text("\n")?;
    }
    let (now, paint) = (clock::now(), printer.paint);
    let (word, tone) = match alert.state {
        State::Open => ("open", Tone::Bad),
        State::Acknowledged => ("acknowledged", Tone::Warning),
        State::Ended if is_missed(alert) => ("ended, never acknowledged", Tone::Warning),
        State::Ended => ("ended", Tone::Faint),
    };
    let since = match alert.ended_at {
        Some(ended) => format!("{} to {}", alert.opened_at, ended),
        None => format!("since {} ({})", alert.opened_at, ago(alert.opened_at, now)),
    };
    let (client, verdict) = (&alert.outlier.client, &alert.outlier.verdict);
    printer.line(format!(
        "{} {}  {}",
        paint.strong(&format!("{:>4}", alert.id)),
        paint.tone(tone, word),
        paint.faint(&since)
    ))?;
    printer.line(format!("     {}: {}", for_terminal(client), for_terminal(&verdict.sentence)))?;
    let proof = shell::command("exchanges", &alert.outlier.exchanges);
    printer.line(format!("     {}", paint.faint(&for_terminal(&proof))))
}

async fn acknowledge(
    source: &Source,
    mut ids: Vec<u64>,
    all: bool,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    if all {
        let alerts = listed(source).await?;
        let unknown = |alert: &&Alert| alert.acknowledged_at.is_none();
        ids = alerts.iter().filter(unknown).map(|alert| alert.id).collect();
    }
    for id in &ids {
        let question = Question::at("/api/alerts").segment(id).segment("acknowledgement");
        let alert: Alert = source.send(Method::POST, &question).await?.json().await?;
        let (client, sentence) = (&alert.outlier.client, &alert.outlier.verdict.sentence);
        printer.line(format!(
            "acknowledged {id}: {}: {}",
            for_terminal(client),
            for_terminal(sentence)
        ))?;
    }
    if ids.is_empty() {
        printer.say("all are acknowledged");
    }
    Ok(Exit::Done)
}

/// What did not reach people is said.
async fn tell_of_delivery(source: &Source, printer: &mut Printer) -> anyhow::Result<()> {
    let answer = source.ask(&Question::at("/api/alerts/delivery")).await?;
    let delivery: Delivery = answer.json().await?;
    for (name, tally) in [("webhook", &delivery.webhook), ("program", &delivery.exec)] {
        let Tally { failed, dropped, waiting, error, .. } = tally;
        if failed + dropped > 0 {
            printer.say(format!(
                "warning: the {name} did not take {} ({failed} given up, {dropped} dropped)",
                counted(failed + dropped, "message")
            ));
        }
        if let Some(error) = error {
            let waits = counted(*waiting, "message");
            printer.say(format!(
                "warning: the {name} fails: {}; {waits} waiting",
                for_terminal(error)
            ));
        }
    }
    if delivery.untold > 0 {
        printer.say(format!(
            "warning: {} came while too many stood, and were told to nobody",
            counted(delivery.untold, "verdict")
        ));
    }
    Ok(())
}
