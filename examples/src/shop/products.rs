//! The catalogue: the same products in every run, made from a seed.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::chance::Chance;

/// How many products there are; their ids are `1..=PRODUCTS`.
pub(super) const PRODUCTS: u64 = 600;

const MATERIALS: [&str; 8] = ["oak", "steel", "linen", "copper", "glass", "wool", "cork", "bamboo"];
const THINGS: [&str; 12] = [
    "table", "lamp", "kettle", "blanket", "shelf", "mirror", "stool", "basket", "clock", "vase",
    "tray", "bench",
];
const COLOURS: [&str; 6] = ["sand", "moss", "slate", "rust", "ivory", "plum"];

#[derive(Debug)]
pub(super) struct Product {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) cents: u64,
    pub(super) stock: u64,
    colour: &'static str,
    rating: u64,
}

static CATALOGUE: LazyLock<Vec<Product>> = LazyLock::new(|| {
    let mut chance = Chance::new(0x5407);
    (1..=PRODUCTS).map(|id| Product::made(id, &mut chance)).collect()
});

impl Product {
    fn made(id: u64, chance: &mut Chance) -> Self {
        let material = chance.pick(&MATERIALS).copied().unwrap_or_default();
        let thing = chance.pick(&THINGS).copied().unwrap_or_default();
        let colour = chance.pick(&COLOURS).copied().unwrap_or_default();
        Self {
            id,
            name: format!("{colour} {material} {thing}"),
            cents: chance.between(3, 400) * 100 - 1,
            stock: if chance.once_in(12) { 0 } else { chance.between(1, 90) },
            colour,
            rating: chance.between(20, 50),
        }
    }

    pub(super) fn find(id: &str) -> Option<&'static Self> {
        let id: u64 = id.parse().ok()?;
        CATALOGUE.get(usize::try_from(id.checked_sub(1)?).ok()?)
    }

    /// A page of the catalogue; pages count from one.
    pub(super) fn page(page: u64, size: u64) -> impl Iterator<Item = &'static Self> {
        let skipped = page.saturating_sub(1).saturating_mul(size);
        CATALOGUE.iter().skip(skipped as usize).take(size as usize)
    }

    /// Products whose name holds every word of `words`, whatever its case.
    pub(super) fn search(words: &str) -> impl Iterator<Item = &'static Self> {
        let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
        CATALOGUE.iter().filter(move |product| {
            !words.is_empty() && words.iter().all(|word| product.name.contains(word))
        })
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "price": { "amount": money(self.cents), "currency": "EUR" },
            "stock": self.stock,
            "colour": self.colour,
            "rating": f64::from(u32::try_from(self.rating).unwrap_or(0)) / 10.0,
            "description": format!(
                "A {} for the house, made to be repaired. Product {} of our catalogue.",
                self.name, self.id,
            ),
        })
    }
}

/// Cents as the decimal text that JSON carries without rounding.
pub(super) fn money(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
