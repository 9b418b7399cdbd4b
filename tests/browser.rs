//! A real browser: the console's page in it, and its own traffic through the proxy.

use std::process::Command;

use wayside_tests::{Backend, Echo, Output, Wayside, curl};

#[test]
fn a_page_load_of_a_browser_is_recorded_over_http_2() {
    let backend = Backend::scripted(|peer| {
        while let Some(head) = peer.head() {
            let head = String::from_utf8_lossy(&head);
            let (kind, body) = match head.split(' ').nth(1).unwrap_or_default() {
                "/style.css" => ("text/css", "body{color:red}"),
                "/app.js" => ("text/javascript", "document.title='it ran'"),
                _ => (
                    "text/html",
                    "<!doctype html><link rel=stylesheet href=/style.css><p id=seen>seen</p>\
                     <script src=/app.js></script>",
                ),
            };
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ));
        }
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    let page = chromium(&format!("https://{}/page", wayside.https()));
    assert!(page.text().contains("<title>it ran</title>"), "{}\n{}", page.text(), page.stderr);
    let exchanges = wayside.exchanges("path:/page or path:/style.css or path:/app.js", 3);
    curl(["-k", &format!("https://{}/curl", wayside.https())]).ok();
    let other = wayside.exchanges("path:/curl", 1).remove(0);
    for exchange in &exchanges {
        let ja4 = exchange["tls"]["ja4"].as_str().expect("a fingerprint");
        assert!(ja4.starts_with("t13i"), "{ja4}");
        assert_eq!(ja4, exchanges[0]["tls"]["ja4"]);
        assert_ne!(ja4, other["tls"]["ja4"]);
        assert_eq!(exchange["http_version"], "HTTP/2", "{exchange}");
        assert_eq!(exchange["outcome"], "complete");
        assert_eq!(exchange["connection"], exchanges[0]["connection"], "on one connection");
        assert_eq!(exchange["session"], exchanges[0]["session"]);
    }
}

#[test]
fn the_consoles_page_opens_in_a_browser() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    curl([wayside.http_url("/x")]).ok();
    wayside.ended("", 1);
    let page = chromium(wayside.console_url());
    assert!(page.text().to_lowercase().contains("wayside"), "{}", page.text());
    assert!(!page.text().contains("a token is needed"), "{}", page.text());
}

/// The document that headless chromium makes of `url`.
#[track_caller]
fn chromium(url: &str) -> Output {
    let profile = tempfile::tempdir().expect("a temporary folder");
    let output = Output::of(
        Command::new("chromium")
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"])
            .args(["--no-first-run", "--disable-background-networking"])
            .args(["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"])
            .args(["--ignore-certificate-errors", "--timeout=20000", "--dump-dom"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(url),
    );
    output.ok()
}
