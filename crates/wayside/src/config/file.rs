//! The configuration file: a flat TOML table of known keys.

use std::path::Path;

use anyhow::Context as _;

use super::keys::{Form, KEYS, Key};
use crate::report::trouble::Trouble;

/// The values that a file sets, in its order. Lists have several values.
pub(super) type FileValues = Vec<(&'static Key, Vec<String>)>;

/// Reads the file at `path`.
pub(super) fn read(path: &Path) -> anyhow::Result<FileValues> {
    let text = std::fs::read_to_string(path).with_context(|| {
        Trouble::misused(format!("could not read the configuration `{}`", path.display()))
    })?;
    parse(&text, path)
}

pub(super) fn parse(text: &str, path: &Path) -> anyhow::Result<FileValues> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let at = error.span().map_or(String::new(), |span| {
            let before = text.get(..span.start).unwrap_or_default();
            format!(" at line {}", before.matches('\n').count() + 1)
        });
        Trouble::misused(format!("the configuration `{}` is not TOML{at}", path.display()))
            .cause(error.message().to_owned())
    })?;
    table
        .into_iter()
        .map(|(name, value)| {
            let key = Key::named(&name).ok_or_else(|| unknown(&name, path))?;
            let values = values(key, &value).ok_or_else(|| {
                Trouble::misused(format!(
                    "`{name}` in `{}` cannot be {}",
                    path.display(),
                    value.type_str()
                ))
                .hint(format!("write it as `{}`", example(key)))
            })?;
            Ok((key, values))
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

fn unknown(name: &str, path: &Path) -> Trouble {
    let trouble = Trouble::misused(format!("unknown key `{name}` in `{}`", path.display()));
    let nearest = KEYS
        .iter()
        .map(|key| (strsim::jaro_winkler(&name.replace('_', "-"), key.name), key.name))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((likeness, nearest)) if likeness > 0.75 => {
            trouble.hint(format!("did you mean `{nearest}`?"))
        }
        _ => trouble.hint("`wayside config` lists the known keys"),
    }
}
