//! Outliers: who fares worse than others, now or over the exchanges that a filter matches.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::extract::State;
use axum::response::Response;
use wayside_analytics::why::Cases;
use wayside_analytics::windows::{LONGEST, Windows};
use wayside_analytics::{Clients, Stars, is_told, outlier_view};
use wayside_exchange::filter::Filter;
use wayside_exchange::view::{ClientView, OutlierView};
use wayside_store::{Order, Store, StoreError};

use crate::api::Api;
use crate::asked::Asked;
use crate::clients::{add, told_apart};
use crate::lookup::Stored;
use crate::outflow;
use crate::refusal::Refusal;

/// `/api/outliers`: worst first. Without a filter the sliding windows of the running recorder, or as they
/// stood at the newest exchange when none runs; with one, over all exchanges that it matches.
/// With `why=1` what sets their exchanges apart is found out for the worst ten.
pub(crate) async fn listing(State(api): State<Api>, asked: Asked) -> Result<Response, Refusal> {
    let limit = asked.limit.unwrap_or(usize::MAX);
    outflow::lines(move |out| {
        let found = if !asked.written.trim().is_empty() {
            let scan =
                api.store.scan(asked.filter.clone(), Order::NewestFirst).until(out.abandoned());
            let thresholds = api.thresholds();
            let clients = scan.total_of(told_apart(&api, &thresholds), add, Clients::merge)?;
            let views = clients.views(&thresholds);
            let within = asked.written.trim();
            let of = |view: ClientView| {
                let name = view.name;
                view.verdicts.into_iter().map(move |verdict| {
                    let mut view = outlier_view(&name, verdict);
                    // The proof lies among the exchanges that were asked about.
                    view.exchanges = format!("{} ({within})", view.exchanges);
                    view
                })
            };
            Arc::new(views.into_iter().flat_map(of).filter(is_told).collect())
        } else if let Some(recorder) = &api.recorder {
            recorder.outliers()
        } else {
            Arc::new(at_rest(&api, out.abandoned())?)
        };
        let mut told: Vec<OutlierView> = found.iter().take(limit).cloned().collect();
        if asked.why {
            explain(&mut told, &api.store, asked.filter, out.abandoned())?;
        }
        told.iter().try_for_each(|view| out.line(view))
    })
    .await
}

/// Outliers that are explained; of further ones the commands say that they are not.
const EXPLAINED: usize = 10;

/// Fills in why the worst of them fare as they do.
fn explain(
    outliers: &mut [OutlierView],
    store: &Store,
    filter: Filter,
    gone: Arc<AtomicBool>,
) -> Result<(), StoreError> {
    let explained = outliers.len().min(EXPLAINED);
    let Some(outliers) = outliers.get_mut(..explained).filter(|some| !some.is_empty()) else {
        return Ok(());
    };
    let cases = Cases::of(outliers.iter());
    let since = cases.since();
    let mut scan = store.scan(filter, Order::NewestFirst).until(gone);
    let mut parts: Vec<Cases> = scan.parts::<()>().iter().map(|()| cases.clone()).collect();
    while scan.horizon().is_some_and(|horizon| horizon.started_at() >= since)
        && scan.fold(&mut parts, Cases::add)?
    {}
    let mut cases = cases;
    for part in parts {
        cases.merge(part);
    }
    let mut stored = Stored::of(store);
    let reasons = cases.reasons(&mut stored);
    stored.read()?;
    for (outlier, reasons) in outliers.iter_mut().zip(reasons) {
        outlier.why = Some(reasons);
    }
    Ok(())
}

/// The windows as they stood at the newest exchange.
fn at_rest(api: &Api, gone: Arc<AtomicBool>) -> Result<Vec<OutlierView>, StoreError> {
    let Some(newest) = api.store.status().recorded_through else {
        return Ok(Vec::new());
    };
    let since = newest.started_at().minus(LONGEST);
    let mut scan = api.store.scan(Filter::all(), Order::NewestFirst).until(gone);
    // Windows are made by one core: in parts they would have to be put together.
    let mut windows = Windows::new(api.thresholds());
    windows.star(&api.store.links(|links| Stars::of(links.labels())));
    let mut parts = [(windows, newest.started_at())];
    while scan.horizon().is_some_and(|horizon| horizon.started_at() >= since)
        && scan.fold(&mut parts, |(windows, last), row| {
            if row.has_request() && row.started_at >= since {
                windows.add(row);
                *last = row.ended_at().max(*last);
            }
        })?
    {}
    let [(mut windows, last)] = parts;
    Ok(windows.judge(last))
}
