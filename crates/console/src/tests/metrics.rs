//! `/metrics`: who may scrape, in which format, and what is told.

use http::StatusCode;

use super::fixture::{Fixture, send, text};
use crate::serve::guard;
use crate::{Token, router};

const HOST: (&str, &str) = ("host", "127.0.0.1:8081");

#[tokio::test]
async fn a_token_of_its_own_opens_the_metrics_and_nothing_else() {
    let fixture = Fixture::new();
    let (whole, scrape) = (Token::random().unwrap(), Token::random().unwrap());
    let bearer = |token: &Token| format!("Bearer {}", token.reveal());
    let (whole_bearer, scrape_bearer) = (bearer(&whole), bearer(&scrape));
    let token = whole.opening_metrics_to(&scrape);
    let router = guard::around(router(fixture.api()), token, "127.0.0.1:8081".parse().unwrap());
    let status = async |path: &str, bearer: &str| {
        send(&router, path, &[HOST, ("authorization", bearer)]).await.status()
    };
    assert_eq!(status("/metrics", &scrape_bearer).await, StatusCode::OK);
    assert_eq!(status("/metrics", &whole_bearer).await, StatusCode::OK);
    assert_eq!(status("/metrics", "Bearer wrong").await, StatusCode::UNAUTHORIZED);
    for other in ["/", "/api/status", "/api/exchanges", "/metrics/", "/nothing"] {
        assert_eq!(status(other, &scrape_bearer).await, StatusCode::UNAUTHORIZED, "{other}");
    }
    let cookie = format!("wayside_token={}", scrape.reveal());
    let by_cookie = send(&router, "/metrics", &[HOST, ("cookie", &cookie)]).await;
    assert_eq!(by_cookie.status(), StatusCode::UNAUTHORIZED, "it is no token for browsers");
}

#[tokio::test]
async fn each_asker_gets_the_format_that_it_understands() {
    let fixture = Fixture::new();
    let router = router(fixture.api());
    let plain = send(&router, "/metrics", &[]).await;
    assert_eq!(plain.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let plain = text(plain).await;
    for line in [
        "# TYPE wayside_forwarded_exchanges_total counter",
        "wayside_forwarded_exchanges_total 7",
        "wayside_lost_exchanges_total{reason=\"overload\"} 0",
        "wayside_verdicts{kind=\"latency\"} 0",
        "wayside_open_connections 3",
        "wayside_queue_limit_bytes 67108864",
        "wayside_build_info{version=\"1.2.3\"} 1",
    ] {
        assert!(plain.lines().any(|told| told == line), "no `{line}` in {plain}");
    }
    assert!(!plain.contains("# UNIT") && !plain.contains("# EOF"));
    let accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2";
    let open = send(&router, "/metrics", &[("accept", accept)]).await;
    let kind = open.headers()["content-type"].to_str().unwrap().to_owned();
    assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let open = text(open).await;
    assert!(open.contains("# TYPE wayside_forwarded_exchanges counter\n"), "{open}");
    assert!(open.contains("# UNIT wayside_queue_bytes bytes\n") && open.ends_with("# EOF\n"));
}

#[tokio::test]
async fn without_a_recorder_there_is_nothing_to_measure() {
    let fixture = Fixture::new();
    for path in ["/metrics", "/api/board"] {
        let response = send(&router(fixture.api_at_rest()), path, &[]).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert!(text(response).await.contains("no recorder runs"));
    }
}
