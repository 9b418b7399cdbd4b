//! The plain texts without which an expression cannot match, so that blocks without them are passed
//! over.

use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind};

/// What must be there for a match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Needed {
    /// This text, in any case.
    Text(String),
    /// Each of these; with none of them, nothing is needed.
    All(Vec<Needed>),
    /// One of these.
    Any(Vec<Needed>),
}

impl Needed {
    /// What the expression needs.
    pub(super) fn by(meaning: &Hir) -> Self {
        match meaning.kind() {
            HirKind::Concat(parts) => Self::by_all(parts),
            HirKind::Alternation(parts) => Self::Any(parts.iter().map(Self::by).collect()),
            HirKind::Repetition(repeated) if repeated.min > 0 => Self::by(&repeated.sub),
            HirKind::Capture(group) => Self::by(&group.sub),
            _ => text(meaning).map_or(Self::All(Vec::new()), Self::Text),
        }
    }

    /// Characters side by side are needed side by side.
    fn by_all(parts: &[Hir]) -> Self {
        let (mut all, mut run) = (Vec::new(), String::new());
        for part in parts {
            if let Some(text) = text(part) {
                run.push_str(&text);
                continue;
            }
            if !run.is_empty() {
                all.push(Self::Text(std::mem::take(&mut run)));
            }
            all.push(Self::by(part));
        }
        if !run.is_empty() {
            all.push(Self::Text(run));
        }
        Self::All(all)
    }

    /// Whether it may be where `has` tells which texts there may be.
    pub(super) fn may_be_where(&self, has: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Self::Text(text) => has(text),
            Self::All(all) => all.iter().all(|needed| needed.may_be_where(has)),
            Self::Any(any) => any.iter().any(|needed| needed.may_be_where(has)),
        }
    }
}

/// The one text that a part of an expression matches, any case of ASCII letters taken as one.
fn text(part: &Hir) -> Option<String> {
    match part.kind() {
        HirKind::Literal(literal) => String::from_utf8(literal.0.to_vec()).ok(),
        HirKind::Class(Class::Unicode(class)) => letter(class).map(String::from),
        _ => None,
    }
}

/// The letter whose two cases a class has and nothing else. Letters that have a third case beyond
/// ASCII (`k` and the Kelvin sign) are none: a block is asked for ASCII cases only.
fn letter(class: &ClassUnicode) -> Option<char> {
    let [upper, lower] = class.ranges() else { return None };
    let is_one = upper.start() == upper.end() && lower.start() == lower.end();
    let is_pair =
        lower.start().is_ascii_lowercase() && upper.start() == lower.start().to_ascii_uppercase();
    (is_one && is_pair).then_some(lower.start())
}
