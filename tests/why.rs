//! Why an outlier fares as it does: what sets its requests apart is named, with counts, and no secret is.

use serde_json::Value;
use wayside_tests::{Echo, Wayside, curl};

const SECRET: &str = "sk_live_4eC39HqLyjWDarjtT1zdp7dc";

#[test]
fn the_reason_is_what_only_the_slow_or_failing_requests_have() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    let calls = |client: &str, path: &str, arguments: &[&str]| {
        let user = format!("{client}:secret");
        let url = wayside.http_url(path);
        let all = ["--parallel", "--parallel-max", "20", "-u", user.as_str(), url.as_str()];
        curl(all.iter().chain(arguments)).ok();
    };
    // Slow with one parameter alone, failing with one place in the body alone; both on shared routes.
    calls("slow", "/delay/300?deep=yes&n=[1-40]", &[]);
    calls("slow", "/delay/20?n=[1-20]", &[]);
    let json = "Content-Type: application/json";
    let body = format!("{{\"coupon\":\"X1\",\"password\":\"{SECRET}\"}}");
    calls("failing", "/status/422?n=[1-30]", &["-H", json, "-d", &body]);
    calls("failing", "/status/201?n=[1-30]", &["-H", json, "-d", "{\"cart\":1}"]);
    for client in 0..6 {
        calls(&format!("well{client}"), "/delay/20?n=[1-40]", &[]);
        calls(
            &format!("well{client}"),
            "/status/201?n=[1-30]",
            &["-H", json, "-d", "{\"cart\":1}"],
        );
    }
    wayside.ended("", 60 + 60 + 6 * 70);
    let found = wayside.run(["outliers", "--why", "--json", "--since", "1h"]).exits(1).json_lines();
    let of = |client: &str, kind: &str| {
        let one = found.iter().find(|one| one["client"] == client && one["kind"] == kind);
        one.unwrap_or_else(|| panic!("{client} {kind} in {found:#?}"))["why"].clone()
    };
    let slow = &of("basic:slow", "latency")[0];
    assert_eq!(
        (&slow["among"], &slow["aspect"], &slow["name"]),
        (&"own".into(), &"query".into(), &"deep".into())
    );
    assert_eq!((&slow["with"]["count"], &slow["with"]["of"]), (&40.into(), &40.into()), "{slow:#}");
    assert_eq!((&slow["against"]["count"], &slow["against"]["of"]), (&0.into(), &20.into()));
    assert!(slow["confidence"].as_f64() > Some(0.99) && slow["lift"].as_f64() > Some(10.0));
    let failing = of("basic:failing", "error_4xx");
    let named: Vec<&Value> =
        failing.as_array().expect("a list").iter().map(|one| &one["name"]).collect();
    assert!(named.contains(&&Value::from("coupon")), "{failing:#}");

    let text = wayside.run(["outliers", "--since", "1h"]).exits(1);
    assert!(
        text.text().contains("100 % of its slow requests ask with `deep"),
        "the first reason stands under the sentence: {}",
        text.text()
    );
    let all = wayside.run(["outliers", "--since", "1h", "--why"]).exits(1);
    assert!(all.text().contains("40 of 40 looked at, 0 of 20"), "{}", all.text());
    assert!(!all.text().contains(SECRET) && !format!("{found:?}").contains(SECRET));
    let without = wayside.run(["outliers", "--since", "1h", "--json"]).exits(1).json_lines();
    assert!(without.iter().all(|one| one.get("why").is_none()), "it is asked for");
}
