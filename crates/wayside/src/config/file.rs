//! The configuration file: TOML with known keys, and tables that are read elsewhere. What is wrong with one is
//! data, so that this needs nothing else of the program, and is fuzzed by itself
//! (`tests/fuzz/targets/configuration.rs`).

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{Form, KEYS, Key};

/// Names and groups of clients: tables by name.
pub const CLIENTS: &str = "clients";
/// Thresholds and objectives: tables in a row.
pub const RULE: &str = "rule";

/// A table, and where it stands in the text.
pub type Table<'t> = Spanned<DeValue<'t>>;

/// What a file says.
#[derive(Clone, Debug, Default)]
pub struct Contents<'t> {
    /// The settings.
    pub values: FileValues,
    /// What stands under [`CLIENTS`].
    pub clients: Option<Table<'t>>,
    /// What stands under [`RULE`].
    pub rules: Option<Table<'t>>,
}

/// The values that a file sets, in its order. Lists have several values.
pub type FileValues = Vec<(&'static Key, Vec<String>)>;

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WrongFile {
    /// It is not TOML.
    NotToml {
        /// In which line, where that is known.
        line: Option<usize>,
        /// Why.
        reason: String,
    },
    /// A key is not known.
    Unknown {
        /// The key.
        name: String,
        /// One that is much like it.
        nearest: Option<&'static str>,
    },
    /// A key cannot have such a value.
    Kind {
        /// The key.
        name: String,
        /// What it has.
        kind: &'static str,
        /// What it could have.
        example: String,
    },
}

/// Reads the text of a file.
pub fn parse(text: &str) -> Result<Contents<'_>, WrongFile> {
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map(|span| {
            let before = text.get(..span.start).unwrap_or_default();
            before.matches('\n').count() + 1
        });
        WrongFile::NotToml { line, reason: error.message().to_owned() }
    })?;
    let mut contents = Contents::default();
    for (name, value) in table.into_inner() {
        match name.get_ref().as_ref() {
            CLIENTS => contents.clients = Some(value),
            RULE => contents.rules = Some(value),
            name => contents.values.push(setting(name, value.get_ref())?),
        }
    }
    Ok(contents)
}

fn setting(name: &str, value: &DeValue<'_>) -> Result<(&'static Key, Vec<String>), WrongFile> {
    let Some(key) = Key::named(name) else { return Err(unknown(name)) };
    values(key, value).map(|values| (key, values)).ok_or_else(|| {
        let (kind, example) = (value.type_str(), example(key));
        WrongFile::Kind { name: name.to_owned(), kind, example }
    })
}

fn values(key: &Key, value: &DeValue<'_>) -> Option<Vec<String>> {
    if let (Form::Many, DeValue::Array(several)) = (key.form, value) {
        return several.iter().map(|one| plain(one.get_ref())).collect();
    }
    plain(value).map(|one| vec![one])
}

fn plain(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).ok().map(|n| n.to_string())
        }
        DeValue::Boolean(yes) => Some(yes.to_string()),
        _ => None,
    }
}

fn example(key: &Key) -> String {
    match key.form {
        Form::Switch => format!("{} = true", key.name),
        Form::Many => format!("{} = [\"{}\"]", key.name, key.value),
        _ if key.default.is_empty() => format!("{} = \"{}\"", key.name, key.value),
        _ => format!("{} = \"{}\"", key.name, key.default),
    }
}

fn unknown(name: &str) -> WrongFile {
    let known = KEYS.iter().map(|key| key.name).chain([CLIENTS, RULE]);
    let nearest = known
        .map(|known| (strsim::jaro_winkler(&name.replace('_', "-"), known), known))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let nearest = nearest.filter(|(likeness, _)| *likeness > 0.75).map(|(_, nearest)| nearest);
    WrongFile::Unknown { name: name.to_owned(), nearest }
}
