//! How much is taken for a secret, what names a client, and what the configuration adds to what is known.
//!
//! A rule names a header field, a field (of a query, a form, JSON, XML), a place in JSON, or a regular
//! expression over bodies, header fields and URLs. Rules only add: nothing that is known to be a
//! secret can be left in clear but by `none`.

mod naming;
mod pointer;

use regex::bytes::Regex;
use wayside_exchange::{EvidenceKind, Network};

use naming::Naming;
pub(crate) use pointer::{Pointed, Pointer, Walker};

/// How much is taken out before anything is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sealing {
    /// Nothing; rules are not looked at either.
    None,
    /// What is known to be a secret by its name or its form.
    #[default]
    Default,
    /// Also every header field that is not known to be harmless, names that only sound like secrets,
    /// and whole bodies that cannot be searched.
    Strict,
}

/// What is taken for a secret.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    pub(crate) sealing: Sealing,
    /// Names of header fields, in lower case.
    headers: Vec<Vec<u8>>,
    /// Names of fields, letters and digits only, in lower case.
    fields: Vec<Vec<u8>>,
    pub(crate) pointers: Vec<Pointer>,
    pub(crate) patterns: Vec<Regex>,
    pub(crate) naming: Naming,
}

/// Why a rule cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// No header field has such a name.
    #[error("`{0}` cannot be the name of a header field")]
    Header(String),
    /// A name without a letter or digit.
    #[error("`{0}` has no letter or digit that a field could be known by")]
    Field(String),
    /// A pointer is empty or begins with something.
    #[error("`{0}` is no JSON pointer: it begins with `/`, as in `/user/pin` or `/cards/*/number`")]
    Pointer(String),
    /// `~` stands only before `0` or `1` (RFC 6901).
    #[error("`{0}` is no JSON pointer: write `~` as `~0`, and `/` within a name as `~1`")]
    PointerEscape(String),
    /// Neither an address nor a network.
    #[error("`{0}` is no address or network: write it as `10.0.0.7` or `10.0.0.0/8`")]
    Network(String),
    /// No kind of evidence has such a name.
    #[error("`{0}` is none of `cert`, `key`, `bearer`, `basic`, `body` and `cookie`")]
    Kind(String),
    /// The regular expression does not parse.
    #[error("`{pattern}` is no regular expression: {reason}")]
    Pattern {
        /// As it was written.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The regular expression matches everywhere.
    #[error("`{0}` matches the empty text, so it would match everywhere")]
    MatchesNothing(String),
}

impl Rules {
    /// Those that are known, at this level.
    pub fn of(sealing: Sealing) -> Self {
        Self { sealing, ..Self::default() }
    }

    /// The values of the header field `name` are secrets.
    pub fn header(&mut self, name: &str) -> Result<(), RuleError> {
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(RuleError::Header(name.to_owned()));
        }
        self.headers.push(name.to_ascii_lowercase().into_bytes());
        Ok(())
    }

    /// The header field `name` holds the API key of a client.
    pub fn key_header(&mut self, name: &str) -> Result<(), RuleError> {
        self.header(name)?;
        self.naming.key_headers.extend(self.headers.pop());
        Ok(())
    }

    /// The query parameter `name` holds the API key of a client.
    pub fn key_parameter(&mut self, name: &str) -> Result<(), RuleError> {
        if name.is_empty() {
            return Err(RuleError::Field(name.to_owned()));
        }
        self.naming.key_parameters.push(name.to_ascii_lowercase().into_bytes());
        Ok(())
    }

    /// The header field `name` says which device a request came from.
    pub fn device_header(&mut self, name: &str) -> Result<(), RuleError> {
        self.header(name)?;
        self.naming.devices.extend(self.headers.pop());
        Ok(())
    }

    /// The cookie `name` is a client's session.
    pub fn session_cookie(&mut self, name: &str) -> Result<(), RuleError> {
        self.header(name)?;
        self.naming.cookies.extend(self.headers.pop());
        Ok(())
    }

    /// What `pointer` (RFC 6901; `*` is any name or index) leads to in a JSON body names the client.
    pub fn client_pointer(&mut self, pointer: &str) -> Result<(), RuleError> {
        self.naming.pointers.push(Pointer::parse(pointer)?.exact());
        Ok(())
    }

    /// The claim `name` of a bearer token names the client, unless one that was said before does.
    pub fn claim(&mut self, name: &str) -> Result<(), RuleError> {
        if name.is_empty() {
            return Err(RuleError::Field(name.to_owned()));
        }
        self.naming.claims.push(name.to_owned());
        Ok(())
    }

    /// Evidence of this kind (`cert`, `key`, `bearer`, `basic`, `body`, `cookie`) is weaker than what was said before.
    pub fn next_in_order(&mut self, kind: &str) -> Result<(), RuleError> {
        let named = |known: &EvidenceKind| known.names_a_client() && known.as_str() == kind;
        let known = EvidenceKind::ALL.into_iter().find(named);
        self.naming.order.push(known.ok_or_else(|| RuleError::Kind(kind.to_owned()))?);
        Ok(())
    }

    /// What proxies at this address, or in this network, say of where a request came from is believed.
    pub fn trusted_proxy(&mut self, network: &str) -> Result<(), RuleError> {
        let parsed = network.parse().map_err(|_| RuleError::Network(network.to_owned()))?;
        self.naming.trusted.push(parsed);
        Ok(())
    }

    /// Where those proxies are.
    pub fn trusted_proxies(&self) -> &[Network] {
        &self.naming.trusted
    }

    /// The values of fields called `name` are secrets, in queries, forms, JSON and XML.
    pub fn field(&mut self, name: &str) -> Result<(), RuleError> {
        let folded: Vec<u8> = folded(name.as_bytes()).collect();
        if folded.is_empty() {
            return Err(RuleError::Field(name.to_owned()));
        }
        self.fields.push(folded);
        Ok(())
    }

    /// What `pointer` (RFC 6901; `*` is any name or index) leads to is a secret, in JSON bodies.
    pub fn pointer(&mut self, pointer: &str) -> Result<(), RuleError> {
        self.pointers.push(Pointer::parse(pointer)?);
        Ok(())
    }

    /// What `pattern` matches is a secret: its first group, where it has one.
    pub fn pattern(&mut self, pattern: &str) -> Result<(), RuleError> {
        let regex = Regex::new(pattern).map_err(|error| RuleError::Pattern {
            pattern: pattern.to_owned(),
            reason: reason(&error),
        })?;
        if regex.is_match(b"") {
            return Err(RuleError::MatchesNothing(pattern.to_owned()));
        }
        self.patterns.push(regex);
        Ok(())
    }

    /// The same for a search: at the default level where they would seal nothing.
    #[must_use]
    pub fn searching(&self) -> Self {
        let sealing = match self.sealing {
            Sealing::None => Sealing::Default,
            level => level,
        };
        Self { sealing, ..self.clone() }
    }

    /// Whether nothing is replaced, and all secrets are stored in clear.
    pub fn seals_nothing(&self) -> bool {
        self.sealing == Sealing::None
    }

    pub(crate) fn is_strict(&self) -> bool {
        self.sealing == Sealing::Strict
    }

    pub(crate) fn names_header(&self, name: &[u8]) -> bool {
        self.headers.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    pub(crate) fn names_field(&self, name: &[u8]) -> bool {
        self.fields.iter().any(|known| folded(name).eq(known.iter().copied()))
    }

    /// Whether the configuration names any field.
    pub(crate) fn has_fields(&self) -> bool {
        !self.fields.is_empty()
    }
}

/// A name as it is compared: `api_key`, `apiKey` and `API-Key` are one.
fn folded(name: &[u8]) -> impl Iterator<Item = u8> + '_ {
    name.iter().filter(|b| b.is_ascii_alphanumeric() || **b >= 0x80).map(u8::to_ascii_lowercase)
}

/// The last line of what the parser says, which is the one in words.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default().trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_cannot_work_says_why() {
        let mut rules = Rules::default();
        let said = |error: Result<(), RuleError>| error.err().map(|error| error.to_string());
        assert_eq!(
            said(rules.header("x y")).as_deref(),
            Some("`x y` cannot be the name of a header field")
        );
        assert_eq!(
            said(rules.field("--")).as_deref(),
            Some("`--` has no letter or digit that a field could be known by")
        );
        assert_eq!(
            said(rules.pointer("user/pin")).as_deref(),
            Some(
                "`user/pin` is no JSON pointer: it begins with `/`, as in `/user/pin` or `/cards/*/number`"
            )
        );
        assert_eq!(
            said(rules.pointer("/a~b")).as_deref(),
            Some("`/a~b` is no JSON pointer: write `~` as `~0`, and `/` within a name as `~1`")
        );
        assert_eq!(
            said(rules.pattern("acct_(")).as_deref(),
            Some("`acct_(` is no regular expression: unclosed group")
        );
        assert_eq!(
            said(rules.pattern("x*")).as_deref(),
            Some("`x*` matches the empty text, so it would match everywhere")
        );
    }

    #[test]
    fn a_field_is_known_however_it_is_written() {
        let mut rules = Rules::default();
        rules.field("national-id").ok();
        assert!(rules.names_field(b"nationalId") && rules.names_field(b"NATIONAL_ID"));
        assert!(!rules.names_field(b"international_id"));
    }
}
