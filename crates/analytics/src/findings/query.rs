//! Queries as detectors read them: parameters by the names that APIs commonly give them.

use std::hash::BuildHasher as _;

use wayside_exchange::Glance;

use crate::tables::FixedState;

/// Names of the parameter that says how many items a page has.
const SIZES: [&str; 13] = [
    "size",
    "limit",
    "per_page",
    "perpage",
    "page_size",
    "pagesize",
    "count",
    "first",
    "top",
    "$top",
    "max_results",
    "maxresults",
    "rows",
];
/// Names of the parameter that says which page it is.
const PAGES: [&str; 16] = [
    "page",
    "p",
    "page_number",
    "pagenumber",
    "offset",
    "start",
    "skip",
    "$skip",
    "cursor",
    "after",
    "starting_after",
    "page_token",
    "pagetoken",
    "next_token",
    "nexttoken",
    "continue",
];

/// The parameters of a target: names and values as they were sent.
pub(crate) fn parameters(target: &str) -> impl Iterator<Item = (&str, &str)> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let query = query.split_once('#').map_or(query, |(query, _)| query);
    query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
}

/// Whether the parameter says how many items a page has.
pub(crate) fn is_page_size(name: &str) -> bool {
    is_one_of(name, &SIZES)
}

/// Whether the parameter says which page it is.
pub(crate) fn is_page(name: &str) -> bool {
    is_one_of(name, &PAGES)
}

/// How many items a page has, where the target says so.
pub(super) fn page_size(target: &str) -> Option<u64> {
    parameters(target).find(|(name, _)| is_page_size(name)).and_then(|(_, size)| size.parse().ok())
}

/// Which page it is, where the target says so.
pub(super) fn page(target: &str) -> Option<&str> {
    parameters(target).find(|(name, _)| is_page(name)).map(|(_, page)| page)
}

/// A hash of what is asked for, whichever page of it.
pub(super) fn hash_of_list(row: &Glance<'_>) -> u64 {
    let others: Vec<(&str, &str)> =
        parameters(row.target).filter(|(name, _)| !is_page(name)).collect();
    FixedState::default().hash_one((row.host, row.path(), others))
}

/// A hash of what is asked for.
pub(super) fn hash_of_target(row: &Glance<'_>) -> u64 {
    FixedState::default().hash_one((row.method, row.host, row.target))
}

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|known| name.eq_ignore_ascii_case(known))
}
