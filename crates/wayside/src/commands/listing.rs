//! What all listings share: the newest rows for people, everything as JSON lines for programs.

use std::num::NonZeroUsize;

use serde::de::DeserializeOwned;
use wayside_console::{Answer, Lines};

use crate::args::Listing;
use crate::clock;
use crate::exit::Exit;
use crate::report::figures::{count, counted};
use crate::report::printer::Printer;
use crate::report::table::Table;
use crate::report::trouble::Trouble;
use crate::source::{Question, Source};

/// How many rows people see unless they ask for more.
const SHOWN: usize = 50;

/// What was typed as a filter, checked.
pub fn filter(words: &[String]) -> anyhow::Result<String> {
    let text = words.join(" ");
    match wayside_exchange::filter::Filter::parse(&text, clock::now()) {
        Ok(_) => Ok(text),
        Err(wrong) => {
            let trouble = Trouble::misused(wrong.message).pointing_at(text, wrong.column);
            Err(match wrong.hint {
                Some(hint) => trouble.hint(hint).into(),
                None => trouble.into(),
            })
        }
    }
}

/// A filter's words, and what `--since` adds to them.
pub fn since(mut words: Vec<String>, since: Option<String>) -> Vec<String> {
    words.extend(since.map(|since| format!("since:{since}")));
    words
}

/// How many rows people are to see.
pub fn shown(limit: Option<NonZeroUsize>) -> usize {
    limit.map_or(SHOWN, NonZeroUsize::get)
}

/// Asks for the newest. Who says how many rows to show need not wait until all others are counted:
/// one more is enough to know that there are any.
pub fn newest_first(question: &Question, limit: Option<NonZeroUsize>) -> Question {
    let newest = question.clone().with("order", "newest");
    match limit {
        Some(limit) => newest.with("limit", limit.saturating_add(1)),
        None => newest,
    }
}

/// Prints the lines that `question` asks for, oldest first; with a limit only the newest.
pub async fn print_json(
    source: &Source,
    printer: &mut Printer,
    question: Question,
    limit: Option<NonZeroUsize>,
) -> anyhow::Result<()> {
    let Some(limit) = limit else {
        let mut lines = source.ask(&question).await?.lines();
        while let Some(line) = lines.next().await? {
            print_line(&line, printer)?;
        }
        return Ok(());
    };
    let newest = question.with("order", "newest").with("limit", limit);
    let mut lines = source.ask(&newest).await?.lines();
    let mut kept = Vec::new();
    while let Some(line) = lines.next().await? {
        kept.push(line);
    }
    kept.into_iter().rev().try_for_each(|line| print_line(&line, printer))
}

/// Prints a line of the API's.
pub fn print_line(line: &[u8], printer: &mut Printer) -> anyhow::Result<()> {
    printer.json_line(line)
}

/// Prints what `question` finds, one after the other, for people by `print` with an empty line between. The exit code
/// says whether anything was found; `nothing` is said where not.
pub async fn print_found<T: DeserializeOwned>(
    source: &Source,
    question: Question,
    listing: &Listing,
    nothing: &str,
    print: impl Fn(&T, &mut Printer) -> anyhow::Result<()>,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    let question = match listing.limit {
        Some(limit) => question.with("limit", limit),
        None => question,
    };
    let mut lines = source.ask(&question).await?.lines();
    let mut further = false;
    while let Some(line) = lines.next().await? {
        if listing.json {
            print_line(&line, printer)?;
        } else {
            if further {
                printer.text("\n")?;
            }
            print(&serde_json::from_slice(&line)?, printer)?;
        }
        further = true;
    }
    if further {
        return Ok(Exit::Differs);
    }
    printer.say(nothing);
    Ok(Exit::Done)
}

/// Passes one JSON object on as a line.
pub async fn pass_on_object(answer: Answer, printer: &mut Printer) -> anyhow::Result<()> {
    let object = answer.bytes().await?;
    print_line(object.trim_ascii_end(), printer)
}

/// The first rows, and the lines that are left; none when there are no more.
pub async fn first<T: DeserializeOwned>(
    answer: Answer,
    limit: usize,
) -> anyhow::Result<(Vec<T>, Option<Lines>)> {
    let mut lines = answer.lines();
    let mut rows = Vec::new();
    while rows.len() < limit {
        let Some(line) = lines.next().await? else { return Ok((rows, None)) };
        rows.push(serde_json::from_slice(&line)?);
    }
    Ok((rows, Some(lines)))
}

/// The newest rows of an answer that begins with them, oldest first, and the lines that are left.
pub async fn newest<T: DeserializeOwned>(
    answer: Answer,
    limit: usize,
) -> anyhow::Result<(Vec<T>, Option<Lines>)> {
    let (mut rows, rest) = first(answer, limit).await?;
    rows.reverse();
    Ok((rows, rest))
}

/// Prints `table`, or says that there is nothing.
pub fn print_table(
    printer: &mut Printer,
    table: &Table,
    noun: &str,
    filtered: bool,
) -> anyhow::Result<()> {
    if table.is_empty() {
        printer.say(if filtered { format!("no {noun} matches") } else { format!("no {noun} yet") });
        return Ok(());
    }
    for line in table.lines(printer.width, printer.paint) {
        printer.line(line)?;
    }
    // Counting the others may take a while; the table is there to be read meanwhile.
    printer.flush()
}

/// How many lines are left.
pub async fn count_rest(lines: Option<Lines>) -> anyhow::Result<u64> {
    let Some(mut lines) = lines else { return Ok(0) };
    let mut count = 0;
    while lines.next().await?.is_some() {
        count += 1;
    }
    Ok(count)
}

/// Says how many there are beyond those that were shown, or with a limit, that there are any.
pub fn say_more(
    printer: &Printer,
    which: &str,
    shown: usize,
    more: u64,
    noun: &str,
    limit: Option<NonZeroUsize>,
) {
    match (more, limit) {
        (0, _) => {}
        (_, Some(_)) => printer.say(format!(
            "the {which} {}; there are more with a greater `--limit`, all with `--json`",
            counted(shown as u64, noun)
        )),
        (more, None) => printer.say(format!(
            "the {which} {} of {}; more with `--limit N`, all with `--json`",
            count(shown as u64),
            counted(more + shown as u64, noun)
        )),
    }
}
