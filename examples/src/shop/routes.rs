//! The routes of the shop: which method and path does what, and who may.

mod account;

use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderName;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::Shop;
use super::answer::{Answer, AnswerBody, Refusal};
use super::events::PriceTicks;
use super::form::Form;
use super::ledger::Conflict;
use super::products::{PRODUCTS, Product};
use super::token;
use crate::chance::Chance;

/// The coupon whose rule divides by zero: a fault that one client meets and others never see.
pub(crate) const BROKEN_COUPON: &str = "SUMMER-0";

const LARGEST_BODY: usize = 1024 * 1024;
const LARGEST_PAGE: u64 = 500;

struct Asked<'a> {
    shop: &'a Shop,
    head: &'a Parts,
    body: Bytes,
    query: Form,
}

pub(super) async fn answer(shop: &Shop, request: Request<Incoming>) -> Response<AnswerBody> {
    let (head, body) = request.into_parts();
    let query = Form::parse(head.uri.query().unwrap_or_default());
    let answer = match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(body) => Asked { shop, head: &head, body: body.to_bytes(), query }.route().await,
        Err(_) => Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("a body may have {LARGEST_BODY} bytes"),
        )),
    };
    answer.unwrap_or_else(Answer::from).finish(&head)
}

impl Asked<'_> {
    async fn route(self) -> Result<Answer, Refusal> {
        let path: Vec<&str> = self.head.uri.path().split('/').skip(1).collect();
        let method = match &self.head.method {
            head if *head == Method::HEAD => "GET",
            method => method.as_str(),
        };
        match (method, path.as_slice()) {
            ("GET", [""]) => Ok(Answer::json(json!({ "shop": "wayside", "products": PRODUCTS }))),
            ("GET", ["healthz"]) => Ok(Answer::json(json!({ "status": "ok" }))),
            ("GET", ["products"]) => self.list_products().await,
            ("GET", ["products", id]) => Self::show_product(id),
            ("GET", ["search"]) => self.search(),
            ("GET", ["events"]) => self.events(),
            ("GET", ["reports", id]) => Self::report(id).await,
            ("POST", ["login"]) => self.login(),
            ("POST", ["token", "refresh"]) => self.refresh(),
            ("GET", ["customers", id]) => self.show_customer(id),
            ("POST", ["carts"]) => Ok(self.open_cart()),
            ("POST", ["carts", id, "items"]) => self.add_item(id),
            ("GET", ["carts", id]) => self.show_cart(id),
            ("DELETE", ["carts", id]) => self.close_cart(id),
            ("POST", ["orders"]) => self.order(),
            ("GET", ["orders"]) => self.list_orders(),
            ("GET", ["orders", id]) => self.show_order(id),
            ("PATCH", ["orders", id]) => self.change_order(id),
            (_, path) => {
                Err(allowed(path).map_or_else(|| Refusal::not_found("resource"), Refusal::method))
            }
        }
    }

    /// Large pages take as long as a database would.
    async fn list_products(&self) -> Result<Answer, Refusal> {
        let page = self.query.number("page", 1).filter(|page| *page > 0);
        let size = self.query.number("size", 20).filter(|size| (1..=LARGEST_PAGE).contains(size));
        let (Some(page), Some(size)) = (page, size) else {
            return Err(Refusal::unprocessable(
                "bad_page",
                "`page` counts from 1, `size` from 1 to 500",
            ));
        };
        tokio::time::sleep(Duration::from_micros(size * 700)).await;
        let items: Vec<Value> = Product::page(page, size).map(Product::to_json).collect();
        let list = json!({ "page": page, "size": size, "total": PRODUCTS, "items": items });
        Ok(Answer::json(list).validated())
    }

    fn show_product(id: &str) -> Result<Answer, Refusal> {
        let product = Product::find(id).ok_or_else(|| Refusal::not_found("product"))?;
        Ok(Answer::json(product.to_json()).validated())
    }

    fn search(&self) -> Result<Answer, Refusal> {
        let words = self.query.value("q").filter(|words| !words.trim().is_empty());
        let words =
            words.ok_or_else(|| Refusal::unprocessable("no_query", "`q` says what to look for"))?;
        let items: Vec<Value> = Product::search(words).take(40).map(Product::to_json).collect();
        Ok(Answer::json(json!({ "q": words, "count": items.len(), "items": items })))
    }

    fn events(&self) -> Result<Answer, Refusal> {
        let count = match self.query.value("count").map(str::parse) {
            None => None,
            Some(Ok(count)) => Some(count),
            Some(Err(_)) => return Err(Refusal::unprocessable("bad_count", "`count` is a number")),
        };
        Ok(Answer::events(PriceTicks::new(count)))
    }

    async fn report(id: &str) -> Result<Answer, Refusal> {
        let id = parsed(id)
            .filter(|id| (1..=24).contains(id))
            .ok_or_else(|| Refusal::not_found("report"))?;
        let mut chance = Chance::new(id);
        tokio::time::sleep(Duration::from_millis(chance.between(300, 900))).await;
        let rows: Vec<Value> = (1..=chance.between(30, 120))
            .map(|day| json!({ "day": day, "orders": chance.between(10, 900), "returns": chance.between(0, 40) }))
            .collect();
        Ok(Answer::json(json!({ "report": id, "rows": rows })))
    }

    fn open_cart(&self) -> Answer {
        let id = self.shop.ledger.lock().open_cart();
        Answer::created(json!({ "id": id, "items": [], "total": "0.00" }), &format!("/carts/{id}"))
    }

    fn add_item(&self, cart: &str) -> Result<Answer, Refusal> {
        let cart = parsed(cart).ok_or(Conflict::NoSuchCart)?;
        let item = self.json()?;
        let product = item.get("product").and_then(Value::as_u64).map(|id| id.to_string());
        let quantity =
            item.get("quantity").and_then(Value::as_u64).filter(|n| (1..=1000).contains(n));
        let (Some(product), Some(quantity)) = (product, quantity) else {
            let message = "`product` is a number, `quantity` one from 1 to 1000";
            return Err(Refusal::unprocessable("bad_item", message));
        };
        let product = Product::find(&product)
            .ok_or_else(|| Refusal::unprocessable("unknown_product", "there is no such product"))?;
        let mut ledger = self.shop.ledger.lock();
        Ok(Answer::json(ledger.add(cart, product, quantity)?.to_json(cart)))
    }

    fn show_cart(&self, id: &str) -> Result<Answer, Refusal> {
        let id = parsed(id).ok_or(Conflict::NoSuchCart)?;
        Ok(Answer::json(self.shop.ledger.lock().cart(id)?.to_json(id)))
    }

    fn close_cart(&self, id: &str) -> Result<Answer, Refusal> {
        let id = parsed(id).ok_or(Conflict::NoSuchCart)?;
        self.shop.ledger.lock().close_cart(id)?;
        Ok(Answer::nothing())
    }

    fn order(&self) -> Result<Answer, Refusal> {
        let customer = self.customer()?;
        let asked = self.json()?;
        let cart = asked
            .get("cart")
            .and_then(Value::as_u64)
            .ok_or_else(|| Refusal::unprocessable("no_cart", "`cart` is the number of a cart"))?;
        if asked.get("coupon").and_then(Value::as_str) == Some(BROKEN_COUPON) {
            let message = "coupon engine: attempt to divide by zero";
            return Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message));
        }
        let now = token::now();
        let mut ledger = self.shop.ledger.lock();
        let id = ledger.order(cart, customer, now)?;
        let order = ledger.order_of(customer, id)?.to_json(id, now);
        Ok(Answer::created(order, &format!("/orders/{id}")))
    }

    fn list_orders(&self) -> Result<Answer, Refusal> {
        let customer = self.customer()?;
        let named = self.query.value("customer");
        if named.is_some_and(|named| named != customer.name && parsed(named) != Some(customer.id)) {
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "forbidden",
                "these are not your orders",
            ));
        }
        let now = token::now();
        let ledger = self.shop.ledger.lock();
        let orders: Vec<Value> =
            ledger.orders_of(customer).map(|(id, order)| order.to_json(id, now)).collect();
        Ok(Answer::json(json!({ "customer": customer.name, "items": orders })))
    }

    fn show_order(&self, id: &str) -> Result<Answer, Refusal> {
        let customer = self.customer()?;
        let id = parsed(id).ok_or(Conflict::NoSuchOrder)?;
        let mut ledger = self.shop.ledger.lock();
        Ok(Answer::json(ledger.order_of(customer, id)?.to_json(id, token::now())).validated())
    }

    fn change_order(&self, id: &str) -> Result<Answer, Refusal> {
        let customer = self.customer()?;
        let id = parsed(id).ok_or(Conflict::NoSuchOrder)?;
        let change = self.json()?;
        let now = token::now();
        let mut ledger = self.shop.ledger.lock();
        let order = ledger.order_of(customer, id)?;
        match (
            change.get("status").and_then(Value::as_str),
            change.get("note").and_then(Value::as_str),
        ) {
            (Some("cancelled"), _) => order.cancel(now)?,
            (None, Some(note)) => order.annotate(note),
            _ => {
                let message = "`status` may become `cancelled`, or `note` a text";
                return Err(Refusal::unprocessable("bad_change", message));
            }
        }
        Ok(Answer::json(order.to_json(id, now)))
    }

    fn json(&self) -> Result<Value, Refusal> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Refusal::new(
                StatusCode::BAD_REQUEST,
                "bad_json",
                format!("the body is no JSON: {error}"),
            )
        })
    }

    fn header(&self, name: &HeaderName) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }
}

fn allowed(path: &[&str]) -> Option<&'static str> {
    match path {
        ["login" | "carts"] | ["token", "refresh"] | ["carts", _, "items"] => Some("POST"),
        ["carts", _] => Some("GET, HEAD, DELETE"),
        ["orders"] => Some("GET, HEAD, POST"),
        ["orders", _] => Some("GET, HEAD, PATCH"),
        ["" | "healthz" | "products" | "search" | "events"]
        | ["products" | "reports" | "customers", _] => Some("GET, HEAD"),
        _ => None,
    }
}

fn parsed(id: &str) -> Option<u64> {
    id.parse().ok()
}
