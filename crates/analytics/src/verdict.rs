//! Claims about a client, each with what it rests on, worst first.
//!
//! Every kind of claim has a file in `verdict/` and is a pure function of folds: `threshold` holds a
//! client against figures that people agreed on; what holds it against its peers stands beside it.

mod threshold;

use wayside_exchange::view::Verdict;

use crate::client::ClientFold;

pub(crate) use threshold::LATENCY_MS;

/// A verdict and how bad it is, comparable between kinds: 1 is where somebody should be called.
pub(crate) struct Claim {
    pub(crate) severity: f64,
    pub(crate) verdict: Verdict,
}

/// What is wrong with `client`, worst first.
pub(crate) fn on(client: &ClientFold) -> Vec<Claim> {
    let mut claims = threshold::on(client);
    claims.sort_by(|a, b| b.severity.total_cmp(&a.severity));
    claims
}
