//! The console's listener: who may look, and that its API tells what the command tells.

use wayside_tests::{Echo, Output, Wayside, curl, id};

#[test]
fn a_token_is_asked_of_everybody_but_probes() {
    let (wayside, _echo) = recorded();
    let base = format!("http://{}", wayside.console());
    let status = |path: &str, arguments: &[&str]| {
        let url = format!("{base}{path}");
        let mut all = vec!["-o", "/dev/null", "-w", "%{http_code}", url.as_str()];
        all.extend_from_slice(arguments);
        curl(all).ok().text().to_owned()
    };
    for path in ["/health", "/ready"] {
        assert_eq!(status(path, &[]), "200", "{path}");
    }
    for path in ["/", "/api/status", "/api/exchanges", "/api/clients", "/nowhere", "/?token=wrong"]
    {
        assert_eq!(status(path, &[]), "401", "{path}");
        assert_eq!(status(path, &["-H", "Authorization: Bearer wrong"]), "401", "{path}");
    }
    assert_eq!(curl([format!("{base}/health")]).ok().text().trim(), "ok");
    assert_eq!(wayside.api("/api/status").ok().json()["recording"], true);
    let unasked = curl([format!("{base}/api/status")]).ok().json();
    assert!(unasked["error"].as_str().expect("why").contains("token"), "{unasked}");
    assert!(!unasked["hint"].is_null());
}

#[test]
fn the_printed_link_opens_it_and_leaves_the_token_in_a_cookie() {
    let (wayside, _echo) = recorded();
    let jar = tempfile::NamedTempFile::new().expect("a temporary file");
    let jar = jar.path().display().to_string();
    let page = curl([
        "-L",
        "-c",
        &jar,
        "-b",
        &jar,
        "-w",
        "%{http_code} %{url_effective}",
        wayside.console_url(),
    ]);
    let end = format!("200 http://{}/", wayside.console());
    assert!(page.ok().text().ends_with(&end), "the token is gone from the address");
    let with_cookie =
        curl(["-b", &jar, &format!("http://{}/api/exchanges", wayside.console())]).ok();
    assert_eq!(with_cookie.json_lines().len(), 3);
}

#[test]
fn a_name_that_is_not_its_own_is_refused() {
    let (wayside, _echo) = recorded();
    let url = format!("http://{}/health", wayside.console());
    for (host, status) in [("evil.example", "403"), ("localhost", "200"), ("127.0.0.1:1", "200")] {
        let header = format!("Host: {host}");
        let answer = curl(["-o", "/dev/null", "-w", "%{http_code}", "-H", &header, &url]).ok();
        assert_eq!(answer.text(), status, "{host}");
    }
}

#[test]
fn its_listings_equal_the_commands() {
    let (wayside, _echo) = recorded();
    let same = |path: &str, verb: &[&str]| {
        let (api, command) = (wayside.api(path).ok(), wayside.run(verb).ok());
        assert!(!api.stdout.is_empty(), "{path} says nothing");
        let shown = |bytes: &[u8]| bytes.trim_ascii_end().escape_ascii().to_string();
        assert_eq!(shown(&api.stdout), shown(&command.stdout), "{path}");
    };
    let exchange = wayside.exchanges("", 3).remove(0);
    let session = exchange["session"].as_str().expect("a session");
    same("/api/exchanges", &["exchanges", "--json"]);
    same("/api/exchanges?filter=status%3A404", &["exchanges", "--json", "status:404"]);
    same("/api/sessions", &["sessions", "--json"]);
    same("/api/clients", &["clients", "--json"]);
    same(&format!("/api/exchanges/{}", id(&exchange)), &["show", id(&exchange), "--json"]);
    same(&format!("/api/sessions/{session}"), &["show", session, "--json"]);
    same(
        &format!("/api/exchanges/{}/response/body", id(&exchange)),
        &["show", id(&exchange), "--raw", "--body", "response"],
    );
    let newest = wayside.api("/api/exchanges?order=newest&limit=1").ok().json_lines();
    assert_eq!(newest[0]["path"], "/status/404");
    let rows = wayside.api("/api/exchanges?rows=1").ok().json_lines();
    assert!(rows[0].get("request").is_none() && rows[0]["path"] == "/bytes/10", "{}", rows[0]);
    let resolved = wayside.api(&format!("/api/resolve/{}", id(&exchange))).ok().json();
    assert_eq!(resolved["exchange"], id(&exchange));
}

#[test]
fn a_wrong_filter_is_a_bad_request_with_the_column() {
    let (wayside, _echo) = recorded();
    for path in ["/api/exchanges", "/api/sessions", "/api/clients"] {
        let (_, token) = wayside.console_url().split_once("token=").expect("a token");
        let url = format!("http://{}{path}?filter=status:404%20statu:1", wayside.console());
        let answer =
            curl(["-w", "\n%{http_code}", "-H", &format!("Authorization: Bearer {token}"), &url])
                .ok();
        let (body, status) = answer.text().rsplit_once('\n').expect("a status");
        assert_eq!(status, "400", "{body}");
        let error: serde_json::Value = serde_json::from_str(body.trim()).expect("JSON");
        assert_eq!(error["column"], 12, "{error}");
        assert!(error["error"].is_string() && error["hint"].is_string(), "{error}");
    }
    assert!(wayside.api("/api/exchanges/nothing").ok().json()["error"].is_string());
}

#[test]
fn every_answer_forbids_what_hostile_traffic_could_do() {
    let (wayside, _echo) = recorded();
    let exchange = id(&wayside.exchanges("", 1)[0]).to_owned();
    for path in [
        "/health".to_owned(),
        "/".to_owned(),
        "/api/exchanges".to_owned(),
        "/nowhere".to_owned(),
        format!("/api/exchanges/{exchange}/response/body"),
        format!("/api/exchanges/{exchange}/request/head"),
    ] {
        let (_, token) = wayside.console_url().split_once("token=").expect("a token");
        let url = format!("http://{}{path}", wayside.console());
        let answer: Output = curl([
            "-o",
            "/dev/null",
            "-D",
            "-",
            "-H",
            &format!("Authorization: Bearer {token}"),
            &url,
        ]);
        let head = answer.ok().text().to_lowercase();
        for field in [
            "content-security-policy: ",
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
        ] {
            assert!(head.contains(field), "no `{field}` at {path}:\n{head}");
        }
        assert!(!head.contains("access-control-allow-origin"), "{head}");
    }
}

#[test]
fn it_is_off_when_told_so_and_only_reads() {
    let (wayside, _echo) = recorded();
    let (_, token) = wayside.console_url().split_once("token=").expect("a token");
    let bearer = format!("Authorization: Bearer {token}");
    for method in ["POST", "PUT", "DELETE"] {
        let url = format!("http://{}/api/exchanges", wayside.console());
        let answer =
            curl(["-X", method, "-o", "/dev/null", "-w", "%{http_code}", "-H", &bearer, &url]).ok();
        assert_eq!(answer.text(), "405", "{method}");
    }
    assert_eq!(wayside.exchanges("", 3).len(), 3);
}

/// Three exchanges, the last with an error.
fn recorded() -> (Wayside, Echo) {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    for path in ["/bytes/10", "/orders/1", "/status/404"] {
        curl([wayside.http_url(path)]).ok();
    }
    wayside.ended("", 3);
    wayside.settled();
    (wayside, echo)
}
