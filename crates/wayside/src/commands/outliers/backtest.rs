//! `wayside outliers --rule FILE`: what the rules of a file would have said of the past, and when.
//!
//! The recording is read directly, beside a recorder if one runs: its memory and threads stay with the traffic.

use wayside_analytics::Thresholds;
use wayside_analytics::backtest::Backtest;
use wayside_exchange::escape::for_terminal;
use wayside_exchange::filter::Filter;
use wayside_exchange::view::EpisodeView;
use wayside_store::{Location, Order};

use crate::clock;
use crate::exit::Exit;
use crate::report::figures::counted;
use crate::report::paint::Tone;
use crate::report::printer::Printer;
use crate::report::shell;
use crate::source;

/// Lists the episodes in the order of time. The exit code says whether there are any.
pub fn run(
    filter: &str,
    data: &Location,
    thresholds: Thresholds,
    json: bool,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    let store = source::store(data)?;
    let filter =
        Filter::parse(filter, clock::now()).map_err(|wrong| anyhow::anyhow!(wrong.message))?;
    let scan = store.scan(filter, Order::NewestFirst);
    let past = scan.total_of(Backtest::of(thresholds), Backtest::add, Backtest::merge)?;
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
        printer.say("these rules would have said nothing");
        return Ok(Exit::Done);
    }
    Ok(Exit::Differs)
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
