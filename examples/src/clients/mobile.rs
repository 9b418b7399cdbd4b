//! `acme-mobile`, the healthy client: browses with validators and gzip, fills a cart, orders, looks at the order.

use http::Method;
use http::header::{self, HeaderName};
use serde_json::{Value, json};

use super::Stopped;
use super::client::{Answer, Ask, Sends};

const WORDS: [&str; 6] =
    ["oak+table", "linen", "copper+kettle", "moss", "glass+vase", "wool+blanket"];

pub(super) async fn browse_and_buy(client: &mut impl Sends) -> Result<(), Stopped> {
    if let Some(customer) = client.customer() {
        client.carry(HeaderName::from_static("x-api-key"), customer.api_key);
    }
    client.carry(HeaderName::from_static("x-device-id"), "0b61f3d2-77ac-4c1e-9d55-3f0a8ce2b914");
    client.carry(header::ACCEPT_ENCODING, "gzip");
    let mut validators: Vec<(u64, String)> = Vec::new();
    loop {
        let page = client.chance().between(1, 20);
        let list = client.send(Ask::get(format!("/products?page={page}&size=12"))).await?;
        let in_stock = in_stock(&list);
        client.pause(160).await?;
        let words = client.chance().pick(&WORDS).copied().unwrap_or("oak");
        client.send(Ask::get(format!("/search?q={words}"))).await?;
        for _ in 0..client.chance().between(2, 5) {
            client.pause(140).await?;
            look_at_product(client, &mut validators).await?;
        }
        buy(client, &in_stock).await?;
        client.pause(300).await?;
    }
}

async fn look_at_product(
    client: &mut impl Sends,
    validators: &mut Vec<(u64, String)>,
) -> Result<(), Stopped> {
    let id = client.chance().between(1, 40);
    let known = validators.iter().find(|(known, _)| *known == id).map(|(_, tag)| tag.clone());
    let mut ask = Ask::get(format!("/products/{id}"));
    if let Some(tag) = &known {
        ask = ask.header(header::IF_NONE_MATCH, tag);
    }
    let answer = client.send(ask).await?;
    if let (None, Some(tag)) = (known, answer.header(&header::ETAG)) {
        validators.push((id, tag.to_owned()));
    }
    Ok(())
}

async fn buy(client: &mut impl Sends, in_stock: &[u64]) -> Result<(), Stopped> {
    let Some(cart) = client.send(Ask::post("/carts")).await?.number("id") else { return Ok(()) };
    for _ in 0..client.chance().between(1, 3) {
        client.pause(120).await?;
        let Some(product) = client.chance().pick(in_stock) else { break };
        let item = json!({ "product": product, "quantity": 1 });
        client.send(Ask::post(format!("/carts/{cart}/items")).json(&item)).await?;
    }
    let filled = client.send(Ask::get(format!("/carts/{cart}"))).await?;
    client.pause(200).await?;
    let empty = filled.text("total").is_none_or(|total| total == "0.00");
    if empty || client.chance().once_in(3) {
        client.send(Ask::new(Method::DELETE, format!("/carts/{cart}"))).await?;
        return Ok(());
    }
    let ordered = client.send(Ask::post("/orders").json(&json!({ "cart": cart }))).await?;
    if let Some(order) = ordered.number("id") {
        client.pause(150).await?;
        client.send(Ask::get(format!("/orders/{order}"))).await?;
        let note = json!({ "note": "please ring twice" });
        client.send(Ask::new(Method::PATCH, format!("/orders/{order}")).json(&note)).await?;
    }
    Ok(())
}

/// The products of a page that can be bought, a few of each at least.
fn in_stock(list: &Answer) -> Vec<u64> {
    let items = list.field("items").unwrap_or_default();
    let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
    items
        .iter()
        .filter(|item| item.get("stock").and_then(Value::as_u64).is_some_and(|stock| stock > 2))
        .filter_map(|item| item.get("id").and_then(Value::as_u64))
        .collect()
}
