//! `application/x-www-form-urlencoded`: pairs, their names as the backend will read them.

use super::hit::{Hit, Until, Written};
use super::names;
use crate::credentials::names::{Field, parameter};
use crate::credentials::url::decoded;
use crate::rules::Rules;

/// Finds values of secret names in `run`.
pub(super) fn find(run: &[u8], rules: &Rules, hits: &mut Vec<Hit>) {
    let mut at = 0;
    let has_grant = memchr::memmem::find(run, b"grant_type=").is_some();
    while at < run.len() {
        let rest = run.get(at..).unwrap_or_default();
        let length = memchr::memchr(b'&', rest);
        let pair = rest.get(..length.unwrap_or(rest.len())).unwrap_or_default();
        if let Some(equals) = memchr::memchr(b'=', pair)
            && equals + 1 < pair.len()
        {
            let name = decoded(pair.get(..equals).unwrap_or_default());
            let is_code = has_grant && name.as_ref() == b"code";
            if is_code || parameter(&name) != Field::Plain || names::is_secret(&name, rules) {
                let end = length.map(|length| at + length);
                let start = at + equals + 1;
                let hit = Hit::ending(at, start, end, run.len(), Until::Any(b"&"));
                hits.push(hit.written(Written::Form));
            }
        }
        at += pair.len() + 1;
    }
}
