//! `initech-sync`, the failing client: wrong payloads, unknown products, the coupon that breaks the shop, and
//! the same request again at once when it fails.

use http::Method;
use http::header::HeaderName;
use serde_json::json;

use super::Stopped;
use super::client::{Ask, Sends};
use crate::shop::BROKEN_COUPON;

pub(super) async fn send_what_is_wrong(client: &mut impl Sends) -> Result<(), Stopped> {
    if let Some(customer) = client.customer() {
        client.carry(HeaderName::from_static("x-api-key"), customer.api_key);
    }
    loop {
        client.send(Ask::get("/products?page=1&size=20")).await?;
        let product = client.chance().between(590, 640);
        client.send(Ask::get(format!("/products/{product}"))).await?;
        client.pause(250).await?;
        let cart = client.send(Ask::post("/carts")).await?.number("id").unwrap_or(0);
        // The quantity as text, as a spreadsheet exports it.
        let wrong = json!({ "product": product, "quantity": "2" });
        client.send(Ask::post(format!("/carts/{cart}/items")).json(&wrong)).await?;
        client.pause(200).await?;
        let item = json!({ "product": client.chance().between(1, 600), "quantity": 1 });
        client.send(Ask::post(format!("/carts/{cart}/items")).json(&item)).await?;
        check_out(client, cart).await?;
        client.pause(350).await?;
        let cut =
            Ask::new(Method::PATCH, "/orders/1").body("application/json", "{\"status\": \"canc");
        client.send(cut).await?;
        client.pause(300).await?;
    }
}

async fn check_out(client: &mut impl Sends, cart: u64) -> Result<(), Stopped> {
    let order = json!({ "cart": cart, "coupon": BROKEN_COUPON });
    let tries = if client.chance().once_in(2) { 3 } else { 1 };
    for _ in 0..tries {
        client.send(Ask::post("/orders").json(&order)).await?;
        client.pause(40).await?;
    }
    let ordered = client.send(Ask::post("/orders").json(&json!({ "cart": cart }))).await?;
    if ordered.number("id").is_some() {
        // And the same write again: it conflicts.
        client.send(Ask::post("/orders").json(&json!({ "cart": cart }))).await?;
    }
    Ok(())
}
