//! The listings' rows as tables: exchanges, sessions, clients.

use wayside_console::RowView;
use wayside_exchange::escape::for_terminal;
use wayside_exchange::view::{ClientView, HarmView, PaceView, RouteView, SessionView, TimeView};
use wayside_exchange::{Mark, Outcome, Timestamp};

use super::figures::{ago, clock, count, duration, milliseconds, size};
use super::paint::Tone;
use super::table::{Cell, Column, Table};

/// Exchanges, one a row.
pub fn exchanges(rows: &[RowView], now: Timestamp) -> Table {
    let mut table = Table::new(vec![
        Column::text("id", 0),
        Column::text("started", 4),
        Column::wide("client", 3, 10),
        Column::wide("request", 1, 12),
        Column::text("ended", 1),
        Column::figure("took", 2),
    ]);
    for row in rows {
        table.row(exchange(row, now));
    }
    table
}

/// A session's exchanges in order, each with the pause since the one before had ended.
pub fn journey(rows: &[RowView], now: Timestamp) -> Table {
    let mut table = Table::new(vec![
        Column::text("id", 0),
        Column::text("started", 4),
        Column::figure("pause", 2),
        Column::wide("request", 1, 12),
        Column::text("ended", 1),
        Column::figure("took", 3),
    ]);
    let mut before: Option<Timestamp> = None;
    for row in rows {
        let pause = match before {
            Some(end) if row.started_at > end => duration(row.started_at.since(end)),
            // It overlaps with one that still ran.
            Some(_) => "-".to_owned(),
            None => String::new(),
        };
        let end = row.started_at.plus(row.timing.total);
        before = Some(before.map_or(end, |known| known.max(end)));
        let mut cells = exchange(row, now);
        if let Some(client) = cells.get_mut(2) {
            *client = Cell(pause, Tone::Faint);
        }
        table.row(cells);
    }
    table
}

fn exchange(row: &RowView, now: Timestamp) -> Vec<Cell> {
    let (ended, tone) = ending(row);
    vec![
        Cell::plain(row.id.to_string()),
        Cell(clock(row.started_at, now), Tone::Faint),
        Cell::plain(for_terminal(&row.client)),
        Cell::plain(for_terminal(&request(row))),
        Cell(ended, tone),
        Cell::plain(duration(row.timing.total)),
    ]
}

/// One exchange as a line of a live tail, whose columns cannot wait for the rows to come.
pub fn tail_line(
    row: &RowView,
    now: Timestamp,
    width: usize,
    paint: super::paint::Paint,
) -> String {
    let (ended, tone) = ending(row);
    let started = clock(row.started_at, now);
    let head = format!("{}  {started}  ", row.id);
    let tail = format!("  {:>9}  {}", duration(row.timing.total), for_terminal(&request(row)));
    let padded = format!("{ended:<10}");
    let client = super::table::cut(&for_terminal(&row.client), 20);
    let room = width.saturating_sub(head.len() + 10);
    let rest = super::table::cut(&format!("{tail}  {client}"), room);
    format!("{}{}{rest}", paint.faint(&head), paint.tone(tone, &padded))
}

/// `GET /path?query`, without the host, which rarely differs.
pub fn request(row: &RowView) -> String {
    match row.method.as_str() {
        "" if row.failure.as_ref().is_some_and(|failure| failure.reason.starts_with("TLS")) => {
            "(TLS handshake)".to_owned()
        }
        "" => "(connection)".to_owned(),
        method => format!("{method} {}", row.target),
    }
}

/// How an exchange ended, in a word or a status.
pub fn ending(row: &RowView) -> (String, Tone) {
    if row.marks.contains(Mark::Open) {
        return ("running".to_owned(), Tone::Good);
    }
    match (row.outcome, row.status) {
        (Outcome::ClientCancelled, _) => ("cancelled".to_owned(), Tone::Warning),
        (Outcome::UpstreamFailed, None) => ("failed".to_owned(), Tone::Bad),
        (Outcome::UpstreamFailed, Some(status)) if row.marks.contains(Mark::ResponseBodyCut) => {
            (format!("{status} cut"), Tone::Bad)
        }
        // The status is what Wayside answered in the backend's place.
        (Outcome::UpstreamFailed, Some(status)) => (format!("{status} failed"), Tone::Bad),
        (Outcome::Refused, None) => ("refused".to_owned(), Tone::Warning),
        (Outcome::Refused, Some(status)) => (format!("{status} ours"), Tone::Warning),
        (_, Some(status)) => (status.to_string(), tone_of(status)),
        (_, None) => ("-".to_owned(), Tone::Plain),
    }
}

/// The colour of a status.
pub fn tone_of(status: u16) -> Tone {
    match status {
        500.. => Tone::Bad,
        400..500 => Tone::Warning,
        200..300 => Tone::Good,
        _ => Tone::Plain,
    }
}

/// Sessions, one a row.
pub fn sessions(rows: &[SessionView], now: Timestamp) -> Table {
    let mut table = Table::new(vec![
        Column::text("id", 0),
        Column::wide("client", 1, 24),
        Column::text("started", 2),
        Column::figure("lasted", 3),
        Column::figure("exchanges", 1),
        Column::figure("errors", 1),
        Column::figure("routes", 5),
        Column::figure("p50", 4),
        Column::figure("p95", 4),
        Column::figure("bytes", 6),
    ]);
    for row in rows {
        table.row(vec![
            Cell::plain(row.id.to_string()),
            Cell::plain(for_terminal(&row.client)),
            Cell(clock(row.started_at, now), Tone::Faint),
            Cell::plain(duration(row.ended_at.since(row.started_at))),
            Cell::plain(count(row.exchanges)),
            alarming(row.errors),
            Cell::plain(count(row.routes)),
            Cell::plain(milliseconds(row.p50_ms)),
            Cell::plain(milliseconds(row.p95_ms)),
            Cell::plain(size(row.bytes)),
        ]);
    }
    table
}

/// Clients, one a row.
pub fn clients(rows: &[ClientView], harm: bool, now: Timestamp) -> Table {
    let mut columns = vec![
        Column::wide("client", 0, 24),
        Column::text("last seen", 3),
        Column::figure("requests", 1),
        Column::figure("4xx", 2),
        Column::figure("5xx", 1),
        Column::figure("p50", 3),
        Column::figure("p95", 2),
        Column::figure("p99", 4),
        Column::figure("backend", 4),
        Column::figure("at once", 6),
        Column::figure("bytes", 7),
        Column::figure("sessions", 5),
        Column::wide("what is wrong", 2, 20),
    ];
    if harm {
        columns.insert(9, Column::figure("others wait", 1));
    }
    let mut table = Table::new(columns);
    for row in rows {
        let wrong = row.verdicts.first().map(|verdict| verdict.sentence.as_str());
        let name = row.label.as_deref().unwrap_or(&row.name);
        let star = if row.star { "* " } else { "" };
        let mut cells = vec![
            Cell::plain(format!("{star}{}", for_terminal(name))),
            Cell(ago(row.last_seen, now), Tone::Faint),
            Cell::plain(count(row.requests)),
            alarming(row.errors_4xx),
            alarming(row.errors_5xx),
            Cell::plain(milliseconds(row.p50_ms)),
            Cell::plain(milliseconds(row.p95_ms)),
            Cell::plain(milliseconds(row.p99_ms)),
            Cell::plain(format!("{:.0} %", row.time_share * 100.0)),
            Cell::plain(at_once(&row.pace)),
            Cell::plain(size(row.pace.bytes)),
            Cell::plain(count(row.sessions)),
            Cell(for_terminal(wrong.unwrap_or_default()).into_owned(), Tone::Warning),
        ];
        if harm {
            cells.insert(9, slowdown(row.harm));
        }
        table.row(cells);
    }
    table
}

/// How much slower others are, and between what that lies; told in a colour when it is more than nothing.
fn slowdown(harm: Option<HarmView>) -> Cell {
    let Some(HarmView { slowdown, low, high, everywhere, .. }) = harm else {
        return Cell("cannot be told".to_owned(), Tone::Faint);
    };
    let tone = if low > 1.0 { Tone::Warning } else { Tone::Plain };
    let on = if everywhere { " on other routes" } else { "" };
    Cell(format!("{slowdown:.2}x ({low:.2} to {high:.2}){on}"), tone)
}

/// Routes, one a row.
pub fn routes(rows: &[RouteView]) -> Table {
    let mut table = Table::new(vec![
        Column::wide("route", 0, 24),
        Column::figure("requests", 1),
        Column::figure("clients", 3),
        Column::figure("4xx", 2),
        Column::figure("5xx", 1),
        Column::figure("p50", 3),
        Column::figure("p95", 2),
        Column::figure("p99", 4),
        Column::figure("of all time", 2),
        Column::text("where", 4),
        Column::figure("at once", 6),
        Column::figure("bytes", 5),
    ]);
    for row in rows {
        table.row(vec![
            Cell::plain(for_terminal(&row.route)),
            Cell::plain(count(row.requests)),
            Cell::plain(count(row.clients)),
            alarming(row.errors_4xx),
            alarming(row.errors_5xx),
            Cell::plain(milliseconds(row.p50_ms)),
            Cell::plain(milliseconds(row.p95_ms)),
            Cell::plain(milliseconds(row.p99_ms)),
            Cell::plain(format!("{:.1} %", row.time_share * 100.0)),
            Cell::plain(mostly(&row.time)),
            Cell::plain(at_once(&row.pace)),
            Cell::plain(size(row.pace.bytes)),
        ]);
    }
    table
}

/// How many requests ran at once.
fn at_once(pace: &PaceView) -> String {
    format!("{:.2}", pace.concurrency)
}

/// The part that takes most of the time, and its share.
fn mostly(time: &TimeView) -> String {
    let parts = [
        ("upload", time.upload_ms),
        ("Wayside", time.ours_ms),
        ("connect", time.connect_ms),
        ("backend", time.wait_ms),
        ("download", time.download_ms),
    ];
    let whole: f64 = parts.iter().map(|(_, ms)| ms).sum();
    match parts.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)) {
        Some((part, ms)) if whole > 0.0 => format!("{:.0} % {part}", ms / whole * 100.0),
        _ => String::new(),
    }
}

fn alarming(number: u64) -> Cell {
    Cell(count(number), if number > 0 { Tone::Warning } else { Tone::Plain })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use serde_json::{Value, json};
    use unicode_width::UnicodeWidthStr as _;

    use super::*;
    use crate::report::paint::Paint;

    const NOW: Timestamp = Timestamp(1_795_000_000_123_456);

    fn row(change: impl FnOnce(&mut Value)) -> RowView {
        let mut row = json!({
            "id": "0q7x00000001", "started_at": NOW, "client": "key:3f9a1c22aa01",
            "session": "s0q7x00000000", "method": "GET", "url": "https://shop.test/orders/17?a=b",
            "host": "shop.test", "path": "/orders/17", "target": "/orders/17?a=b",
            "route": "GET /orders/{id}", "status": 200, "outcome": "complete", "failure": null,
            "latency_ms": 12.4,
            "timing": {"upload_ms": 0.0, "connect_ms": 1.5, "wait_ms": 10.0, "download_ms": 0.4,
                       "total_ms": 12.4, "overhead_ms": 0.1},
            "request_bytes": 0, "response_bytes": 13, "marks": [], "http_version": "HTTP/1.1"
        });
        change(&mut row);
        serde_json::from_value(row).unwrap()
    }

    fn rows() -> Vec<RowView> {
        vec![
            row(|_| {}),
            row(|row| {
                row["outcome"] = json!("upstream_failed");
                row["marks"] = json!(["response_body_cut"]);
            }),
            row(|row| {
                row["started_at"] = json!(NOW.plus(wayside_exchange::Micros(2_000_000)));
                row["outcome"] = json!("client_cancelled");
                row["client"] = json!("basic:\u{1b}[2Jeve");
            }),
        ]
    }

    #[test]
    fn exchanges_fit_and_say_how_they_ended() {
        for width in [40, 80, 200] {
            for line in exchanges(&rows(), NOW).lines(width, Paint::plain()) {
                assert!(line.width() <= width && !line.contains('\u{1b}'), "{width}: {line:?}");
            }
        }
        let narrow = exchanges(&rows(), NOW).lines(40, Paint::plain());
        assert_eq!(narrow.first().unwrap(), "ID            REQUEST          ENDED");
        assert!(narrow.get(2).unwrap().ends_with("200 cut"), "{narrow:?}");
    }

    #[test]
    fn a_journey_shows_the_pauses_between_exchanges() {
        let lines = journey(&rows(), NOW).lines(200, Paint::plain());
        assert!(lines.get(2).unwrap().contains("      -  GET"), "{lines:?}");
        assert!(lines.get(3).unwrap().contains(" 1.99 s  GET"), "{lines:?}");
    }
}
