//! Fetches what a page shows, through the same API as every other verb.

use wayside_exchange::view::BoardView;

use super::view::{Answer, Page, Question, Rows};
use crate::commands::{listing, show};
use crate::report::paint::Paint;
use crate::source::{self, Source};

/// Rows of a page.
const ROWS: usize = 500;

/// The five numbers, and the rows of the page.
pub async fn answer(source: &Source, question: &Question) -> anyhow::Result<Answer> {
    let board: BoardView = source.ask(&source::Question::at("/api/board")).await?.json().await?;
    let listed =
        |path: &str| source::Question::at(path).with("limit", ROWS).matching(&question.filter);
    let rows = match &question.page {
        Page::Clients => Rows::Clients(rows(source, listed("/api/clients")).await?),
        Page::Routes { .. } => Rows::Routes(rows(source, listed("/api/routes")).await?),
        Page::Exchanges { .. } => {
            let newest = listed("/api/exchanges").with("rows", 1).with("order", "newest");
            Rows::Exchanges(rows(source, newest).await?)
        }
        Page::Exchange { id } => {
            let text = show::rendered(source, *id, Paint::plain()).await?;
            Rows::Text(text.lines().map(str::to_owned).collect())
        }
    };
    Ok(Answer { page: question.page.clone(), board, rows })
}

async fn rows<T: serde::de::DeserializeOwned>(
    source: &Source,
    question: source::Question,
) -> anyhow::Result<Vec<T>> {
    Ok(listing::first(source.ask(&question).await?, ROWS).await?.0)
}
