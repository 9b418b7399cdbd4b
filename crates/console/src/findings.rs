//! Findings: ways of using the API that cost someone, over the exchanges that a filter matches.

use axum::extract::State;
use axum::response::Response;
use wayside_analytics::findings::Findings;
use wayside_store::Order;

use crate::api::Api;
use crate::asked::Asked;
use crate::lookup::Stored;
use crate::outflow;
use crate::refusal::Refusal;

/// `/api/findings`: the costliest first.
pub(crate) async fn listing(State(api): State<Api>, asked: Asked) -> Result<Response, Refusal> {
    let limit = asked.limit.unwrap_or(usize::MAX);
    outflow::lines(move |out| {
        let mut findings = Findings::default();
        // Detectors follow each client from one exchange to the next, so rows come in their order.
        for row in api.store.find(asked.filter, Order::OldestFirst).until(out.abandoned()) {
            findings.add(&row?.glance());
        }
        let mut stored = Stored::of(&api.store);
        let found = findings.found(&mut stored);
        stored.read()?;
        found.iter().take(limit).try_for_each(|view| out.line(view))
    })
    .await
}
