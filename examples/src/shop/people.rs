//! The shop's customers and the credentials that each may use. They open nothing but this shop.

use std::fmt::Write as _;

/// A customer of the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Customer {
    /// The number in `/customers/{id}`.
    pub id: u64,
    /// The name to log in with, and the `client_id` in its tokens.
    pub name: &'static str,
    /// The password for `POST /login` and for basic authentication.
    pub password: &'static str,
    /// The key for the `X-Api-Key` header.
    pub api_key: &'static str,
}

const fn customer(
    id: u64,
    name: &'static str,
    password: &'static str,
    api_key: &'static str,
) -> Customer {
    Customer { id, name, password, api_key }
}

/// Everyone who may order; `visitor` is for people who try the shop by hand.
pub const CUSTOMERS: [Customer; 6] = [
    customer(1, "acme-mobile", "anvils", "acme-7d1f0c62b9e84a35"),
    customer(2, "globex-batch", "hammocks", "globex-41c8e0aa97d23b6f"),
    customer(3, "initech-sync", "staplers", "initech-b83d5f1046ce972a"),
    customer(4, "hooli-poller", "compression", "hooli-0e96a7c35b12f8d4"),
    customer(5, "umbrella-web", "raincoats", "umbrella-c5702e8fd1943ab6"),
    customer(6, "visitor", "visitor", "visitor-2f6b9d04e8a1c357"),
];

impl Customer {
    /// The customer called `name`.
    pub fn named(name: &str) -> Option<Self> {
        CUSTOMERS.into_iter().find(|customer| customer.name == name)
    }

    pub(super) fn with_password(name: &str, password: &str) -> Option<Self> {
        Self::named(name).filter(|customer| customer.password == password)
    }

    pub(super) fn with_key(key: &str) -> Option<Self> {
        CUSTOMERS.into_iter().find(|customer| customer.api_key == key)
    }
}

/// FNV-1a, for the shop's ids and validators: stable across runs, and no secret depends on it.
pub(super) fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    })
}

/// `number` as 16 hexadecimal digits.
pub(super) fn hexadecimal(number: u64) -> String {
    let mut text = String::with_capacity(16);
    let _ = write!(text, "{number:016x}");
    text
}
