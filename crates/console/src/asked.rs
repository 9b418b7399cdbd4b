//! What a query asks for: `filter`, `limit`, `order`, `follow`, `rows`, `decoded`, `why`,
//! `harm`.
//!
//! A parameter that is not known is refused rather than passed over: a misspelt `limit` would
//! otherwise answer with everything.

use axum::extract::{FromRequestParts, Query};
use http::StatusCode;
use http::request::Parts;
use wayside_exchange::filter::{Filter, FilterError};
use wayside_store::Order;

use crate::clock;
use crate::refusal::Refusal;

/// The parameters of a request.
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct Asked {
    pub(crate) filter: Filter,
    /// The filter as it was written.
    pub(crate) written: String,
    pub(crate) limit: Option<usize>,
    pub(crate) order: Order,
    pub(crate) follow: bool,
    /// Rows instead of whole views.
    pub(crate) rows: bool,
    pub(crate) decoded: bool,
    /// Reasons for what is found.
    pub(crate) why: bool,
    /// How much clients slow others.
    pub(crate) harm: bool,
}

impl Asked {
    fn parse(pairs: &[(String, String)]) -> Result<Self, Refusal> {
        let mut asked = Self {
            filter: Filter::all(),
            written: String::new(),
            limit: None,
            order: Order::OldestFirst,
            follow: false,
            rows: false,
            decoded: false,
            why: false,
            harm: false,
        };
        for (name, value) in pairs {
            match name.as_str() {
                "filter" => {
                    asked.filter = Filter::parse(value, clock::now())?;
                    asked.written.clone_from(value);
                }
                "limit" => asked.limit = Some(number(name, value)?),
                "order" => asked.order = order(value)?,
                "follow" => asked.follow = flag(name, value)?,
                "rows" => asked.rows = flag(name, value)?,
                "decoded" => asked.decoded = flag(name, value)?,
                "why" => asked.why = flag(name, value)?,
                "harm" => asked.harm = flag(name, value)?,
                _ => {
                    return Err(Refusal::misused(format!("there is no parameter `{name}`")).hint(
                        "there are `filter`, `limit`, `order`, `follow`, `rows`, `decoded`, `why`, `harm`",
                    ));
                }
            }
        }
        Ok(asked)
    }

    /// The filter that also asks for `term`.
    pub(crate) fn within(&self, term: &str) -> Result<Filter, Refusal> {
        let text = match self.written.trim() {
            "" => term.to_owned(),
            written => format!("{term} ({written})"),
        };
        Ok(Filter::parse(&text, clock::now())?)
    }
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|error| Refusal::misused(error.body_text()))?;
        Self::parse(&pairs)
    }
}

impl From<FilterError> for Refusal {
    fn from(wrong: FilterError) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error: wrong.message,
            hint: wrong.hint,
            column: Some(wrong.column),
        }
    }
}

fn number(name: &str, value: &str) -> Result<usize, Refusal> {
    value.parse().map_err(|_| {
        Refusal::misused(format!("`{value}` is not a number"))
            .hint(format!("`{name}` takes a whole number"))
    })
}

fn order(value: &str) -> Result<Order, Refusal> {
    match value {
        "oldest" => Ok(Order::OldestFirst),
        "newest" => Ok(Order::NewestFirst),
        _ => Err(Refusal::misused(format!("there is no order `{value}`"))
            .hint("`order` is `oldest` or `newest`")),
    }
}

fn flag(name: &str, value: &str) -> Result<bool, Refusal> {
    match value {
        "" | "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(Refusal::misused(format!("`{value}` is neither yes nor no"))
            .hint(format!("`{name}` is `1` or `0`"))),
    }
}
