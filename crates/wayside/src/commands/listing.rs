//! What all listings share: the newest rows for people, everything as JSON lines for programs.

use std::num::NonZeroUsize;

use serde::de::DeserializeOwned;

use crate::clock;
use crate::report::figures::{count, counted};
use crate::report::printer::Printer;
use crate::report::table::Table;
use crate::report::trouble::Trouble;
use crate::source::{Answer, Question, Source};

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

/// How many rows people are to see.
pub fn shown(limit: Option<NonZeroUsize>) -> usize {
    limit.map_or(SHOWN, NonZeroUsize::get)
}

/// Prints the lines that `question` asks for, oldest first; with a limit only the newest.
pub async fn print_json(
    source: &Source,
    printer: &mut Printer,
    question: Question,
    limit: Option<NonZeroUsize>,
) -> anyhow::Result<()> {
    let Some(limit) = limit else {
        return pass_on(source.ask(&question).await?, printer).await;
    };
    let newest = question.with("order", "newest").with("limit", limit);
    let mut answer = source.ask(&newest).await?;
    let mut lines = Vec::new();
    while let Some(line) = answer.line().await? {
        lines.push(line);
    }
    for line in lines.into_iter().rev() {
        printer.bytes(&line)?;
        printer.text("\n")?;
    }
    Ok(())
}

/// Passes the answer to standard output as it comes.
pub async fn pass_on(mut answer: Answer, printer: &mut Printer) -> anyhow::Result<()> {
    while let Some(piece) = answer.piece().await? {
        printer.bytes(&piece)?;
    }
    Ok(())
}

/// The newest rows, oldest first, and the answer with the rest of them.
pub async fn newest<T: DeserializeOwned>(
    mut answer: Answer,
    limit: usize,
) -> anyhow::Result<(Vec<T>, Answer)> {
    let mut rows = Vec::new();
    while rows.len() < limit {
        let Some(line) = answer.line().await? else { break };
        rows.push(serde_json::from_slice(&line)?);
    }
    rows.reverse();
    Ok((rows, answer))
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

/// Says how many there are beyond those that were shown.
pub fn say_more(printer: &Printer, shown: usize, more: u64, noun: &str) {
    if more > 0 {
        printer.say(format!(
            "the newest {} of {}; more with `--limit N`, all with `--json`",
            count(shown as u64),
            counted(more + shown as u64, noun)
        ));
    }
}
