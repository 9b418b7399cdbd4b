//! `wayside clients`: who calls; and one client with the reasons to believe that it is one.

mod split;

use std::num::NonZeroUsize;
use std::time::Duration;

use wayside_analytics::{Thresholds, outlier_view};
use wayside_console::{Answer, ClientDetail, Ended, Episode, LinkView};
use wayside_exchange::Timestamp;
use wayside_exchange::escape::for_terminal;
use wayside_exchange::view::ClientView;
use wayside_store::Location;

use tokio::time::{Instant, sleep};

use super::listing;
use crate::args::{ClientsArgs, ClientsVerb};
use crate::clock;
use crate::exit::Exit;
use crate::report::exchange::{kind, link};
use crate::report::figures::{ago, count, counted, milliseconds, share};
use crate::report::paint::Tone;
use crate::report::printer::Printer;
use crate::report::trouble::{Trouble, exit_of};
use crate::report::{rows, shell};
use crate::source::{Question, Source};

/// How often the watched listing is printed, and how many times as long as it took at least is waited.
const AGAIN: Duration = Duration::from_secs(2);
const IDLE: u32 = 4;
/// Takes a terminal's cursor home and clears the screen.
const CLEARED: &str = "\x1b[H\x1b[2J";

/// Lists, or shows one.
pub async fn run(
    args: ClientsArgs,
    data: &Location,
    thresholds: Thresholds,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    match args.verb {
        Some(ClientsVerb::Show { name, json }) => {
            let source = Source::judging(data, thresholds).await?;
            return show(&name, json, source, printer).await;
        }
        Some(ClientsVerb::Split { name, undo, json }) => {
            return split::run(&name, undo, json, data, printer).await;
        }
        None => {}
    }
    let filter = listing::filter(&listing::since(args.filter.clone(), args.since.clone()))?;
    let mut question = Question::at("/api/clients").matching(&filter);
    if args.harm {
        question = question.with("harm", 1);
    }
    if args.watch {
        return watch(&args, (&question, &filter), data, &thresholds, printer).await;
    }
    let source = Source::judging(data, thresholds).await?;
    // The API lists them worst first.
    let answer = source.ask(&question).await?;
    if args.listing.json {
        let mut lines = answer.lines();
        let limit = args.listing.limit.map_or(usize::MAX, NonZeroUsize::get);
        let mut taken = 0;
        while taken < limit
            && let Some(line) = lines.next().await?
        {
            listing::print_line(&line, printer)?;
            taken += 1;
        }
        return Ok(Exit::Done);
    }
    list(answer, &args, &filter, printer).await?;
    Ok(Exit::Done)
}

async fn list(
    answer: Answer,
    args: &ClientsArgs,
    filter: &str,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let limit = listing::shown(args.listing.limit);
    let (mut shown, rest) = listing::first::<ClientView>(answer, limit).await?;
    let mut more = 0;
    if let Some(mut rest) = rest {
        // What has a star is never left out.
        while let Some(line) = rest.next().await? {
            let view: ClientView = serde_json::from_slice(&line)?;
            if view.star {
                shown.push(view);
            } else {
                more += 1;
            }
        }
    }
    let table = rows::clients(&shown, args.harm, clock::now());
    listing::print_table(printer, &table, "client", !filter.is_empty())?;
    listing::say_more(printer, "first", shown.len(), more, "client", None);
    Ok(())
}

/// Lists again and again: in place on a terminal, else one after the other with the time between.
async fn watch(
    args: &ClientsArgs,
    (question, filter): (&Question, &str),
    data: &Location,
    thresholds: &Thresholds,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    loop {
        let begun = Instant::now();
        // A recorder may come and go meanwhile.
        let source = Source::judging(data, thresholds.clone()).await?;
        let answer = source.ask(question).await?;
        if printer.terminal {
            printer.text(CLEARED)?;
        }
        printer.line(printer.paint.faint(&clock::now().to_string()))?;
        list(answer, args, filter, printer).await?;
        if !printer.terminal {
            printer.text("\n")?;
        }
        printer.flush()?;
        tokio::select! {
            () = sleep(AGAIN.max(begun.elapsed() * IDLE)) => {}
            stopped = tokio::signal::ctrl_c() => {
                stopped?;
                return Ok(Exit::Done);
            }
        }
    }
}

async fn show(
    name: &str,
    json: bool,
    source: Source,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    let asked = source.ask(&Question::at("/api/clients").segment(name)).await;
    let answer = match asked {
        Err(error) if exit_of(&error) == Exit::Differs => {
            return Err(Trouble::not_found(format!("no client is called `{name}`"))
                .hint("`wayside clients --json` gives their names")
                .into());
        }
        asked => asked?,
    };
    if json {
        listing::pass_on_object(answer, printer).await?;
        return Ok(Exit::Done);
    }
    let ClientDetail { client: view, evidence, links, episodes, earlier_episodes } =
        answer.json().await?;
    let (now, paint) = (clock::now(), printer.paint);
    let name = for_terminal(view.label.as_deref().unwrap_or(&view.name)).into_owned();
    let errors = view.errors_4xx + view.errors_5xx;
    printer.line(paint.strong(&format!(
        "{name} made {} in {}, {} of them failed, half were answered within {}",
        counted(view.requests, "request"),
        counted(view.sessions, "session"),
        share(errors, view.requests),
        milliseconds(view.p50_ms)
    )))?;
    printer.text("\n")?;
    let mut line = |label: &str, text: String| {
        printer.line(format_args!("{} {text}", paint.faint(&format!("{label:<11}"))))
    };
    line("name", for_terminal(&view.name).into_owned())?;
    if let Some(group) = &view.group {
        line("group", for_terminal(group).into_owned())?;
    }
    line("first seen", format!("{} ({})", view.first_seen, ago(view.first_seen, now)))?;
    line("last seen", format!("{} ({})", view.last_seen, ago(view.last_seen, now)))?;
    line(
        "errors",
        format!("{} of 4xx, {} of 5xx", count(view.errors_4xx), count(view.errors_5xx)),
    )?;
    let percentiles = [view.p50_ms, view.p95_ms, view.p99_ms].map(milliseconds).join(" / ");
    line("latency", format!("{percentiles} (p50 / p95 / p99)"))?;
    for evidence in evidence {
        let token = for_terminal(&evidence.to_string()).into_owned();
        line("known by", format!("{} ({token})", kind(evidence.kind)))?;
    }
    for found in &links {
        line("linked", for_terminal(&link_in_words(found)).into_owned())?;
    }
    if earlier_episodes > 0 {
        line("refused", format!("{} before these", counted(earlier_episodes, "episode")))?;
    }
    for episode in &episodes {
        line("refused", for_terminal(&episode_in_words(episode, now)).into_owned())?;
        let proof = format!("show {}", episode.first);
        line("", paint.faint(&format!("wayside {proof}")))?;
    }
    for verdict in &view.verdicts {
        let sentence = for_terminal(&verdict.sentence);
        line("wrong", paint.tone(Tone::Warning, &sentence))?;
        let proof = outlier_view(&view.name, verdict.clone()).exchanges;
        line("", paint.faint(&for_terminal(&shell::command("exchanges", &proof))))?;
    }
    printer.say(format!("its journeys: wayside sessions 'client:\"{name}\"'"));
    Ok(Exit::Done)
}

/// `key:... (12 exchanges): it came on the client's connection, 90 % sure, proof e...`
fn link_in_words(found: &LinkView) -> String {
    format!(
        "{} ({}): {}, {:.0} % sure, proof {}",
        found.name,
        counted(found.exchanges, "exchange"),
        link(found.kind),
        found.confidence * 100.0,
        found.proof
    )
}

/// When, how often, with what, and how it ended.
fn episode_in_words(episode: &Episode, now: Timestamp) -> String {
    let refused = [(episode.refused_401, "401"), (episode.refused_403, "403")];
    let refused: Vec<String> = refused
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(times, status)| format!("{} x {status}", count(*times)))
        .collect();
    let with = match episode.credentials.as_slice() {
        [none] if none == "none" => "without a credential".to_owned(),
        credentials => {
            let shown = credentials.iter().map(|shown| match shown.as_str() {
                "none" => "nothing",
                shown => shown,
            });
            format!("with {}", shown.collect::<Vec<_>>().join(", "))
        }
    };
    let lasted = milliseconds(episode.ended_at.since(episode.started_at).0 as f64 / 1000.0);
    let ended = match (episode.ended, &episode.accepted_with) {
        (Ended::Accepted, Some(accepted)) => format!("then {accepted} was accepted"),
        (Ended::Accepted, None) => "then it was accepted".to_owned(),
        (Ended::GivenUp, _) => "then it gave up".to_owned(),
        (Ended::Running, _) => "and it goes on".to_owned(),
    };
    format!(
        "{} ({}), for {lasted}: {} {with}, {ended}",
        episode.started_at,
        ago(episode.started_at, now),
        refused.join(", ")
    )
}
