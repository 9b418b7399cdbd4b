//! Outliers: who fares worse than others, now or over the exchanges that a filter matches.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::extract::State;
use axum::response::Response;
use wayside_analytics::why::Cases;
use wayside_analytics::windows::{LONGEST, Windows};
use wayside_analytics::{Clients, Promises, Stars, is_told, outlier_view};
use wayside_exchange::filter::Filter;
use wayside_exchange::view::{ClientView, OutlierView};
use wayside_exchange::{Micros, Timestamp};
use wayside_store::{Order, Store, StoreError};

use crate::api::Api;
use crate::asked::Asked;
use crate::clients::{add, told_apart};
use crate::clock;
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
            let clients = scan.total_of(told_apart(&api), add, Clients::merge)?;
            let views = clients.views(&api.thresholds);
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
            Arc::new(views.into_iter().flat_map(of).collect())
        } else if let Some(recorder) = &api.recorder {
            with_promises(recorder.outliers(), &api, clock::now(), out.abandoned())?
        } else {
            let (found, last) = at_rest(&api, out.abandoned())?;
            with_promises(Arc::new(found), &api, last, out.abandoned())?
        };
        let told = found.iter().filter(|view| is_told(view)).take(limit);
        let mut told: Vec<OutlierView> = told.cloned().collect();
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

/// How far back promises are looked at, as the thresholds are.
const LATELY: Micros = Micros(900_000_000);

/// Those that stand out, and who broke what was promised in the last 15 minutes: that is read from the store, so
/// that the recorder need not count it.
fn with_promises(
    found: Arc<Vec<OutlierView>>,
    api: &Api,
    now: Timestamp,
    gone: Arc<AtomicBool>,
) -> Result<Arc<Vec<OutlierView>>, StoreError> {
    if api.thresholds.rules.iter().all(|rule| rule.objectives.is_empty()) {
        return Ok(found);
    }
    let since = now.minus(LATELY);
    let mut scan = api.store.scan(Filter::all(), Order::NewestFirst).until(gone);
    let mut parts: Vec<Promises> =
        scan.parts::<()>().iter().map(|()| Promises::of(&api.thresholds)).collect();
    while scan.horizon().is_some_and(|horizon| horizon.started_at() >= since)
        && scan.fold(&mut parts, |part, row| {
            if row.has_request() && row.started_at >= since {
                part.add(row);
            }
        })?
    {}
    let mut all = Promises::of(&api.thresholds);
    for part in parts {
        all.merge(part);
    }
    Ok(Arc::new(found.iter().cloned().chain(all.broken()).collect()))
}

/// The windows as they stood at the newest exchange, and when that ended.
fn at_rest(api: &Api, gone: Arc<AtomicBool>) -> Result<(Vec<OutlierView>, Timestamp), StoreError> {
    let Some(newest) = api.store.status().recorded_through else {
        return Ok((Vec::new(), Timestamp::default()));
    };
    let since = newest.started_at().minus(LONGEST);
    let mut scan = api.store.scan(Filter::all(), Order::NewestFirst).until(gone);
    // Windows are made by one core: in parts they would have to be put together.
    let mut windows = Windows::new(api.thresholds);
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
    Ok((windows.judge(last), last))
}
