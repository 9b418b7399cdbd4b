//! Who asks: logging in, refreshing tokens, and the credentials of a request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderName};
use serde_json::{Value, json};

use super::super::answer::{Answer, Refusal};
use super::super::form::Form;
use super::super::people::Customer;
use super::super::token::{self, Rejected};
use super::{Asked, parsed};

const TOKEN_LIFETIME: u64 = 600;

impl Asked<'_> {
    pub(super) fn login(&self) -> Result<Answer, Refusal> {
        let form = Form::parse(&String::from_utf8_lossy(&self.body));
        let (Some(user), Some(password)) = (form.value("user"), form.value("password")) else {
            return Err(Refusal::unprocessable(
                "bad_login",
                "the form needs `user` and `password`",
            ));
        };
        let customer = Customer::with_password(user, password).ok_or_else(|| {
            Refusal::unauthorized("wrong_password", "user and password do not match")
        })?;
        let lifetime = form.number("expires_in", TOKEN_LIFETIME).unwrap_or(TOKEN_LIFETIME);
        let session = self.shop.ledger.lock().open_session(customer);
        let cookie = format!("session={session}; Path=/; HttpOnly; Secure; SameSite=Lax");
        Ok(self.tokens(customer, lifetime).header(header::SET_COOKIE, &cookie))
    }

    pub(super) fn refresh(&self) -> Result<Answer, Refusal> {
        let asked = self.json()?;
        let secret = asked.get("refresh_token").and_then(Value::as_str).unwrap_or_default();
        let customer = self.shop.ledger.lock().spend_refresh(secret).ok_or_else(|| {
            Refusal::unauthorized(
                "unknown_refresh_token",
                "log in again; a refresh token serves once",
            )
        })?;
        let lifetime = asked.get("expires_in").and_then(Value::as_u64).unwrap_or(TOKEN_LIFETIME);
        Ok(self.tokens(customer, lifetime))
    }

    fn tokens(&self, customer: Customer, lifetime: u64) -> Answer {
        let lifetime = lifetime.clamp(1, TOKEN_LIFETIME);
        let mut ledger = self.shop.ledger.lock();
        let access = token::issue(customer, ledger.next_serial(), token::now(), lifetime);
        Answer::json(json!({
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": lifetime,
            "refresh_token": ledger.open_refresh(customer),
        }))
        .header(header::CACHE_CONTROL, "no-store")
    }

    pub(super) fn show_customer(&self, id: &str) -> Result<Answer, Refusal> {
        let customer = self.customer()?;
        if parsed(id) != Some(customer.id) {
            return Err(Refusal::not_found("customer"));
        }
        let orders = self.shop.ledger.lock().orders_of(customer).count();
        Ok(Answer::json(
            json!({ "id": customer.id, "name": customer.name, "recent_orders": orders }),
        ))
    }

    /// Who asks, by key, bearer token, basic user or session cookie.
    pub(super) fn customer(&self) -> Result<Customer, Refusal> {
        let wrong = || Refusal::unauthorized("wrong_credentials", "nobody has these credentials");
        if let Some(key) = self.header(&HeaderName::from_static("x-api-key")) {
            return Customer::with_key(key).ok_or_else(wrong);
        }
        if let Some(authorization) = self.header(&header::AUTHORIZATION) {
            return match authorization.split_once(' ') {
                Some(("Bearer", bearer)) => token::check(bearer, token::now()).map_err(rejected),
                Some(("Basic", basic)) => basic_customer(basic).ok_or_else(wrong),
                _ => Err(wrong()),
            };
        }
        let cookies = self.header(&header::COOKIE).unwrap_or_default();
        let session = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("session="));
        match session {
            Some(session) => self.shop.ledger.lock().session(session).ok_or_else(wrong),
            None => Err(Refusal::unauthorized("no_credentials", "log in, or send a key")),
        }
    }
}

fn basic_customer(encoded: &str) -> Option<Customer> {
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (name, password) = decoded.split_once(':')?;
    Customer::with_password(name, password)
}

fn rejected(reason: Rejected) -> Refusal {
    match reason {
        Rejected::Malformed => Refusal::unauthorized("bad_token", "the token is not ours"),
        Rejected::Expired => Refusal::unauthorized("token_expired", "refresh the token"),
    }
}
