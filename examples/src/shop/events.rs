//! Price ticks as server-sent events: a body that is made while it is sent and ends when told, or never.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use serde_json::json;
use tokio::time::{Interval, MissedTickBehavior};

use super::products::{PRODUCTS, Product, money};
use crate::chance::Chance;

const PERIOD: Duration = Duration::from_millis(400);

/// A stream of price ticks.
#[derive(Debug)]
pub(super) struct PriceTicks {
    clock: Interval,
    chance: Chance,
    sent: u64,
    /// How many to send; without it the stream goes on until the client leaves.
    count: Option<u64>,
}

impl PriceTicks {
    pub(super) fn new(count: Option<u64>) -> Self {
        let mut clock = tokio::time::interval(PERIOD);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { clock, chance: Chance::new(0xe4e7), sent: 0, count }
    }

    fn tick(&mut self) -> Bytes {
        let id = self.chance.between(1, PRODUCTS).to_string();
        let cents = Product::find(&id).map_or(100, |product| product.cents);
        let price = json!({ "product": id, "amount": money(cents + self.chance.between(0, 99)) });
        Bytes::from(format!("id: {}\nevent: price\ndata: {price}\n\n", self.sent))
    }
}

impl Body for PriceTicks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.count.is_some_and(|count| self.sent >= count) {
            return Poll::Ready(None);
        }
        ready!(self.clock.poll_tick(context));
        self.sent += 1;
        Poll::Ready(Some(Ok(Frame::data(self.tick()))))
    }
}
