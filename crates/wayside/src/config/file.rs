//! The configuration file: a flat TOML table of known keys. What is wrong with one is data, so that this
//! needs nothing else of the program, and is fuzzed by itself (`tests/fuzz/targets/configuration.rs`).

use super::keys::{Form, KEYS, Key};

/// The one table among the keys, which is read elsewhere.
pub const CLIENTS: &str = "clients";

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
pub fn parse(text: &str) -> Result<FileValues, WrongFile> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map(|span| {
            let before = text.get(..span.start).unwrap_or_default();
            before.matches('\n').count() + 1
        });
        WrongFile::NotToml { line, reason: error.message().to_owned() }
    })?;
    table
        .into_iter()
        .filter(|(name, _)| name != CLIENTS)
        .map(|(name, value)| {
            let Some(key) = Key::named(&name) else { return Err(unknown(name)) };
            values(key, &value).map(|values| (key, values)).ok_or_else(|| {
                let (kind, example) = (value.type_str(), example(key));
                WrongFile::Kind { name, kind, example }
            })
        })
        .collect()
}

fn values(key: &Key, value: &toml::Value) -> Option<Vec<String>> {
    if let (Form::Many, toml::Value::Array(several)) = (key.form, value) {
        return several.iter().map(plain).collect();
    }
    plain(value).map(|one| vec![one])
}

fn plain(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(yes) => Some(yes.to_string()),
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

fn unknown(name: String) -> WrongFile {
    let nearest = KEYS
        .iter()
        .map(|key| (strsim::jaro_winkler(&name.replace('_', "-"), key.name), key.name))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let nearest = nearest.filter(|(likeness, _)| *likeness > 0.75).map(|(_, nearest)| nearest);
    WrongFile::Unknown { name, nearest }
}
