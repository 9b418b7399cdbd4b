//! `wayside scan`: looks in a recording for secrets that rest in clear, recorded with sealing off or
//! before a rule was there. It says where they are, and never what they are; and seals them when asked.

use std::io::Read as _;

use anyhow::Context as _;
use http::Method;
use serde::Serialize;
use wayside_console::ClearedView;
use wayside_exchange::escape::for_terminal;
use wayside_exchange::filter::Filter;
use wayside_exchange::head::{as_text, lines, split_field};
use wayside_exchange::{Exchange, ExchangeId, Half, HeadView};
use wayside_identity::{Credentials, Ending, Rules, is_token};
use wayside_store::{Location, Order, Store};

use super::listing;
use crate::args::ScanArgs;
use crate::clock;
use crate::exit::Exit;
use crate::report::figures::{count, counted, size};
use crate::report::printer::Printer;
use crate::report::progress;
use crate::report::trouble::Trouble;
use crate::source::{self, Changing, Question};

/// Read at a time.
const RUN: usize = 64 << 10;

/// Secrets in clear in one place.
#[derive(Debug, Serialize)]
struct Found {
    id: ExchangeId,
    half: Half,
    /// A header field's name, `target`, `trailers`, `interim` or `body`.
    place: String,
    secrets: usize,
    /// Where in the stored body the first of them is.
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
}

/// Scans; secrets in clear make the exit code 1.
pub async fn run(
    args: ScanArgs,
    data: &Location,
    rules: Rules,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    source::expect_recording(data)?;
    let is_clean = look(&args, data, rules.clone(), printer)?;
    if args.reseal {
        return reseal(&args, data, rules, printer).await;
    }
    Ok(if is_clean { Exit::Done } else { Exit::Differs })
}

/// Seals what was found, and says what came of it.
async fn reseal(
    args: &ScanArgs,
    data: &Location,
    rules: Rules,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    let question = match args.filter.as_slice() {
        [] => Question::at("/api/reseal"),
        words => Question::at("/api/reseal").with("filter", listing::filter(words)?),
    };
    let changing = Changing::sealing(data, rules, printer).await?;
    let cleared: anyhow::Result<ClearedView> =
        async { Ok(changing.ask(Method::POST, &question).await?.json().await?) }.await;
    changing.close()?;
    let cleared = cleared?;
    if args.json {
        printer.json(&serde_json::to_value(&cleared)?)?;
    } else {
        for line in as_lines(&cleared) {
            printer.line(for_terminal(&line))?;
        }
    }
    let left = cleared.found + cleared.unreadable + cleared.running + cleared.damaged.len() as u64;
    Ok(if left == 0 { Exit::Done } else { Exit::Differs })
}

fn as_lines(cleared: &ClearedView) -> Vec<String> {
    let mut lines = vec![
        format!(
            "sealed {} in {}: {} written anew",
            counted(cleared.secrets, "secret"),
            counted(cleared.exchanges, "exchange"),
            counted(cleared.segments, "segment")
        ),
        match cleared.found {
            0 => format!(
                "searched {} of what is in them now: nothing is in clear",
                size(cleared.searched_bytes)
            ),
            found => format!("something is still in clear in {}", counted(found, "exchange")),
        },
    ];
    if cleared.mentions > 0 {
        lines.push(format!(
            "some of it stands in {} where neither name nor form tells, and stays there",
            counted(cleared.mentions, "block")
        ));
    }
    if cleared.running > 0 {
        lines.push(format!(
            "{} still running, left alone: scan again when they have ended",
            counted(cleared.running, "exchange")
        ));
    }
    if cleared.unreadable > 0 {
        lines.push(format!(
            "{} could not be read whole or opened with this key, left alone",
            counted(cleared.unreadable, "exchange")
        ));
    }
    let damaged = cleared.damaged.iter();
    lines.extend(damaged.map(|path| format!("damaged, so nothing in it was sealed: `{path}`")));
    lines
}

/// Looks for them; says whether there are none.
fn look(
    args: &ScanArgs,
    data: &Location,
    rules: Rules,
    printer: &mut Printer,
) -> anyhow::Result<bool> {
    let store = source::store(data)?;
    let filter = match args.filter.as_slice() {
        [] => Filter::all(),
        words => Filter::parse(&listing::filter(words)?, clock::now())
            .map_err(|wrong| Trouble::misused(wrong.message))?,
    };
    // Tokens are compared with nothing here, so any key does.
    let mut credentials = Credentials::new([0; 32], rules);
    let (mut scanned, mut exchanges, mut secrets) = (0, 0, 0);
    let bar = progress::bar(store.status().stored, "exchanges scanned", false);
    for row in store.find(filter, Order::OldestFirst) {
        let id = row?.id;
        let Some(exchange) = store.exchange(id)? else { continue };
        let mut places = heads(&exchange, &mut credentials);
        for half in [Half::Request, Half::Response] {
            let body = body(&store, &exchange, half, &mut credentials);
            let unread = || format!("could not read the {} body of `{id}`", half.as_str());
            places.extend(body.with_context(unread)?);
        }
        scanned += 1;
        bar.inc(1);
        exchanges += u64::from(!places.is_empty());
        for place in &places {
            secrets += place.secrets as u64;
            bar.suspend(|| print(place, args.json, printer))?;
        }
    }
    bar.finish_and_clear();
    let found = match secrets {
        0 => "no secret in clear".to_owned(),
        _ => format!("{} in clear in {}", counted(secrets, "secret"), count(exchanges)),
    };
    printer.say(format!("{} scanned: {found}", counted(scanned, "exchange")));
    Ok(secrets == 0)
}

fn print(place: &Found, json: bool, printer: &mut Printer) -> anyhow::Result<()> {
    if json {
        return printer.json(place);
    }
    let Found { id, half, place, secrets, offset } = place;
    let at = offset.map(|offset| format!(", the first at byte {offset}")).unwrap_or_default();
    let secrets = counted(*secrets as u64, "secret");
    printer.line(for_terminal(&format!("{id}  {} {place}: {secrets}{at}", half.as_str())))
}

fn heads(exchange: &Exchange, credentials: &mut Credentials) -> Vec<Found> {
    let id = exchange.summary.id;
    let mut places = Vec::new();
    let mut note = |half, place: &str, secret: &[u8]| {
        if is_token(secret) {
            return;
        }
        let known =
            places.iter_mut().find(|known: &&mut Found| known.half == half && known.place == place);
        match known {
            Some(known) => known.secrets += 1,
            None => {
                places.push(Found { id, half, place: place.to_owned(), secrets: 1, offset: None });
            }
        }
    };
    let request = &exchange.request;
    let found = credentials.request(&request.head.0, exchange.summary.client_addr).secrets;
    for (_, secret) in &found {
        note(Half::Request, &field_with(&request.head.0, secret), secret);
    }
    for (_, secret) in &credentials.trailers(&request.trailers).1 {
        note(Half::Request, "trailers", secret);
    }
    for head in &exchange.informed {
        for (_, secret) in &credentials.response(&head.0).1 {
            note(Half::Response, "interim", secret);
        }
    }
    if let Some(response) = &exchange.response {
        for (_, secret) in &credentials.response(&response.head.0).1 {
            note(Half::Response, &field_with(&response.head.0, secret), secret);
        }
        for (_, secret) in &credentials.trailers(&response.trailers).1 {
            note(Half::Response, "trailers", secret);
        }
    }
    places
}

/// The name of the field that holds `secret`; the target is one, too.
fn field_with(head: &[u8], secret: &[u8]) -> String {
    let holds = |line: &&[u8]| line.windows(secret.len().max(1)).any(|window| window == secret);
    let is_start = |line: &[u8]| match head.first() {
        Some(b':') => line.starts_with(b":path:"),
        _ => head.starts_with(line),
    };
    match lines(head).find(holds) {
        Some(line) if is_start(line) => "target".to_owned(),
        Some(line) => match split_field(line) {
            Some((name, _)) => as_text(name).to_ascii_lowercase(),
            None => "head".to_owned(),
        },
        None => "head".to_owned(),
    }
}

fn body(
    store: &Store,
    exchange: &Exchange,
    half: Half,
    credentials: &mut Credentials,
) -> anyhow::Result<Option<Found>> {
    let id = exchange.summary.id;
    let response = exchange.response.as_ref().map_or(HeadView(b""), |message| message.head.view());
    let mut search = credentials.search(half, exchange.request.head.view(), response);
    if !search.is_needed() {
        return Ok(None);
    }
    let Some(mut reader) = store.body(id, half)? else { return Ok(None) };
    let (mut held, mut decided, mut taken) = (Vec::new(), 0_u64, Vec::new());
    let (mut secrets, mut first) = (0, None);
    loop {
        let read = (&mut reader).take(RUN as u64).read_to_end(&mut held)?;
        let ending = if read == 0 { Ending::Whole } else { Ending::More };
        taken.clear();
        let now = credentials.find(&mut search, &held, ending, &mut taken);
        // What is too long to be searched is no secret that was found.
        let found = taken.iter().filter(|one| !one.stand_in.is_empty());
        for one in found {
            secrets += 1;
            first.get_or_insert(decided + one.range.start as u64);
        }
        held.drain(..now);
        decided += now as u64;
        if read == 0 {
            break;
        }
    }
    let place = Found { id, half, place: "body".to_owned(), secrets, offset: first };
    Ok((secrets > 0).then_some(place))
}
