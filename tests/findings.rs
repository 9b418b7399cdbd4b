//! Ways of using the API that cost someone are named, with their cost and examples; good ones are not.

use serde_json::Value;
use wayside_tests::{Echo, Wayside, curl};

#[test]
fn costly_habits_are_found_and_careful_clients_are_not() {
    let echo = Echo::with_headers(&[
        ("etag", "\"1\""),
        ("retry-after", "60"),
        ("content-type", "application/json"),
    ]);
    let wayside = Wayside::start(&echo.url(), &[]);
    let again = |client: &str, path: &str, count: usize, arguments: &[&str]| {
        let urls = vec![wayside.http_url(path); count];
        let user = format!("{client}:secret");
        let mut all = vec!["-u", user.as_str()];
        all.extend(arguments);
        all.extend(urls.iter().map(String::as_str));
        curl(all).ok();
    };
    again("poller", "/orders/7", 20, &[]);
    again("careful", "/orders/7", 20, &["-H", "If-None-Match: \"1\""]);
    again("items", "/items/[1-15]", 1, &[]);
    again("storm", "/status/503", 8, &[]);
    again("refused", "/status/401", 8, &[]);
    again("writer", "/carts", 4, &["-d", "{\"cart\":1}"]);
    again("keyed", "/carts", 4, &["-d", "{\"cart\":1}", "-H", "Idempotency-Key: 1"]);
    again("plain", "/bytes/5000?n=[1-12]", 1, &[]);
    again("packed", "/bytes/5000?n=[1-12]", 1, &["-H", "Accept-Encoding: gzip"]);
    again("pages", "/bytes/20000?size=500&n=[1-6]", 1, &[]);
    again("restart", "/list?page=[1-4]", 5, &[]);
    for _ in 0..22 {
        again("lonely", "/hello", 1, &[]);
    }
    wayside.ended("", 20 + 20 + 15 + 8 + 8 + 4 + 4 + 12 + 12 + 6 + 20 + 22);
    let found = wayside.run(["findings", "--json"]).exits(1).json_lines();
    let mut kinds: Vec<String> = found
        .iter()
        .map(|one| {
            format!("{} {}", text(one, "client").trim_start_matches("basic:"), text(one, "kind"))
        })
        .collect();
    kinds.sort();
    assert_eq!(
        kinds,
        [
            "items n_plus_one",
            "lonely connection_per_request",
            "lonely polling",
            "pages oversized_pages",
            "plain no_compression",
            "poller polling",
            "refused 401_loop",
            "restart pagination_restarts",
            "storm retry_after_ignored",
            "storm retry_storm",
            "writer duplicate_writes",
        ],
        "{found:#?}"
    );
    let poller = found.iter().find(|one| one["client"] == "basic:poller").expect("it is found");
    let fields: Vec<&String> = poller.as_object().expect("an object").keys().collect();
    assert_eq!(
        fields,
        [
            "client",
            "kind",
            "route",
            "sentence",
            "count",
            "cost",
            "first_seen",
            "last_seen",
            "examples",
            "exchanges",
        ]
    );
    assert_eq!((&poller["count"], &poller["cost"]["requests"]), (&19.into(), &19.into()));
    assert!(poller["cost"]["backend_seconds"].as_f64() > Some(0.0));
    let example = wayside.run(["show", text(&poller["examples"], 0), "--json"]).ok().json();
    assert_eq!(example["client"], "basic:poller");
    let proof = wayside.run(["exchanges", "--json", text(poller, "exchanges")]).ok().json_lines();
    assert_eq!(proof.len(), 20);

    let words = wayside.run(["findings", "client:basic:poller"]).exits(1);
    assert!(words.text().contains("again and again") && words.text().contains("wayside show "));
    assert!(!words.text().contains("storm"));
    let nothing = wayside.run(["findings", "client:basic:careful", "--since", "1h"]).ok();
    assert!(nothing.text().is_empty() && nothing.stderr.contains("nothing was found"));
    wayside.run(["findings", "latency:>soon"]).exits(2);
}

fn text(value: &Value, key: impl serde_json::value::Index) -> &str {
    value[key].as_str().expect("a text")
}
