//! `hooli-poller`, the polling client: asks for its order every 200 ms, without the validator it was given.

use http::header;
use serde_json::json;

use super::Stopped;
use super::client::{Ask, Sends};

const POLLS: u32 = 120;

pub(super) async fn ask_again_and_again(client: &mut impl Sends) -> Result<(), Stopped> {
    loop {
        log_in(client).await?;
        if let Some(order) = order(client).await? {
            for _ in 0..POLLS {
                let answer = client.send(Ask::get(format!("/orders/{order}"))).await?;
                if answer.text("status").as_deref() == Some("delivered") {
                    break;
                }
                client.pause(200).await?;
            }
        }
        client.pause(500).await?;
    }
}

/// The session cookie of the login is all that says who polls.
async fn log_in(client: &mut impl Sends) -> Result<(), Stopped> {
    let Some(customer) = client.customer() else { return Ok(()) };
    let form = format!("user={}&password={}", customer.name, customer.password);
    let ask = Ask::post("/login").body("application/x-www-form-urlencoded", form);
    let answer = client.send(ask).await?;
    let cookie = answer.header(&header::SET_COOKIE).and_then(|cookie| cookie.split(';').next());
    if let Some(cookie) = cookie {
        client.carry(header::COOKIE, cookie);
    }
    Ok(())
}

async fn order(client: &mut impl Sends) -> Result<Option<u64>, Stopped> {
    let Some(cart) = client.send(Ask::post("/carts")).await?.number("id") else { return Ok(None) };
    let item = json!({ "product": client.chance().between(1, 600), "quantity": 1 });
    client.send(Ask::post(format!("/carts/{cart}/items")).json(&item)).await?;
    let ordered = client.send(Ask::post("/orders").json(&json!({ "cart": cart }))).await?;
    Ok(ordered.number("id"))
}
