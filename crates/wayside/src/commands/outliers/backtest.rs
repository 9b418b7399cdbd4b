//! `wayside outliers --rule FILE`: what a file would have said of the past, and when. Where it calls clients
//! otherwise, exchanges are theirs for this answer alone.
//!
//! The recording is read directly, beside a recorder if one runs: its memory and threads stay with the traffic.

use wayside_analytics::backtest::Backtest;
use wayside_exchange::escape::for_terminal;
use wayside_exchange::filter::Filter;
use wayside_exchange::view::EpisodeView;
use wayside_exchange::{Glance, Links};
use wayside_recorder::Retelling;
use wayside_store::{Location, Order, Scan, Store, Told};

use crate::clock;
use crate::config::trial::Trial;
use crate::exit::Exit;
use crate::report::figures::counted;
use crate::report::paint::Tone;
use crate::report::printer::Printer;
use crate::report::shell;
use crate::sealed;

const OTHER_NAMES: &str =
    "clients have other names here than in the recording: filters do not find all of them";

/// Lists the episodes in the order of time. The exit code says whether there are any.
pub fn run(
    filter: &str,
    store: &Store,
    data: &Location,
    trial: Trial,
    json: bool,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    let filter =
        Filter::parse(filter, clock::now()).map_err(|wrong| anyhow::anyhow!(wrong.message))?;
    let scan = store.scan(filter, Order::NewestFirst);
    let past = match &trial.naming {
        None => called_otherwise(store, scan, trial, printer)?,
        Some(rules) => {
            let key = sealed::key(data)?;
            let labels =
                trial.labels.unwrap_or_else(|| store.links(|links| links.labels().to_vec()));
            printer.say(OTHER_NAMES);
            let retelling = Retelling::of(store, key, rules.clone(), labels)?;
            if retelling.unopened() > 0 {
                let unopened = counted(retelling.unopened(), "exchange");
                printer.say(format!(
                    "the key of this recording does not open the credentials of {unopened}: these go by what else they show"
                ));
            }
            let past = Backtest::of(trial.thresholds.known_by(retelling.links()));
            let add = |(past, retelling): &mut (Backtest, Retelling), told: &Told<'_>| {
                let client = retelling.client(told);
                past.add(&Glance { client: &client, ..told.row });
            };
            let merge = |all: &mut (Backtest, Retelling), (part, _)| all.0.merge(part);
            scan.with_heads().total_of_all((past, retelling), add, merge)?.0
        }
    };
    if past.folded() > 0 {
        let left_out = counted(past.folded(), "exchange");
        printer.say(format!("too many clients and routes for one look: {left_out} were left out"));
    }
    let episodes = past.episodes();
    for (n, episode) in episodes.iter().enumerate() {
        if json {
            printer.json(episode)?;
        } else {
            print(episode, n > 0, printer)?;
        }
    }
    if episodes.is_empty() {
        printer.say("this would have said nothing");
        return Ok(Exit::Done);
    }
    Ok(Exit::Differs)
}

/// The past as it is told of clients who have the labels that are tried.
fn called_otherwise(
    store: &Store,
    scan: Scan,
    trial: Trial,
    printer: &Printer,
) -> anyhow::Result<Backtest> {
    let Trial { thresholds, labels, .. } = trial;
    let mut links = store.links(Links::clone);
    let renames = labels.is_some_and(|labels| links.relabel(labels));
    if renames {
        printer.say(OTHER_NAMES);
    }
    let past = Backtest::of(thresholds.known_by(&links));
    let add = |past: &mut Backtest, told: &Told<'_>| {
        let row = &told.row;
        match told.details.evidence().first().filter(|_| renames).map(ToString::to_string) {
            Some(own) => {
                let client = links.client_of(&own, row.connection, row.id);
                past.add(&Glance { client, ..*row });
            }
            None => past.add(row),
        }
    };
    Ok(scan.total_of_all(past, add, Backtest::merge)?)
}

fn print(episode: &EpisodeView, further: bool, printer: &mut Printer) -> anyhow::Result<()> {
    let paint = printer.paint;
    let EpisodeView { from, until, quarters, worst } = episode;
    if further {
        printer.text("\n")?;
    }
    printer.line(format_args!(
        "{}  {}",
        paint.strong(&for_terminal(&worst.client)),
        paint.tone(Tone::Warning, &for_terminal(&worst.verdict.sentence))
    ))?;
    let worst_of = match quarters {
        1 => String::new(),
        more => format!(", the worst of {more} quarter hours"),
    };
    printer.line(paint.faint(&format!("  from {from} until {until}{worst_of}")))?;
    let command = shell::command("exchanges", &worst.exchanges);
    printer.line(paint.faint(&format!("  {}", for_terminal(&command))))
}
