//! `umbrella-web`, the client through rotated tokens: logs in, works until the token has expired, meets a 401,
//! refreshes and goes on with another token, on the same connection or a later one.

use http::{StatusCode, header};
use serde_json::json;

use super::Stopped;
use super::client::{Answer, Ask, Sends};

/// Short, so that a demo of half a minute shows more than one token.
const LIFETIME: u64 = 10;

pub(super) async fn let_tokens_expire(client: &mut impl Sends) -> Result<(), Stopped> {
    client.carry(header::ACCEPT_ENCODING, "gzip");
    loop {
        let mut refresh = log_in(client).await?;
        while refresh.is_some() {
            let answer = use_the_shop(client).await?;
            if answer.status == Some(StatusCode::UNAUTHORIZED) {
                let asked = json!({ "refresh_token": refresh, "expires_in": LIFETIME });
                let answer = client.send(Ask::post("/token/refresh").json(&asked)).await?;
                refresh = take_tokens(client, &answer);
            }
            client.pause(250).await?;
        }
        client.pause(1000).await?;
    }
}

async fn log_in(client: &mut impl Sends) -> Result<Option<String>, Stopped> {
    let Some(customer) = client.customer() else { return Ok(None) };
    let form =
        format!("user={}&password={}&expires_in={LIFETIME}", customer.name, customer.password);
    let ask = Ask::post("/login").body("application/x-www-form-urlencoded", form);
    let answer = client.send(ask).await?;
    Ok(take_tokens(client, &answer))
}

fn take_tokens(client: &mut impl Sends, answer: &Answer) -> Option<String> {
    let access = answer.text("access_token")?;
    client.carry(header::AUTHORIZATION, &format!("Bearer {access}"));
    answer.text("refresh_token")
}

/// A few requests; the answer is that of the last, which needs a token.
async fn use_the_shop(client: &mut impl Sends) -> Result<Answer, Stopped> {
    let page = client.chance().between(1, 30);
    client.send(Ask::get(format!("/products?page={page}&size=20"))).await?;
    client.pause(180).await?;
    let product = client.chance().between(1, 600);
    client.send(Ask::get(format!("/products/{product}"))).await?;
    client.pause(180).await?;
    if client.chance().once_in(6) {
        client
            .send(Ask::get("/events?count=4").header(header::ACCEPT, "text/event-stream"))
            .await?;
    }
    if client.chance().once_in(3) {
        let cart = client.send(Ask::post("/carts")).await?.number("id").unwrap_or(0);
        let item = json!({ "product": product, "quantity": 1 });
        let put = client.send(Ask::post(format!("/carts/{cart}/items")).json(&item)).await?;
        if put.status.is_some_and(|status| status.is_success()) {
            client.send(Ask::post("/orders").json(&json!({ "cart": cart }))).await?;
        }
    }
    client.send(Ask::get("/orders?customer=umbrella-web")).await
}
