//! `globex-batch`, the slow client: the largest pages, uncompressed and without validators, and the slow reports.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header;

use super::Stopped;
use super::client::{Ask, Sends};

pub(super) async fn fetch_everything(client: &mut impl Sends) -> Result<(), Stopped> {
    if let Some(customer) = client.customer() {
        let basic = STANDARD.encode(format!("{}:{}", customer.name, customer.password));
        client.carry(header::AUTHORIZATION, &format!("Basic {basic}"));
    }
    loop {
        for page in 1..=2 {
            client.send(Ask::get(format!("/products?page={page}&size=500"))).await?;
            client.pause(60).await?;
        }
        for id in 1..=12 {
            client.send(Ask::get(format!("/products/{id}"))).await?;
        }
        let report = client.chance().between(1, 24);
        client.send(Ask::get(format!("/reports/{report}"))).await?;
        client.send(Ask::get("/orders?customer=globex-batch")).await?;
        client.pause(250).await?;
    }
}
