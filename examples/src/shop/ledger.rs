//! What customers did: carts, orders, sessions and refresh tokens, in memory. The oldest of each go when
//! there are many, so a shop that runs for a month is no larger than one that runs for a day.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::people::{Customer, digest, hexadecimal};
use super::products::{Product, money};

const KEPT: usize = 20_000;
const KEPT_SECRETS: usize = 500;

#[derive(Debug, Default)]
pub(super) struct Ledger {
    serial: u64,
    carts: BTreeMap<u64, Cart>,
    orders: BTreeMap<u64, Order>,
    sessions: Secrets,
    refreshes: Secrets,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Cart {
    lines: Vec<Line>,
    order: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Line {
    product: &'static Product,
    quantity: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) customer: Customer,
    cents: u64,
    lines: Vec<Line>,
    note: Option<String>,
    cancelled: bool,
    placed: u64,
}

/// Why the ledger does not take a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conflict {
    NoSuchCart,
    NoSuchOrder,
    EmptyCart,
    CartAlreadyOrdered,
    OutOfStock,
    TooLateToCancel,
}

impl Ledger {
    /// The next number, never used before; the shop's ids and token serials come from here.
    pub(super) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    pub(super) fn open_cart(&mut self) -> u64 {
        let id = 5000 + self.next_serial();
        keep(&mut self.carts, id, Cart::default());
        id
    }

    pub(super) fn cart(&self, id: u64) -> Result<&Cart, Conflict> {
        self.carts.get(&id).ok_or(Conflict::NoSuchCart)
    }

    pub(super) fn close_cart(&mut self, id: u64) -> Result<(), Conflict> {
        self.carts.remove(&id).map(drop).ok_or(Conflict::NoSuchCart)
    }

    pub(super) fn add(
        &mut self,
        cart: u64,
        product: &'static Product,
        quantity: u64,
    ) -> Result<&Cart, Conflict> {
        let cart = self.carts.get_mut(&cart).ok_or(Conflict::NoSuchCart)?;
        if cart.order.is_some() {
            return Err(Conflict::CartAlreadyOrdered);
        }
        let wanted: u64 = cart
            .lines
            .iter()
            .filter(|line| line.product.id == product.id)
            .map(|line| line.quantity)
            .sum();
        if wanted + quantity > product.stock {
            return Err(Conflict::OutOfStock);
        }
        cart.lines.push(Line { product, quantity });
        Ok(cart)
    }

    pub(super) fn order(
        &mut self,
        cart: u64,
        customer: Customer,
        now: u64,
    ) -> Result<u64, Conflict> {
        let id = 9000 + self.next_serial();
        let cart = self.carts.get_mut(&cart).ok_or(Conflict::NoSuchCart)?;
        if cart.order.is_some() {
            return Err(Conflict::CartAlreadyOrdered);
        }
        if cart.lines.is_empty() {
            return Err(Conflict::EmptyCart);
        }
        cart.order = Some(id);
        let order = Order {
            customer,
            cents: cart.cents(),
            lines: cart.lines.clone(),
            note: None,
            cancelled: false,
            placed: now,
        };
        keep(&mut self.orders, id, order);
        Ok(id)
    }

    pub(super) fn order_of(&mut self, customer: Customer, id: u64) -> Result<&mut Order, Conflict> {
        self.orders
            .get_mut(&id)
            .filter(|order| order.customer == customer)
            .ok_or(Conflict::NoSuchOrder)
    }

    /// The newest fifty orders of `customer`, newest first.
    pub(super) fn orders_of(&self, customer: Customer) -> impl Iterator<Item = (u64, &Order)> {
        self.orders
            .iter()
            .rev()
            .filter(move |(_, order)| order.customer == customer)
            .map(|(id, order)| (*id, order))
            .take(50)
    }

    pub(super) fn open_session(&mut self, customer: Customer) -> String {
        let serial = self.next_serial();
        self.sessions.issue(customer, "session", serial)
    }

    pub(super) fn session(&self, secret: &str) -> Option<Customer> {
        self.sessions.whose(secret)
    }

    pub(super) fn open_refresh(&mut self, customer: Customer) -> String {
        let serial = self.next_serial();
        self.refreshes.issue(customer, "refresh", serial)
    }

    /// Whose refresh token this was; each serves once.
    pub(super) fn spend_refresh(&mut self, secret: &str) -> Option<Customer> {
        self.refreshes.spend(secret)
    }
}

impl Cart {
    fn cents(&self) -> u64 {
        self.lines.iter().map(Line::cents).sum()
    }

    pub(super) fn to_json(&self, id: u64) -> Value {
        json!({
            "id": id,
            "items": self.lines.iter().map(Line::json).collect::<Vec<_>>(),
            "total": money(self.cents()),
            "order": self.order,
        })
    }
}

impl Line {
    fn cents(&self) -> u64 {
        self.product.cents * self.quantity
    }

    fn json(&self) -> Value {
        json!({
            "product": self.product.id,
            "name": self.product.name,
            "quantity": self.quantity,
            "amount": money(self.cents()),
        })
    }
}

impl Order {
    fn status(&self, now: u64) -> &'static str {
        match now.saturating_sub(self.placed) {
            _ if self.cancelled => "cancelled",
            0..4 => "placed",
            4..10 => "packed",
            10..25 => "shipped",
            _ => "delivered",
        }
    }

    pub(super) fn annotate(&mut self, note: &str) {
        self.note = Some(note.to_owned());
    }

    pub(super) fn cancel(&mut self, now: u64) -> Result<(), Conflict> {
        if !matches!(self.status(now), "placed" | "packed") {
            return Err(Conflict::TooLateToCancel);
        }
        self.cancelled = true;
        Ok(())
    }

    pub(super) fn to_json(&self, id: u64, now: u64) -> Value {
        json!({
            "id": id,
            "customer": self.customer.name,
            "status": self.status(now),
            "items": self.lines.iter().map(Line::json).collect::<Vec<_>>(),
            "total": money(self.cents),
            "note": self.note,
            "placed_at": self.placed,
        })
    }
}

/// Opaque secrets given out, newest last.
#[derive(Debug, Default)]
struct Secrets(VecDeque<(String, Customer)>);

impl Secrets {
    fn issue(&mut self, customer: Customer, kind: &str, serial: u64) -> String {
        let seed = format!("{kind} {serial} {}", customer.password);
        let secret = format!("{}{}", hexadecimal(digest(seed.as_bytes())), hexadecimal(serial));
        self.0.push_back((secret.clone(), customer));
        while self.0.len() > KEPT_SECRETS {
            self.0.pop_front();
        }
        secret
    }

    fn whose(&self, secret: &str) -> Option<Customer> {
        self.0.iter().find(|(known, _)| known == secret).map(|(_, customer)| *customer)
    }

    fn spend(&mut self, secret: &str) -> Option<Customer> {
        let position = self.0.iter().position(|(known, _)| known == secret)?;
        self.0.remove(position).map(|(_, customer)| customer)
    }
}

fn keep<T>(map: &mut BTreeMap<u64, T>, id: u64, value: T) {
    map.insert(id, value);
    while map.len() > KEPT {
        map.pop_first();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cart_is_ordered_once() {
        let mut ledger = Ledger::default();
        let customer = Customer::named("visitor").expect("a customer");
        let product = Product::page(1, 50).find(|product| product.stock > 2).expect("a product");
        let cart = ledger.open_cart();
        assert_eq!(ledger.order(cart, customer, 0), Err(Conflict::EmptyCart));
        assert!(ledger.add(cart, product, 2).is_ok());
        assert_eq!(ledger.add(cart, product, product.stock).err(), Some(Conflict::OutOfStock));
        assert!(ledger.order(cart, customer, 0).is_ok());
        assert_eq!(ledger.order(cart, customer, 0), Err(Conflict::CartAlreadyOrdered));
    }

    #[test]
    fn a_refresh_token_serves_once() {
        let mut ledger = Ledger::default();
        let customer = Customer::named("umbrella-web").expect("a customer");
        let secret = ledger.open_refresh(customer);
        assert_eq!(ledger.spend_refresh(&secret), Some(customer));
        assert_eq!(ledger.spend_refresh(&secret), None);
    }
}
