//! The shell variables that stand for what is not in a recording: sealed secrets, an unknown host.

use std::fmt::Write;

use wayside_exchange::Exchange;

use super::{CurlOptions, request};

/// How a sealed secret begins; twelve hexadecimal digits follow.
const TOKEN: &[u8] = b"wayside-sealed-";
const TOKEN_LENGTH: usize = TOKEN.len() + 12;
/// Where to send what names no host.
pub(super) const BASE: &str = "WAYSIDE_BASE";

/// The variables of a command or script, each secret once.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables {
    secrets: Vec<Secret>,
    needs_base: bool,
}

#[derive(Clone, Debug)]
struct Secret {
    token: Vec<u8>,
    name: String,
    place: String,
}

impl Variables {
    /// Takes up what `exchange` needs.
    pub(super) fn collect(&mut self, exchange: &Exchange, options: &CurlOptions) {
        let head = &exchange.request.head;
        self.needs_base |= options.to.is_none()
            && exchange.summary.host.is_empty()
            && !exchange.summary.method.is_empty();
        self.collect_from(request::target(head), "URL");
        if options.to.is_none() {
            self.collect_from(exchange.summary.host.as_bytes(), "Host");
        }
        for line in request::sent_fields(exchange, options) {
            let name = line.split(|&b| b == b':').next().unwrap_or_default();
            self.collect_from(&line, &String::from_utf8_lossy(name));
        }
    }

    fn collect_from(&mut self, bytes: &[u8], place: &str) {
        let mut rest = bytes;
        while let Some((_, token, after)) = next_token(rest) {
            rest = after;
            if self.secrets.iter().any(|secret| secret.token == token) {
                continue;
            }
            let plain =
                |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
            let stem = format!("WAYSIDE_{}_", place.chars().map(plain).collect::<String>());
            let number = self.secrets.iter().filter(|one| one.name.starts_with(&stem)).count() + 1;
            self.secrets.push(Secret {
                token: token.to_vec(),
                name: format!("{stem}{number}"),
                place: place
                    .chars()
                    .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
                    .collect(),
            });
        }
    }

    /// The first secret in `bytes`: what stands before it, its variable, what stands after it.
    pub(super) fn next_in<'a>(&self, bytes: &'a [u8]) -> Option<(&'a [u8], &str, &'a [u8])> {
        let (before, token, after) = next_token(bytes)?;
        let secret = self.secrets.iter().find(|secret| secret.token == token)?;
        Some((before, &secret.name, after))
    }

    /// The lines that end the script unless every variable is set.
    pub(super) fn asked_for(&self) -> String {
        let mut lines = String::new();
        // Writing to a string does not fail.
        if self.needs_base {
            let example = "set it to where to send, such as http://127.0.0.1:3000";
            let _ = writeln!(lines, ": \"${{{BASE}:?{example}}}\"");
        }
        for Secret { token, name, place } in &self.secrets {
            let token = String::from_utf8_lossy(token);
            let what = format!("set it to what {token} stands for in {place}");
            let _ = writeln!(lines, ": \"${{{name}:?{what}}}\"");
        }
        lines
    }
}

fn next_token(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    memchr::memmem::find_iter(bytes, TOKEN).find_map(|at| {
        let (before, from) = bytes.split_at_checked(at)?;
        let (token, after) = from.split_at_checked(TOKEN_LENGTH)?;
        let digits = token.get(TOKEN.len()..)?;
        digits.iter().all(u8::is_ascii_hexdigit).then_some((before, token, after))
    })
}
