//! What `ID|FILTER` selects: one exchange, a session's exchanges, or all that match a filter.

use serde::Deserialize;
use wayside_exchange::{ExchangeId, SessionId};
use wayside_store::Location;

use super::listing;
use crate::report::trouble::Trouble;
use crate::source::{Question, Source};

/// What an id, or the beginning of one, names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Named {
    /// One exchange.
    Exchange(ExchangeId),
    /// One session.
    Session(SessionId),
    /// Several, of which these are some.
    Ambiguous(Vec<String>),
}

/// The one field that a selection needs of a row.
#[derive(Debug, Deserialize)]
struct Identified {
    id: ExchangeId,
}

/// What `prefix` names; an error when it names nothing or several.
pub async fn resolve(source: &Source, prefix: &str) -> anyhow::Result<Named> {
    if !is_like_an_id(prefix) {
        return Err(nothing(prefix));
    }
    let answer = source.ask(&Question::at("/api/resolve").segment(prefix)).await;
    match answer {
        Ok(answer) => match answer.json().await? {
            Named::Ambiguous(several) => Err(ambiguous(prefix, &several)),
            named => Ok(named),
        },
        Err(error) if is_not_found(&error) => Err(nothing(prefix)),
        Err(error) => Err(error),
    }
}

/// What `words` name, when they are an id or the beginning of one; none when they are a filter.
pub async fn named(source: &Source, words: &[String]) -> anyhow::Result<Option<Named>> {
    match words {
        // A word that is no id of the recording may still be one to search for.
        [word] if is_like_an_id(word) => match resolve(source, word).await {
            Ok(named) => Ok(Some(named)),
            Err(error) if is_not_found(&error) && !is_ambiguous(&error) => Ok(None),
            Err(error) => Err(error),
        },
        _ => Ok(None),
    }
}

/// The exchanges that `words` select, oldest first; an error when there are none.
pub async fn exchanges(
    source: &Source,
    words: &[String],
    data: &Location,
) -> anyhow::Result<Vec<ExchangeId>> {
    let question = match named(source, words).await? {
        Some(Named::Exchange(id)) => return Ok(vec![id]),
        Some(Named::Session(id)) => Question::at("/api/sessions").segment(id).segment("exchanges"),
        _ => Question::at("/api/exchanges").matching(&listing::filter(words)?).with("rows", 1),
    };
    let mut lines = source.ask(&question).await?.lines();
    let mut ids = Vec::new();
    while let Some(line) = lines.next().await? {
        ids.push(serde_json::from_slice::<Identified>(&line)?.id);
    }
    if ids.is_empty() {
        let words = words.join(" ");
        return Err(Trouble::not_found(format!(
            "nothing in `{}` matches `{words}`",
            data.display()
        ))
        .hint("`wayside sessions` and `wayside exchanges` list what there is")
        .into());
    }
    Ok(ids)
}

/// Ids are letters and digits; anything else is a filter.
fn is_like_an_id(word: &str) -> bool {
    ExchangeId::range(word).is_ok() || SessionId::range(word).is_ok()
}

fn is_not_found(error: &anyhow::Error) -> bool {
    crate::report::trouble::exit_of(error) == crate::exit::Exit::Differs
}

fn is_ambiguous(error: &anyhow::Error) -> bool {
    error.to_string().starts_with("several")
}

fn nothing(prefix: &str) -> anyhow::Error {
    Trouble::not_found(format!("no exchange or session begins with `{prefix}`"))
        .hint("`wayside exchanges` and `wayside sessions` list their ids")
        .into()
}

fn ambiguous(prefix: &str, several: &[String]) -> anyhow::Error {
    const LISTED: usize = 8;
    let listed: Vec<&str> = several.iter().take(LISTED).map(String::as_str).collect();
    let more = several.len().saturating_sub(LISTED) as u64;
    let trouble = Trouble::not_found(format!("several ids begin with `{prefix}`"))
        .cause(format!("it could be {}", listed.join(", ")))
        .hint("type one more character of the one that you mean");
    match more {
        0 => trouble.into(),
        more => trouble.cause(format!("or {more} more")).into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::report::paint::Paint;
    use crate::report::trouble::describe;

    #[test]
    fn the_answer_to_a_prefix_is_read() {
        let named = |json: &str| serde_json::from_str::<Named>(json).unwrap();
        let id: ExchangeId = "0q7x00000001".parse().unwrap();
        assert_eq!(named(r#"{"exchange":"0q7x00000001"}"#), Named::Exchange(id));
        assert_eq!(named(r#"{"session":"s0q7x00000001"}"#), Named::Session(SessionId(id)));
        assert!(matches!(named(r#"{"ambiguous":["0q7x","0q7y"]}"#), Named::Ambiguous(_)));
    }

    #[test]
    fn an_ambiguous_prefix_lists_what_it_could_be() {
        let several = ["0q7x1".to_owned(), "0q7x2".to_owned()];
        assert_eq!(
            describe(&ambiguous("0q7", &several), Paint::plain()),
            "error: several ids begin with `0q7`\n  caused by: it could be 0q7x1, 0q7x2\n\
             hint: type one more character of the one that you mean\n"
        );
        assert_eq!(
            describe(&nothing("zz"), Paint::plain()),
            "error: no exchange or session begins with `zz`\n\
             hint: `wayside exchanges` and `wayside sessions` list their ids\n"
        );
    }

    #[test]
    fn filters_are_told_from_ids() {
        assert!(is_like_an_id("0q7x") && is_like_an_id("s0q7x"));
        assert!(!is_like_an_id("client:acme") && !is_like_an_id("out of"));
    }
}
