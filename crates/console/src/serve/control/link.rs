//! The link that opens the console, for whoever can open the control socket and for nobody else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;
use crate::token::Token;

/// What `/control/link` answers.
#[derive(Clone, Serialize, Deserialize)]
pub struct ConsoleLink {
    /// The console's address with its token, or with a pass that opens it once.
    pub url: String,
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    once: u8,
}

type Console = Option<(SocketAddr, Token)>;

pub(super) fn router(console: Console) -> Router {
    Router::new().route("/control/link", get(link)).with_state(console)
}

async fn link(
    State(console): State<Console>,
    Query(asked): Query<Asked>,
) -> Result<Json<ConsoleLink>, Refusal> {
    let Some((address, token)) = console else {
        return Err(Refusal::new(StatusCode::CONFLICT, "this recorder has no console")
            .hint("start it with `--console ADDR`"));
    };
    let secret = match asked.once {
        0 => token.reveal().to_owned(),
        _ => token.pass().map_err(|error| Refusal::failed(&error))?,
    };
    let address = SocketAddr::new(reachable(address.ip()), address.port());
    Ok(Json(ConsoleLink { url: format!("http://{address}/?token={secret}") }))
}

/// Who listens everywhere is reached on loopback.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}
