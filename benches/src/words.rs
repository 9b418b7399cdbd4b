//! Words of bodies: made up of syllables, the early ones of the list more often than the late ones.

use wayside_examples::chance::Chance;

/// Stands in one body of a whole history.
pub const RARE: &str = "zanzibarite";

const SYLLABLES: [&str; 32] = [
    "ba", "co", "di", "fen", "gar", "hol", "im", "jo", "ka", "lu", "mer", "no", "or", "pel", "qui",
    "ra", "sil", "tor", "un", "va", "wen", "ex", "yl", "zo", "ast", "ber", "cra", "dun", "ele",
    "fir", "glo", "han",
];
const WORDS: u64 = 2000;

/// A vocabulary.
#[derive(Clone, Debug)]
pub struct Words(Vec<String>);

impl Words {
    /// The vocabulary of this seed.
    pub fn new(chance: &mut Chance) -> Self {
        let word = |chance: &mut Chance| {
            let syllables = chance.between(1, 4);
            (0..syllables).filter_map(|_| chance.pick(&SYLLABLES).copied()).collect()
        };
        Self((0..WORDS).map(|_| word(chance)).collect())
    }

    /// One word; of two drawn numbers the lesser counts, which favours the early ones.
    pub fn pick(&self, chance: &mut Chance) -> &str {
        let n = (chance.number() % WORDS).min(chance.number() % WORDS);
        self.0.get(n as usize).map_or("", String::as_str)
    }
}
