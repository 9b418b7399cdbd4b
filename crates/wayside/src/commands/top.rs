//! `wayside top`: a full-screen view of the running recorder. Five numbers, clients worst first; a client's
//! routes, their exchanges, an exchange.
//!
//! `view` is what the person sees and what keys do to it, without a terminal; `draw` puts it on the screen; `ask`
//! fetches. Asking goes on beside the keys and never so often that the recorder would be busy with it.

mod ask;
mod draw;
#[cfg(test)]
mod tests;
mod view;

use std::io::{IsTerminal as _, stdin};
use std::pin::pin;
use std::time::Duration;

use anyhow::Context as _;
use crossterm::event::{Event, EventStream};
use futures_util::StreamExt as _;
use ratatui::DefaultTerminal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep_until};
use wayside_store::Location;

use crate::args::TopArgs;
use crate::clock;
use crate::commands::listing;
use crate::exit::Exit;
use crate::report::printer::Printer;
use crate::report::trouble::Trouble;
use crate::source::Source;
use view::{Act, View};

/// How often it asks and draws anew.
const ROUND: Duration = Duration::from_secs(1);
/// It waits so many times as long as the last answer took, so that it costs the recorder a fifth of a processor
/// at most.
const IDLE: u32 = 4;

/// The terminal as the view needs it; as it was when this is dropped.
struct Screen(DefaultTerminal);

/// Shows until the person or the recorder stops.
pub async fn run(args: TopArgs, data: &Location, printer: &Printer) -> anyhow::Result<Exit> {
    let filter = listing::filter(&args.filter)?;
    listing::filter(&[format!("since:{}", args.since)])?;
    if !printer.terminal || !stdin().is_terminal() {
        return Err(Trouble::misused("`top` needs a terminal to draw on and to read keys from")
            .hint("`wayside clients --watch` prints the clients again and again, also into a pipe")
            .into());
    }
    let source = Source::open(data).await?;
    if !source.recorder_runs() {
        return Err(Trouble::failed(format!("no recorder runs on `{}`", data.display()))
            .hint("`wayside clients` lists what was recorded")
            .into());
    }
    let view = View::new(filter, args.since, printer.paint.coloured());
    let screen = Screen(ratatui::try_init().context("could not take over the terminal")?);
    show(&source, view, screen).await
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

async fn show(source: &Source, mut view: View, mut screen: Screen) -> anyhow::Result<Exit> {
    let mut keys = EventStream::new();
    let mut terminate = signal(SignalKind::terminate()).context("could not listen for signals")?;
    let mut hangup = signal(SignalKind::hangup()).context("could not listen for signals")?;
    loop {
        // One question at a time; another page, or another filter, drops it.
        let question = view.question();
        let begun = Instant::now();
        let asked = async {
            let answered = ask::answer(source, &question).await;
            let pause = ROUND.max(begun.elapsed() * IDLE);
            (answered, Instant::now() + pause)
        };
        let mut asked = pin!(asked);
        let mut again = None;
        loop {
            screen.0.draw(|frame| draw::draw(frame, &mut view, clock::now()))?;
            let due = again.unwrap_or_else(|| Instant::now() + ROUND);
            let act = tokio::select! {
                (answered, next) = &mut asked, if again.is_none() => {
                    again = Some(next);
                    view.take(answered, clock::now());
                    Act::Nothing
                }
                event = keys.next() => match event {
                    Some(Ok(Event::Key(key))) => view.key(key),
                    // The terminal has gone.
                    None | Some(Err(_)) => Act::Quit,
                    Some(Ok(_)) => Act::Nothing,
                },
                _ = terminate.recv() => Act::Quit,
                _ = hangup.recv() => Act::Quit,
                () = sleep_until(due) => if again.is_some() { Act::Ask } else { Act::Nothing },
            };
            match act {
                Act::Quit => return Ok(Exit::Done),
                Act::Ask => break,
                Act::Nothing => {}
            }
        }
    }
}
