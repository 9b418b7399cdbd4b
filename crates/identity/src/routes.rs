//! Routes: method and path template, `GET /orders/{id}/items/{id}`, without anybody describing the API.
//!
//! Three judges, in this order: patterns that somebody configured; rules for what a segment looks
//! like (`segment`), which say the same of it for ever; and places where so many different segments
//! were answered well that they can be no names (`learned`). Nothing here grows without a bound.

mod learned;
mod patterns;
mod segment;

pub use patterns::{Pattern, WrongPattern};

use learned::Learned;
use patterns::Patterns;
use segment::Shape;

/// Finds the routes of exchanges.
#[derive(Debug, Default)]
pub struct Routes {
    patterns: Patterns,
    learned: Learned,
}

impl Routes {
    /// Goes by `patterns` first.
    pub fn new(patterns: &[Pattern]) -> Self {
        Self { patterns: Patterns::new(patterns), learned: Learned::default() }
    }

    /// The route of `method` on `target` (scheme, authority, query and fragment are left out). What
    /// was `answered` well teaches which places hold identifiers.
    pub fn of(&mut self, method: &str, target: &str, answered: bool) -> String {
        let path = path_of(target);
        let mut route = String::with_capacity(method.len() + 1 + path.len());
        route.push_str(method);
        route.push(' ');
        if let Some(template) = self.patterns.find(method, path) {
            route.push_str(template);
            return route;
        }
        let mut before = "";
        for (n, segment) in path.split('/').enumerate() {
            if n > 0 {
                route.push('/');
            }
            match segment::shape(before, segment) {
                Shape::Identifier { before, after } => {
                    route.push_str(before);
                    route.push_str("{id}");
                    route.push_str(after);
                }
                Shape::Name(name) => {
                    // `river-otter:publish`: the verb is none of the name's.
                    let (name, verb) = name.split_at(name.rfind(':').unwrap_or(name.len()));
                    let place = route.get(method.len() + 1..).unwrap_or_default();
                    let learned = self.learned.is_identifier(place, name, answered);
                    route.push_str(if learned { "{id}" } else { name });
                    route.push_str(verb);
                }
            }
            before = segment;
        }
        route
    }

    /// Takes up what an earlier run had learned, from a route that it recorded.
    pub fn take_up(&mut self, route: &str) {
        let Some((_, path)) = route.split_once(' ') else { return };
        for (at, _) in path.match_indices("/{id}") {
            let end = path.get(at + 5..).unwrap_or_default();
            if end.is_empty() || end.starts_with('/') {
                self.learned.take_up(path.get(..=at).unwrap_or_default());
            }
        }
    }
}

/// The path of a request's target, which may be an absolute URL (RFC 9112 section 3.2.2).
fn path_of(target: &str) -> &str {
    let end = memchr::memchr2(b'?', b'#', target.as_bytes()).unwrap_or(target.len());
    let path = target.get(..end).unwrap_or_default();
    if path.starts_with('/') {
        return path;
    }
    match path.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => {
            rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
        }
        _ => path,
    }
}

#[cfg(test)]
mod tests;
