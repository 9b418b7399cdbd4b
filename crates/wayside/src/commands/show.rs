//! `wayside show`: one exchange or session, whole.

mod revealed;
mod session;
mod whole;

use futures_util::StreamExt as _;
use wayside_exchange::content::is_text;
use wayside_exchange::escape::for_terminal_text;
use wayside_exchange::view::ExchangeView;
use wayside_exchange::{ExchangeId, Half};

use revealed::Revealing;
use wayside_store::Location;

use super::selection::{self, Named};
use crate::args::ShowArgs;
use crate::clock;
use crate::commands::listing;
use crate::exit::Exit;
use crate::report::exchange::render;
use crate::report::paint::Paint;
use crate::report::printer::Printer;
use crate::report::trouble::Trouble;
use crate::source::{self, Question, Source};

/// How much of a body is looked at before it is taken for text.
const LOOKED_AT: usize = 4096;

/// Shows.
pub async fn run(args: ShowArgs, data: &Location, printer: &mut Printer) -> anyhow::Result<Exit> {
    let source = Source::open(data).await?;
    match selection::resolve(&source, &args.id).await? {
        Named::Session(id) if args.raw || args.body.is_some() => Err(Trouble::misused(format!(
            "`{id}` is a session: `--raw` and `--body` are for exchanges"
        ))
        .hint(format!("`wayside show {id}` lists its exchanges"))
        .into()),
        Named::Session(id) => session::show(&source, id, args.json, printer).await,
        Named::Exchange(id) if args.reveal => {
            let revealing = Revealing::open(id, data)?;
            revealed(&source, &revealing, id, &args, printer).await
        }
        Named::Exchange(id) => exchange(&source, id, &args, printer).await,
        // Resolving has told that already.
        Named::Ambiguous(_) => Ok(Exit::Differs),
    }
}

async fn exchange(
    source: &Source,
    id: ExchangeId,
    args: &ShowArgs,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    if let Some(half) = args.body {
        return body(source, id, half.into(), args.raw, printer).await;
    }
    if args.json {
        listing::pass_on_object(source.ask(&at(id)).await?, printer).await?;
        return Ok(Exit::Done);
    }
    if args.raw {
        let view: ExchangeView = source.ask(&at(id)).await?.json().await?;
        let heads = whole::heads(source, &view).await?;
        for (half, head) in [(Half::Request, heads.request), (Half::Response, heads.response)] {
            raw(source, id, half, &head, printer).await?;
        }
    } else {
        printer.text(&rendered(source, id, printer.paint).await?)?;
    }
    Ok(Exit::Done)
}

/// An exchange for people.
pub async fn rendered(source: &Source, id: ExchangeId, paint: Paint) -> anyhow::Result<String> {
    let view: ExchangeView = source.ask(&at(id)).await?.json().await?;
    let heads = whole::heads(source, &view).await?;
    let shown = whole::read(source, view, &heads).await?;
    Ok(render(&shown, paint, clock::now()))
}

/// An exchange with its secrets.
async fn revealed(
    source: &Source,
    revealing: &Revealing,
    id: ExchangeId,
    args: &ShowArgs,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    revealing.say_what_is_missing(printer);
    if let Some(half) = args.body {
        return revealing.body(half.into(), args.raw, printer);
    }
    if args.raw {
        revealing.raw(printer)?;
        return Ok(Exit::Done);
    }
    let mut view: ExchangeView = source.ask(&at(id)).await?.json().await?;
    revealing.reveal(&mut view)?;
    if args.json {
        printer.json(&view)?;
    } else {
        revealing.render(view, printer)?;
    }
    Ok(Exit::Done)
}

/// What is binary never goes to a terminal.
fn binary(id: ExchangeId, half: Half) -> Trouble {
    let hint = format!("write it to a file: `wayside show {id} --body {} > FILE`", half.as_str());
    Trouble::misused("the body is binary, and standard output is a terminal").hint(hint)
}

/// Where the API keeps an exchange.
fn at(id: ExchangeId) -> Question {
    Question::at("/api/exchanges").segment(id)
}

/// Writes one half as recorded: head and body; to a terminal escaped.
async fn raw(
    source: &Source,
    id: ExchangeId,
    half: Half,
    head: &[u8],
    printer: &mut Printer,
) -> anyhow::Result<()> {
    if head.is_empty() {
        return Ok(());
    }
    if printer.terminal {
        printer.text(&for_terminal_text(&String::from_utf8_lossy(head).replace('\r', "")))?;
    } else {
        printer.bytes(head)?;
    }
    let question = at(id).segment(half.as_str()).segment("body");
    let mut pieces = source.ask(&question).await?.pieces();
    let mut last = b'\n';
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        last = piece.last().copied().unwrap_or(last);
        if printer.terminal {
            printer.text(&for_terminal_text(&String::from_utf8_lossy(&piece)))?;
        } else {
            printer.bytes(&piece)?;
        }
    }
    // The other half begins on a line of its own; `--body` is for who wants nothing but the bytes.
    if last == b'\n' { Ok(()) } else { printer.line("") }
}

/// Writes one body to standard output, whole; what is binary never goes to a terminal.
async fn body(
    source: &Source,
    id: ExchangeId,
    half: Half,
    raw: bool,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    let view: ExchangeView = source.ask(&at(id)).await?.json().await?;
    let as_transferred = at(id).segment(half.as_str()).segment("body");
    // Without a coding there is nothing to decode, and what is only passed on has no limit.
    let mut question = as_transferred.clone();
    if !raw && is_coded(&view, half) {
        question = question.with("decoded", 1);
        if let Err(error) = source.ask(&question).await {
            printer.say(format!("not decoded: {error}"));
            question = as_transferred;
        }
    }
    if printer.terminal {
        let (beginning, _) = source::beginning(source.ask(&question).await?, LOOKED_AT).await?;
        if !is_text(None, &beginning) {
            return Err(binary(id, half).into());
        }
    }
    let answer = source.ask(&question).await?;
    let cut = answer.headers.contains_key("wayside-truncated");
    let mut pieces = answer.pieces();
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        if printer.terminal {
            printer.text(&for_terminal_text(&String::from_utf8_lossy(&piece)))?;
        } else {
            printer.bytes(&piece)?;
        }
    }
    if cut {
        printer.flush()?;
        printer.say("warning: this is only the beginning of the decoded body; `--raw` writes all of it as transferred");
        return Ok(Exit::Failed);
    }
    Ok(Exit::Done)
}

/// Whether a body was transferred in a coding (RFC 9110 section 8.4).
fn is_coded(view: &ExchangeView, half: Half) -> bool {
    let message = match half {
        Half::Request => Some(&view.request),
        Half::Response => view.response.as_ref(),
    };
    message.is_some_and(|message| {
        message.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-encoding"))
    })
}
