//! Routes: what is asked for, how often and how fast.

use axum::extract::State;
use axum::response::Response;
use wayside_analytics::RouteList;
use wayside_exchange::Glance;
use wayside_store::Order;

use crate::api::Api;
use crate::asked::Asked;
use crate::outflow;
use crate::refusal::Refusal;

/// `/api/routes`: those first on which most time is spent; over the exchanges that the filter matches.
pub(crate) async fn listing(State(api): State<Api>, asked: Asked) -> Result<Response, Refusal> {
    let limit = asked.limit.unwrap_or(usize::MAX);
    outflow::lines(move |out| {
        let scan = api.store.scan(asked.filter, Order::NewestFirst).until(out.abandoned());
        let add = |routes: &mut RouteList, row: &Glance<'_>| {
            if row.has_request() {
                routes.add(row);
            }
        };
        let routes = scan.total(add, RouteList::merge)?;
        routes.views().iter().take(limit).try_for_each(|view| out.line(view))
    })
    .await
}
