//! What is told: every family with its help, in the order of docs/metrics.md.

use std::sync::Arc;

use wayside_alerts::{Delivery, State, Tally};
use wayside_analytics::meters::{CLASSES, Histogram, MOST, Meter, Meters, OUTCOMES};
use wayside_exchange::view::{BoardView, OutlierView, StatusView, WorstView};
use wayside_exchange::{ExchangeId, Timestamp};

use super::sheet::{Kind, Sheet, seconds};
use crate::api::{Api, Live, Load};
use crate::push::PushView;
use crate::status::ConsoleStatus;

/// Clients with labels of their own.
const CLIENTS: usize = 10;
/// Why an exchange can be lost: told from the start, so that the first loss is a step up from zero.
const REASONS: [&str; 4] = ["disk_full", "fault", "overload", "store_failed"];
/// Kinds of verdicts; whatever else there is counts as `other`.
const KINDS: [&str; 6] = ["latency", "error_4xx", "error_5xx", "cancelled", "threshold", "other"];

/// A family's name, its words, and where its value is.
type Figure<T, N> = (&'static str, &'static str, fn(&T) -> N);

/// Everything that one scrape tells.
pub(super) struct Scrape<'a> {
    status: &'a ConsoleStatus,
    meters: Meters,
    board: Arc<BoardView>,
    outliers: Vec<OutlierView>,
    load: Load,
    alerts: [(&'static str, usize); 3],
    delivery: Delivery,
}

impl<'a> Scrape<'a> {
    pub(super) fn of(api: &Api, recorder: &dyn Live, status: &'a ConsoleStatus) -> Self {
        Self {
            status,
            meters: recorder.meters(),
            board: recorder.board(),
            outliers: recorder.outliers().to_vec(),
            load: recorder.load(),
            alerts: [
                ("open", api.alerts.count(State::Open)),
                ("acknowledged", api.alerts.count(State::Acknowledged)),
                ("ended", api.alerts.count(State::Ended)),
            ],
            delivery: api.alerts.delivery(),
        }
    }

    pub(super) fn write(&self, page: &mut impl Sheet) {
        self.traffic(page);
        self.recording(page);
        self.disk(page);
        self.clients(page);
        self.alerts(page);
        self.pushes(page);
        page.family(Kind::Gauge, "wayside_build_info", "The version of Wayside.");
        page.sample(&[("version", &self.status.version)], 1_u64);
        if let Some(at) = self.status.started_at {
            let help = "When the recorder started, in seconds since 1970.";
            page.one(Kind::Gauge, "wayside_start_time_seconds", help, at.0 as f64 / 1e6);
        }
    }

    /// By route.
    fn traffic(&self, page: &mut impl Sheet) {
        page.family(
            Kind::Counter,
            "wayside_exchanges",
            "Exchanges that ended, by route, class of the status and outcome.",
        );
        for (route, meter) in self.meters.routes() {
            for (class, outcomes) in CLASSES.iter().zip(&meter.exchanges) {
                for (outcome, count) in OUTCOMES.iter().zip(outcomes).filter(|(_, n)| **n > 0) {
                    let outcome = outcome.as_str();
                    let labels = [("route", route), ("status_class", *class), ("outcome", outcome)];
                    page.sample(&labels, *count);
                }
            }
        }
        self.histograms(
            page,
            "wayside_exchange_duration_seconds",
            "From the request head to the end of the exchange, without those that the client broke off.",
            |meter| &meter.total,
        );
        self.histograms(
            page,
            "wayside_time_to_first_byte_seconds",
            "From the request head to the head of the backend's response.",
            |meter| &meter.first_byte,
        );
        self.histograms(
            page,
            "wayside_overhead_seconds",
            "Wayside's own share: from the request head to its departure upstream, without connecting.",
            |meter| &meter.overhead,
        );
        let bytes: [Figure<Meter, u64>; 2] = [
            ("wayside_request_body_bytes", "Bytes of request bodies as transferred.", |meter| {
                meter.request_bytes
            }),
            ("wayside_response_body_bytes", "Bytes of response bodies as transferred.", |meter| {
                meter.response_bytes
            }),
        ];
        for (name, help, of) in bytes {
            page.family(Kind::Counter, name, help);
            for (route, meter) in self.meters.routes() {
                page.sample(&[("route", route)], of(meter));
            }
        }
        let named = "Routes with a label of their own; the others are `other`.";
        page.one(Kind::Gauge, "wayside_route_labels", named, self.meters.named());
        let most = "The most routes that can have a label of their own.";
        page.one(Kind::Gauge, "wayside_route_labels_limit", most, MOST);
        let folded = "Exchanges that count as route `other`.";
        page.one(Kind::Counter, "wayside_route_folded_exchanges", folded, self.meters.folded());
    }

    fn histograms(
        &self,
        page: &mut impl Sheet,
        name: &'static str,
        help: &str,
        of: fn(&Meter) -> &Histogram,
    ) {
        page.family(Kind::Histogram, name, help);
        for (route, meter) in self.meters.routes().filter(|(_, meter)| of(meter).count() > 0) {
            page.histogram(&[("route", route)], of(meter));
        }
    }

    /// What was forwarded, and what became of it.
    fn recording(&self, page: &mut impl Sheet) {
        let status: &StatusView = &self.status.status;
        let counters = [
            ("wayside_forwarded_exchanges", "Exchanges that began.", status.forwarded),
            ("wayside_recorded_exchanges", "Exchanges in the store, whole.", status.recorded),
            (
                "wayside_marked_exchanges",
                "Exchanges in the store with a mark that says what is missing.",
                status.marked,
            ),
            (
                "wayside_failed_handshakes",
                "Connections that failed in their TLS handshake.",
                status.handshakes_failed,
            ),
            (
                "wayside_panics",
                "Faults of Wayside itself; each cost one exchange, connection or answer.",
                status.panics,
            ),
        ];
        for (name, help, value) in counters {
            page.one(Kind::Counter, name, help, value);
        }
        let help = "Exchanges that are not in the store, by reason.";
        page.family(Kind::Counter, "wayside_lost_exchanges", help);
        for reason in REASONS {
            let lost = status.lost.get(reason).copied().unwrap_or_default();
            page.sample(&[("reason", reason)], lost);
        }
        for (reason, lost) in &status.lost {
            if !REASONS.contains(&reason.as_str()) {
                page.sample(&[("reason", reason)], *lost);
            }
        }
        let gauges = [
            ("wayside_running_exchanges", "Exchanges that run now.", status.open),
            (
                "wayside_open_connections",
                "Connections from clients that are open.",
                self.load.connections,
            ),
            ("wayside_queue_bytes", "What waits to be recorded.", status.queue_bytes),
            ("wayside_queue_limit_bytes", "How much may wait.", self.load.queue_budget),
            (
                "wayside_problems",
                "What is wrong with recording now; `wayside status` says it in words.",
                status.problems.len() as u64,
            ),
        ];
        for (name, help, value) in gauges {
            page.one(Kind::Gauge, name, help, value);
        }
        let help = "How far what survives a power loss is behind what is written.";
        page.one(Kind::Gauge, "wayside_durable_lag_seconds", help, self.durable_lag());
    }

    fn durable_lag(&self) -> f64 {
        let StatusView { recorded_through, durable_through, .. } = &self.status.status;
        let at = |id: &Option<ExchangeId>| id.map(ExchangeId::started_at);
        let Some(recorded) = at(recorded_through) else { return 0.0 };
        let begin: Option<Timestamp> = self.status.started_at;
        at(durable_through).or(begin).map_or(0.0, |durable| seconds(recorded.since(durable).0))
    }

    fn disk(&self, page: &mut impl Sheet) {
        let status: &StatusView = &self.status.status;
        let (disk, removed) = (&status.disk, status.removed);
        page.one(Kind::Gauge, "wayside_store_used_bytes", "What the recording takes.", disk.used);
        if let Some(budget) = disk.budget {
            let help = "What the recording may take (`keep-bytes`).";
            page.one(Kind::Gauge, "wayside_store_budget_bytes", help, budget);
        }
        let free = "What is free on the recording's file system.";
        page.one(Kind::Gauge, "wayside_disk_free_bytes", free, disk.free);
        let stored = "Exchanges in the store.";
        page.one(Kind::Gauge, "wayside_stored_exchanges", stored, status.stored);
        let help = "Exchanges that retention removed, over the life of the store.";
        page.one(Kind::Lasting, "wayside_removed_exchanges", help, removed.exchanges);
        let help = "Bytes that retention freed, over the life of the store.";
        page.one(Kind::Lasting, "wayside_removed_bytes", help, removed.bytes);
    }

    /// What people were told of.
    fn alerts(&self, page: &mut impl Sheet) {
        let help = "Alerts by state; of those that have ended the newest 1000.";
        page.family(Kind::Gauge, "wayside_alerts", help);
        for (state, count) in &self.alerts {
            page.sample(&[("state", state)], *count);
        }
        let help = "What became of the messages that tell of alerts.";
        page.family(Kind::Counter, "wayside_alert_deliveries", help);
        for (way, tally) in [("webhook", &self.delivery.webhook), ("exec", &self.delivery.exec)] {
            let Tally { delivered, failed, dropped, .. } = tally;
            for (result, count) in
                [("delivered", delivered), ("failed", failed), ("dropped", dropped)]
            {
                page.sample(&[("way", way), ("result", result)], *count);
            }
        }
        let help = "Verdicts that came while too many stood, and were told to nobody.";
        page.one(Kind::Counter, "wayside_untold_verdicts", help, self.delivery.untold);
    }

    /// How pushing these very figures goes; nothing where they are only scraped.
    fn pushes(&self, page: &mut impl Sheet) {
        let Some(PushView { delivered, failed, rejected, .. }) = &self.status.otlp else { return };
        let help = "Times that the metrics were pushed to the collector, by whether it took them.";
        page.family(Kind::Counter, "wayside_otlp_pushes", help);
        for (result, count) in [("delivered", delivered), ("failed", failed)] {
            page.sample(&[("result", result)], *count);
        }
        let help = "Figures that the collector did not want of what it took.";
        page.one(Kind::Counter, "wayside_otlp_rejected_points", help, *rejected);
    }

    /// Who is there, and who fares worst.
    fn clients(&self, page: &mut impl Sheet) {
        let active = "Clients that called in the last minute.";
        page.one(Kind::Gauge, "wayside_active_clients", active, self.board.clients);
        let help = "Verdicts that stand now, by kind; `wayside outliers` says them in words.";
        page.family(Kind::Gauge, "wayside_verdicts", help);
        let known = |kind: &str| KINDS.into_iter().find(|known| *known == kind).unwrap_or("other");
        for kind in KINDS {
            let of_kind = self.outliers.iter().filter(|view| known(&view.verdict.kind) == kind);
            page.sample(&[("kind", kind)], of_kind.count());
        }
        let help = "Exchanges of clients that are not compared, since there are so many clients.";
        page.one(Kind::Counter, "wayside_uncompared_exchanges", help, self.board.uncompared);
        let figures: [Figure<WorstView, f64>; 5] = [
            ("wayside_worst_client_requests", "requests", |one| one.requests as f64),
            ("wayside_worst_client_errors", "errors (4xx, 5xx, failed)", |one| {
                (one.errors_4xx + one.errors_5xx) as f64
            }),
            ("wayside_worst_client_cancelled", "requests given up", |one| one.cancelled as f64),
            ("wayside_worst_client_latency_seconds", "average latency", |one| {
                one.average_ms / 1000.0
            }),
            ("wayside_worst_client_verdicts", "verdicts that stand", |one| one.verdicts as f64),
        ];
        for (name, what, of) in figures {
            let help = format!(
                "Of the {CLIENTS} clients that fare worst, those with a verdict first: {what} in the last 15 minutes.",
            );
            page.family(Kind::Gauge, name, &help);
            for one in self.board.worst.iter().take(CLIENTS) {
                page.sample(&[("client", &one.client)], of(one));
            }
        }
    }
}
