//! A link: what makes an exchange belong to another client than the one its own evidence names.
//!
//! Links stand beside the records, never in them, so that they can be added, corrected and withdrawn.

use serde::{Deserialize, Serialize};

use crate::id::ExchangeId;

/// Exchanges that go by `name` belong to `client`. A later link of the same name, connection and
/// beginning takes its place; one that leads to its own name withdraws it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// What the strongest evidence of the exchanges names.
    pub name: String,
    /// Whose they are.
    pub client: String,
    /// Why.
    pub kind: LinkKind,
    /// How sure that is, in per cent.
    pub confidence: u8,
    /// Only on this connection; none means wherever, and for good.
    pub connection: Option<u64>,
    /// On that connection, from this exchange on; zero means from the beginning.
    pub from: ExchangeId,
    /// On that connection, before this exchange; none means to the end.
    pub until: Option<ExchangeId>,
    /// The exchange that proves it.
    pub proof: ExchangeId,
}

/// Why a link is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum LinkKind {
    /// A token that was answered to the client is used.
    Token = 1,
    /// A cookie that was set for the client comes back.
    Cookie = 2,
    /// Both came in one request.
    Together = 3,
    /// The client used it on the same connection.
    Connection = 4,
    /// The old credential was refused, and a new one took its place.
    Rotation = 5,
    /// The same device header.
    Device = 6,
    /// The same address and user agent, which nothing else used.
    Address = 7,
    /// Its connection goes on with the TLS session of one of the client's.
    Resumption = 8,
}

impl LinkKind {
    /// All of them, strongest first.
    pub const ALL: [LinkKind; 8] = [
        LinkKind::Token,
        LinkKind::Cookie,
        LinkKind::Together,
        LinkKind::Connection,
        LinkKind::Rotation,
        LinkKind::Resumption,
        LinkKind::Device,
        LinkKind::Address,
    ];

    /// The kind of this number, by which it is stored.
    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }
}

impl Link {
    /// Whether it says that `name` belongs to nobody else.
    pub fn is_withdrawal(&self) -> bool {
        self.name == self.client
    }

    /// Whether it holds wherever and whenever the name is used.
    pub fn holds_always(&self) -> bool {
        self.connection.is_none()
    }
}
