//! Who may look over TCP: whoever shows the token, to a name that is ours.
//!
//! The name is checked because a web page can make its own name resolve to this machine (DNS
//! rebinding) and then read our answers as its own. An address in place of a name cannot do that.
//! Where a browser says from which page it asks, that page must be ours: a token in a cookie goes with
//! whatever asks from this machine, on any port.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::api::guarded;
use crate::refusal::Refusal;
use crate::token::Token;

const COOKIE: &str = "wayside_token";

struct Guard {
    token: Token,
    address: SocketAddr,
}

/// `router` behind the guard of a listener at `address`.
pub(crate) fn around(router: Router, token: Token, address: SocketAddr) -> Router {
    let guard = Arc::new(Guard { token, address });
    router.layer(from_fn_with_state(guard, check)).layer(map_response(guarded))
}

async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    if !guard.knows_name(request.headers()) {
        return Refusal::new(StatusCode::FORBIDDEN, "this name is not one of the console's")
            .hint("ask for `localhost`, or for the address that it listens on")
            .into_response();
    }
    if !guard.knows_page(&request) {
        return Refusal::new(StatusCode::FORBIDDEN, "the page that asks is not the console's")
            .hint("what asks without a page sends `Authorization: Bearer TOKEN`")
            .into_response();
    }
    match request.uri().path() {
        "/health" | "/ready" => return next.run(request).await,
        "/" => {
            if let Some(shown) = token_in_query(request.uri().query()) {
                return guard.enter(shown);
            }
        }
        "/metrics" if guard.bears(request.headers(), Token::opens_metrics) => {
            return next.run(request).await;
        }
        _ => {}
    }
    if guard.is_shown(request.headers()) { next.run(request).await } else { refused() }
}

impl Guard {
    fn knows_name(&self, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return false;
        };
        let Some(authority) = host.to_str().ok().and_then(|h| h.parse::<Authority>().ok()) else {
            return false;
        };
        let name = authority.host().trim_matches(['[', ']']);
        if name.eq_ignore_ascii_case("localhost") {
            return true;
        }
        // A listener on all addresses has names that it cannot know, but every address is ours.
        name.parse::<IpAddr>().is_ok_and(|ip| {
            ip.is_loopback() || ip == self.address.ip() || self.address.ip().is_unspecified()
        })
    }

    /// Whether no page asks, or one of ours. A browser says in `Origin` which page it is, and leaves
    /// that out where it only reads, but newer ones say then whether it is ours (Fetch Metadata). A
    /// link on another page may lead here; what changes something must come with the word.
    fn knows_page(&self, request: &Request) -> bool {
        let headers = request.headers();
        let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let reads = request.method().is_safe();
        if let Some(origin) = said("origin") {
            let own = said("host").map(|host| format!("http://{host}"));
            return own.is_some_and(|own| own.eq_ignore_ascii_case(origin));
        }
        let follows_link = said("sec-fetch-mode") == Some("navigate")
            && said("sec-fetch-dest") == Some("document");
        match said("sec-fetch-site") {
            Some("same-origin" | "none") => true,
            Some(_) => reads && follows_link,
            None => reads || self.bears(headers, Token::is),
        }
    }

    /// Changes the token of a link for a cookie, so that it does not stay in the address bar.
    fn enter(&self, shown: &str) -> Response {
        if !self.token.admits(shown) {
            return refused();
        }
        let token = self.token.reveal();
        let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict");
        let Ok(cookie) = HeaderValue::from_str(&cookie) else {
            return refused();
        };
        let headers =
            [(header::LOCATION, HeaderValue::from_static("/")), (header::SET_COOKIE, cookie)];
        (StatusCode::SEE_OTHER, headers).into_response()
    }

    fn is_shown(&self, headers: &HeaderMap) -> bool {
        let mut cookies = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| *name == COOKIE)
            .map(|(_, value)| value);
        self.bears(headers, Token::is) || cookies.any(|shown| self.token.is(shown))
    }

    /// Whether a token that `opens` comes as no page of another's can send it.
    fn bears(&self, headers: &HeaderMap, opens: fn(&Token, &str) -> bool) -> bool {
        headers
            .get_all(header::AUTHORIZATION)
            .iter()
            .filter_map(|value| value.to_str().ok()?.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .any(|(_, token)| opens(&self.token, token.trim()))
    }
}

fn token_in_query(query: Option<&str>) -> Option<&str> {
    query?.split('&').find_map(|pair| pair.strip_prefix("token="))
}

fn refused() -> Response {
    let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "a token is needed").hint(
        "open the link that the recorder printed when it started, or send \
         `Authorization: Bearer TOKEN`",
    );
    ([(header::WWW_AUTHENTICATE, "Bearer")], refusal).into_response()
}
