//! `wayside sessions`: journeys of clients.

use wayside_exchange::view::SessionView;
use wayside_store::Location;

use super::listing;
use crate::args::SessionsArgs;
use crate::clock;
use crate::exit::Exit;
use crate::report::printer::Printer;
use crate::report::rows;
use crate::source::{Question, Source};

/// Lists.
pub async fn run(
    args: SessionsArgs,
    data: &Location,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    let filter = listing::filter(&args.filter)?;
    let source = Source::open(data).await?;
    let question = Question::at("/api/sessions").matching(&filter);
    if args.listing.json {
        listing::print_json(&source, printer, question, args.listing.limit).await?;
        return Ok(Exit::Done);
    }
    let limit = listing::shown(args.listing.limit);
    let answer = source.ask(&listing::newest_first(&question, args.listing.limit)).await?;
    let (rows, rest) = listing::newest::<SessionView>(answer, limit).await?;
    let table = rows::sessions(&rows, clock::now());
    listing::print_table(printer, &table, "session", !filter.is_empty())?;
    let more = listing::count_rest(rest).await?;
    listing::say_more(printer, "newest", rows.len(), more, "session", args.listing.limit);
    Ok(Exit::Done)
}
