//! `wayside routes`: what is asked for, how often and how fast.

use std::num::NonZeroUsize;

use wayside_exchange::view::RouteView;
use wayside_store::Location;

use super::listing;
use crate::args::RoutesArgs;
use crate::exit::Exit;
use crate::report::printer::Printer;
use crate::report::rows;
use crate::source::{Question, Source};

/// Lists, those first on which most time is spent.
pub async fn run(args: RoutesArgs, data: &Location, printer: &mut Printer) -> anyhow::Result<Exit> {
    let filter = listing::filter(&listing::since(args.filter, args.since))?;
    let source = Source::open(data).await?;
    let question = Question::at("/api/routes").matching(&filter);
    if args.listing.json {
        let limit = args.listing.limit.map_or(usize::MAX, NonZeroUsize::get);
        let mut lines = source.ask(&question.with("limit", limit)).await?.lines();
        while let Some(line) = lines.next().await? {
            listing::print_line(&line, printer)?;
        }
        return Ok(Exit::Done);
    }
    let answer = source.ask(&question).await?;
    let (shown, rest) =
        listing::first::<RouteView>(answer, listing::shown(args.listing.limit)).await?;
    listing::print_table(printer, &rows::routes(&shown), "route", !filter.is_empty())?;
    let more = listing::count_rest(rest).await?;
    listing::say_more(printer, "first", shown.len(), more, "route", None);
    Ok(Exit::Done)
}
