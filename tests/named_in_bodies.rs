//! `--client-pointer`: what a JSON body says of whose it is.

use wayside_tests::{Echo, Wayside, curl};

/// curl with this body, and the client that the exchange is recorded as.
#[track_caller]
fn client(wayside: &Wayside, path: &str, body: &str, more: &[&str]) -> String {
    let url = wayside.http_url(path);
    let mut all = vec![url.as_str(), "-A", "probe/1", "--data-binary", body];
    all.extend(more);
    curl(all).ok();
    let exchange = wayside.ended(&format!("path:{path}"), 1).remove(0);
    exchange["client"].as_str().expect("a client").to_owned()
}

const JSON: [&str; 2] = ["-H", "Content-Type: application/json"];

#[test]
fn what_a_pointer_leads_to_names_the_client_by_its_fingerprint() {
    let echo = Echo::start();
    let pointers = ["--client-pointer", "/customer/id", "--client-pointer", "/orders/0/by"];
    let wayside = Wayside::start(&echo.url(), &pointers);
    let acme = client(&wayside, "/1", r#"{"total":7,"customer":{"id":"acme"}}"#, &JSON);
    assert!(acme.starts_with("body:") && acme.len() == 17, "{acme}");
    assert!(!acme.contains("acme"));
    // However it is written, and whatever the body is called.
    assert_eq!(client(&wayside, "/2", r#" {"customer": {"id": "\u0061cme"}}"#, &[]), acme);
    assert_eq!(client(&wayside, "/3", r#"{"orders":[{"by":"acme"},{"by":"b"}]}"#, &JSON), acme);
    let beta = client(&wayside, "/4", r#"{"customer":{"id":17}}"#, &JSON);
    assert!(beta.starts_with("body:") && beta != acme, "{beta}");
    // In pieces, behind something large.
    let pad = "x".repeat(200_000);
    let large = format!(r#"{{"pad":"{pad}","customer":{{"id":"acme"}}}}"#);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("large.json");
    std::fs::write(&file, large).expect("written");
    let at = format!("@{}", file.display());
    let chunked = [&JSON[..], &["-H", "Transfer-Encoding: chunked"]].concat();
    assert_eq!(client(&wayside, "/5", &at, &chunked), acme);

    for (path, body) in [
        ("/6", r#"{"customer":{"id":{"deep":"acme"}}}"#),
        ("/7", r#"{"customer":"acme"}"#),
        ("/8", "customer=acme"),
        ("/9", r#"{"customer":{"id":""}}"#),
    ] {
        assert_eq!(client(&wayside, path, body, &JSON), "addr:127.0.0.1/probe", "{body}");
    }
    let keyed = client(&wayside, "/10", r#"{"customer":{"id":"acme"}}"#, &["-u", "alice:secret"]);
    assert_eq!(keyed, "basic:alice", "a credential is stronger");
    let shown = wayside.run(["clients", "show", &acme]).ok();
    assert!(shown.text().contains("a name in its body"), "{}", shown.text());
    assert_eq!(wayside.exchanges(&format!("client:{acme}"), 4).len(), 4);
    // The body itself is recorded as it came.
    assert_eq!(wayside.exchanges("body:acme path:/3", 1).len(), 1);
    assert!(wayside.exchanges("evidence:body", 5).len() >= 5);
}

#[test]
fn it_can_go_before_a_key_and_be_called_by_a_name() {
    let echo = Echo::start();
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("wayside.toml");
    std::fs::write(&config, "client-pointer = [\"/customer\"]\nclient-order = [\"body\"]\n")
        .expect("written");
    let flags = ["--config", config.to_str().expect("text")];
    let wayside = Wayside::start(&echo.url(), &flags);
    let body = r#"{"customer":"acme"}"#;
    let keyed = ["-H", "X-Api-Key: shared-key-of-a-gateway", JSON[0], JSON[1]];
    let acme = client(&wayside, "/1", body, &keyed);
    assert!(acme.starts_with("body:"), "{acme}");
    let beta = client(&wayside, "/2", r#"{"customer":"beta"}"#, &keyed);
    assert_ne!(beta, acme);

    let text = std::fs::read_to_string(&config).expect("it is there");
    let text = format!("{text}\n[clients.\"Acme Ltd\"]\nmatch = [\"{acme}\"]\n");
    std::fs::write(&config, text).expect("written");
    wayside.signal(wayside_tests::Signal::Reload);
    wayside_tests::eventually("it has a name", std::time::Duration::from_secs(20), || {
        wayside.exchanges("client:\"Acme Ltd\"", 0).len() == 1
    });
}

#[test]
fn a_pointer_that_is_none_is_a_clear_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let said = Wayside::run_on(
        folder.path(),
        ["record", "http://127.0.0.1:9", "--client-pointer", "customer/id"],
    );
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("`customer/id` is no JSON pointer"), "{}", said.stderr);
}
