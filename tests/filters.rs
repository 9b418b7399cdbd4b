//! The filter language through the command: each term finds what it should, and a wrong one is pointed at.

use serde_json::Value;
use wayside_tests::{Backend, Wayside, curl};

#[test]
fn each_term_finds_what_it_says() {
    let (wayside, _backend) = recorded();
    let found = |filter: &str| -> Vec<String> {
        let listed = wayside.run(["exchanges", "--json", filter]).ok().json_lines();
        listed.iter().map(|exchange| text(exchange, "path")).collect()
    };
    let all = ["/orders/1", "/orders/2", "/missing", "/slow", "/fail"];
    let session = text(&wayside.exchanges("", 5)[0], "session");
    let first = text(&wayside.exchanges("", 5)[0], "id");
    for (filter, expected) in [
        ("client:basic:acme", &all[..2]),
        ("client:acme", &all[..2]),
        ("not client:basic:acme", &all[2..]),
        (&format!("session:{session}"), &all[..2]),
        (&format!("id:{first}"), &all[..1]),
        ("route:\"GET /orders/{id}\"", &all[..1]),
        ("method:POST", &all[1..2]),
        ("status:404", &all[2..3]),
        ("status:>=500", &all[4..]),
        ("status:4xx", &all[2..3]),
        ("latency:>=600ms", &all[3..4]),
        ("latency:<600ms status:200", &all[..2]),
        ("path:/orders/2", &all[1..2]),
        ("url:orders", &all[..2]),
        ("header:x-version=2", &all[1..2]),
        ("header:x-version", &all[1..2]),
        ("body:\"out of stock\"", &all[1..2]),
        ("body:gone", &all[2..3]),
        ("body:/out of (stock|order)/", &all[1..2]),
        ("/OUT OF (stock|order)/i method:POST", &all[1..2]),
        ("url:/orders\\/[0-9]$/", &all[..2]),
        ("header:x-version=/^[3-9]$/", &[]),
        ("stock", &all[1..2]),
        ("outcome:complete", &all[..]),
        ("since:2h", &all[..]),
        ("since:2h until:1h", &[]),
        ("status:404 or status:500", &[all[2], all[4]]),
        ("(status:404 or status:500) and not path:/fail", &all[2..3]),
        ("client:nobody", &[]),
    ] {
        assert_eq!(found(filter), expected, "`{filter}`");
    }
}

#[test]
fn a_trace_or_a_ticket_leads_to_the_journey() {
    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let backend = Backend::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let wayside = Wayside::start(&backend.url(), &["--exchange-id-header", "X-Exchange-Id"]);
    let get = |path: &str, field: &str| {
        let answer = curl(["-i", "-u", "acme:secret", "-H", field, &wayside.http_url(path)]).ok();
        let field = |line: &str| line.to_ascii_lowercase().starts_with("x-exchange-id:");
        let id = answer.text().lines().find(|line| field(line));
        let id = id.and_then(|line| line.split_once(' ')).map(|(_, id)| id);
        id.expect("its id").trim().to_owned()
    };
    let parent = format!("00-{ID}-00f067aa0ba902b7-01");
    let first = get("/a", &format!("Traceparent: {parent}"));
    get("/b", &format!("b3: {}-00f067aa0ba902b8-1", ID.to_uppercase()));
    get("/c", &format!("X-Amzn-Trace-Id: Root=1-{}-{};Sampled=1", &ID[..8], &ID[8..]));
    get("/d", "X-Request-Id: ticket-17");
    get("/e", &format!("X-Other: {ID}"));
    wayside.ended("", 5);
    let found = |filter: &str| -> Vec<String> {
        let listed = wayside.run(["exchanges", "--json", filter]).ok().json_lines();
        listed.iter().map(|exchange| text(exchange, "path")).collect()
    };
    for (filter, expected) in [
        (format!("trace:{ID}"), &["/a", "/b", "/c"][..]),
        (format!("trace:{parent}"), &["/a", "/b", "/c"]),
        (format!("trace:{ID} path:/b"), &["/b"]),
        (parent.clone(), &["/a", "/b", "/e"]),
        ("trace:ticket-17".to_owned(), &["/d"]),
        ("trace:ticket-1".to_owned(), &[]),
        ("trace:5bf92f3577b34da6a3ce929d0e0e4736".to_owned(), &[]),
    ] {
        assert_eq!(found(&filter), expected, "`{filter}`");
    }
    let asked = wayside.api(&format!("/api/exchanges?filter=trace:{ID}")).ok();
    assert_eq!(asked.text().lines().count(), 3);
    let sessions = wayside.run(["sessions", "--json", &format!("trace:{ID}")]).ok().json_lines();
    assert_eq!(sessions.len(), 1);
    let journey = wayside.run(["show", &text(&sessions[0], "id")]).ok();
    assert!(journey.text().contains("GET /e"), "{}", journey.text());
    let shown = wayside.run(["show", &first]).ok();
    assert!(shown.text().contains("GET /a"), "{}", shown.text());
    let at = text(&sessions[0], "started_at");
    for sign in ["±", "+-", "+/-"] {
        let around = format!("client:acme at:{at}{sign}5m");
        assert_eq!(wayside.run(["sessions", "--json", &around]).ok().json_lines().len(), 1);
    }
}

#[test]
fn words_of_a_filter_may_stand_apart() {
    let (wayside, _backend) = recorded();
    let listed = wayside.run(["exchanges", "--json", "client:acme", "and", "method:POST"]).ok();
    assert_eq!(listed.json_lines().len(), 1);
}

#[test]
fn a_wrong_filter_is_pointed_at() {
    let (wayside, _backend) = recorded();
    for (filter, column) in [
        ("client:acme statu:500", 13),
        ("status:>=abc", 0),
        ("(status:500", 0),
        ("latency:>5parsecs", 0),
        ("client:acme or", 0),
        ("body:\"open", 0),
    ] {
        for verb in ["exchanges", "sessions", "clients"] {
            let wrong = wayside.run([verb, filter]).exits(2);
            assert_eq!(wrong.text(), "");
            let lines: Vec<&str> = wrong.stderr.lines().collect();
            assert!(lines[0].starts_with("error: "), "{}", wrong.stderr);
            assert_eq!(lines[1], format!("  {filter}"));
            assert_eq!(lines[2].trim(), "^", "{}", wrong.stderr);
            let caret = lines[2].len() - 2;
            assert!((1..=filter.len() + 1).contains(&caret));
            assert!(column == 0 || caret == column, "{}", wrong.stderr);
        }
    }
    let wrong = wayside.run(["exchanges", "client:acme statu:500"]).exits(2);
    assert!(wrong.stderr.contains("`status`"), "the nearest is named: {}", wrong.stderr);
}

fn text(exchange: &Value, key: &str) -> String {
    exchange[key].as_str().unwrap_or_else(|| panic!("no `{key}` in {exchange}")).to_owned()
}

/// Five exchanges, each with something of its own.
fn recorded() -> (Wayside, Backend) {
    let backend = Backend::scripted(|peer| {
        while let Some(head) = peer.head() {
            peer.body(&head);
            let head = String::from_utf8_lossy(&head);
            let (status, body) = match head.split(' ').nth(1).unwrap_or_default() {
                "/orders/1" => ("200 OK", "{\"id\":1}"),
                "/orders/2" => ("200 OK", "{\"error\":\"out of stock\"}"),
                "/missing" => ("404 Not Found", "gone"),
                "/fail" => ("500 Internal Server Error", ""),
                _ => {
                    std::thread::sleep(std::time::Duration::from_millis(700));
                    ("200 OK", "late")
                }
            };
            peer.send(format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        }
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    let url = |path: &str| wayside.http_url(path);
    curl([url("/orders/1").as_str(), "-u", "acme:secret"]).ok();
    curl([url("/orders/2").as_str(), "-u", "acme:secret", "-d", "n=1", "-H", "X-Version: 2"]).ok();
    for path in ["/missing", "/slow", "/fail"] {
        curl([url(path).as_str()]).ok();
    }
    wayside.ended("", 5);
    (wayside, backend)
}
