//! What goes wrong with the requests that a verdict is about.

use wayside_exchange::view::Verdict;
use wayside_exchange::{Glance, Outcome};

/// A way in which requests go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    Slow,
    Error,
    Error4xx,
    Error5xx,
    Cancelled,
}

impl Trouble {
    /// That of a verdict.
    pub(crate) fn of(verdict: &Verdict) -> Self {
        let rule = verdict.rule.as_deref().unwrap_or_default();
        match verdict.kind.as_str() {
            "error_4xx" => Trouble::Error4xx,
            "error_5xx" => Trouble::Error5xx,
            "cancelled" => Trouble::Cancelled,
            _ if rule.starts_with("4xx") => Trouble::Error4xx,
            _ if rule.starts_with("5xx") => Trouble::Error5xx,
            _ if rule.starts_with("errors") => Trouble::Error,
            _ => Trouble::Slow,
        }
    }

    /// The term of a filter that finds the bad exchanges; those that are slow took longer than `limit_ms`.
    pub(crate) fn filter(self, limit_ms: f64) -> String {
        match self {
            Trouble::Slow => format!("latency:>{}ms", limit_ms.ceil()),
            Trouble::Error => "(status:>=400 or outcome:upstream_failed)".to_owned(),
            Trouble::Error4xx => "status:4xx".to_owned(),
            Trouble::Error5xx => "(status:5xx or outcome:upstream_failed)".to_owned(),
            Trouble::Cancelled => "outcome:client_cancelled".to_owned(),
        }
    }

    /// Whether an exchange is one of the bad ones; which are slow shows only beside others.
    pub(crate) fn is_bad(self, row: &Glance<'_>) -> bool {
        let status = row.status.unwrap_or_default();
        let cancelled = row.outcome == Outcome::ClientCancelled;
        let failed = status >= 500 || row.outcome == Outcome::UpstreamFailed;
        match self {
            Trouble::Slow => false,
            Trouble::Cancelled => cancelled,
            Trouble::Error5xx => !cancelled && failed,
            Trouble::Error4xx => !cancelled && !failed && status >= 400,
            Trouble::Error => !cancelled && (failed || status >= 400),
        }
    }

    /// What its bad exchanges are called.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Trouble::Slow => "slow requests",
            Trouble::Error4xx => "requests with 4xx",
            Trouble::Error | Trouble::Error5xx => "failing requests",
            Trouble::Cancelled => "requests it gave up",
        }
    }
}
