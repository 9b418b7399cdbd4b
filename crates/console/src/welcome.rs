//! The page at `/`: how the recorder does and where to read on. Plain HTML, no script, no style.

use std::fmt::{self, Write as _};

use axum::extract::State;
use axum::response::Html;
use wayside_exchange::escape::for_html;

use crate::api::Api;
use crate::refusal::Refusal;
use crate::status::{self, ConsoleStatus};

/// Paths to follow, and what is there.
const ROUTES: &[(&str, &str)] = &[
    ("/api/status", "the figures above, and more"),
    ("/api/clients", "who calls: latency, errors, verdicts"),
    ("/api/outliers?why=1", "who fares worse than others, and why"),
    ("/api/findings", "ways of using the API that cost someone"),
    ("/api/sessions?order=newest&limit=50", "journeys, newest first"),
    ("/api/exchanges?order=newest&limit=50&rows=1", "exchanges, newest first, a short row each"),
    ("/api/board", "the last minute, and who fares worst"),
    ("/api/alerts", "which verdicts people were told of"),
    ("/metrics", "all of it in figures, for Prometheus"),
    ("/health", "whether it answers"),
    ("/ready", "whether all is well"),
];

/// Paths with a place to fill in.
const PATTERNS: &[(&str, &str)] = &[
    ("/api/exchanges?filter=FILTER&follow=1", "what matches from now on, as it is recorded"),
    (
        "/api/exchanges/ID",
        "one exchange; also /request/head, /request/body (?decoded=1), /response/head, /response/body, /messages",
    ),
    ("/api/sessions/ID", "one session; also /exchanges"),
    ("/api/clients/NAME", "one client with its evidence"),
    ("/api/resolve/PREFIX", "what the beginning of an id names"),
];

pub(crate) async fn page(State(api): State<Api>) -> Result<Html<String>, Refusal> {
    let status = status::of(api).await?;
    let mut page = String::new();
    write_page(&mut page, &status).map_err(|error| Refusal::failed(&error))?;
    Ok(Html(page))
}

fn write_page(page: &mut String, status: &ConsoleStatus) -> fmt::Result {
    let figures = &status.status;
    let first = match (figures.recording, figures.problems.is_empty()) {
        (_, false) => "Something is wrong.",
        (true, true) => "Recording, and all is well.",
        (false, true) => "No recorder runs; this is what was recorded.",
    };
    page.push_str(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>Wayside</title>\n</head>\n",
    );
    writeln!(page, "<body>\n<h1>Wayside</h1>\n<p><strong>{first}</strong></p>")?;
    if !figures.problems.is_empty() {
        page.push_str("<ul>\n");
        for problem in &figures.problems {
            writeln!(page, "<li>{}</li>", for_html(problem))?;
        }
        page.push_str("</ul>\n");
    }
    page.push_str("<table>\n<caption>Since the recorder started, and in the store</caption>\n");
    for (name, value) in [
        ("exchanges carried since the start", figures.forwarded),
        ("of them recorded whole", figures.recorded),
        ("of them recorded with a mark", figures.marked),
        ("of them not recorded", figures.lost.values().sum()),
        ("exchanges running now", figures.open),
        ("failed TLS handshakes", figures.handshakes_failed),
        ("exchanges in the store", figures.stored),
        ("bytes on disk", figures.disk.used),
        ("bytes free on disk", figures.disk.free),
    ] {
        write!(page, "<tr><th scope=\"row\" align=\"left\">{name}</th>")?;
        writeln!(page, "<td align=\"right\">{value}</td></tr>")?;
    }
    page.push_str("</table>\n<h2>Read on</h2>\n<dl>\n");
    for (path, what) in ROUTES {
        let path = for_html(path);
        writeln!(page, "<dt><a href=\"{path}\">{path}</a></dt><dd>{what}</dd>")?;
    }
    for (path, what) in PATTERNS {
        writeln!(page, "<dt><code>{}</code></dt><dd>{what}</dd>", for_html(path))?;
    }
    writeln!(page, "</dl>\n<p>Wayside {}</p>\n</body>\n</html>", for_html(&status.version))
}
