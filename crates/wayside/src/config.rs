//! What the arguments, the environment and the file mean together: one value for every setting,
//! and where it came from. A flag beats a variable, a variable the file, the file the default.

mod clients;
mod file;
pub mod keys;
mod openapi;
mod pushing;
pub mod rules;
mod settings;
#[cfg(test)]
mod tests;
pub mod trial;
pub mod units;
pub mod variables;

use std::fmt;
use std::path::{Path, PathBuf};

pub use settings::{Durability, OnOverload, Settings};

use anyhow::Context as _;
use wayside_analytics::{Rule, Thresholds};
use wayside_exchange::Label;
use wayside_identity::{Rules, Sealing};
use wayside_store::Location;

use crate::args::{Everywhere, Typed};
use crate::report::trouble::Trouble;
use file::WrongFile;
use keys::{Form, KEYS, Key};

/// The file that is read when nobody names another and it is there.
const DEFAULT_FILE: &str = "wayside.toml";

/// Looks a variable up; a test has its own.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag, or an argument.
    Flag,
    /// A variable of this name.
    Variable(String),
    /// The file.
    File(PathBuf),
    /// Nobody said anything.
    Default,
}

/// Every setting's text and origin, in the order of [`KEYS`].
#[derive(Clone, Debug)]
pub struct Resolved {
    values: Vec<(&'static Key, Vec<String>, Origin)>,
    labels: Vec<Label>,
    rules: Vec<Rule>,
}

/// What a file says.
struct Read {
    path: PathBuf,
    values: file::FileValues,
    /// None where it says nothing of clients.
    labels: Option<Vec<Label>>,
    /// None where it has no rules.
    rules: Option<Vec<Rule>>,
}

/// The process's own environment.
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Resolves everything: `everywhere` and `typed` are the flags, `upstream` the argument.
pub fn resolve(
    everywhere: &Everywhere,
    typed: &Typed,
    upstream: Option<&str>,
    environment: Environment<'_>,
) -> anyhow::Result<Resolved> {
    let file = file(everywhere, environment)?;
    let values = KEYS.iter().map(|key| {
        let flag = match key.name {
            "upstream" => upstream.map(|text| vec![text.to_owned()]),
            "data" => {
                everywhere.data.as_ref().map(|path| vec![path.to_string_lossy().into_owned()])
            }
            "seal-key" => {
                everywhere.seal_key.as_ref().map(|path| vec![path.to_string_lossy().into_owned()])
            }
            name => typed.values(name),
        };
        if let Some(values) = flag {
            return (key, values, Origin::Flag);
        }
        if let Some(value) = environment(&key.variable()) {
            let values = match key.form {
                // A value with a separator in it goes into the file.
                Form::Many => value.split(key.separator()).map(str::to_owned).collect(),
                _ => vec![value],
            };
            return (key, values, Origin::Variable(key.variable()));
        }
        if let Some(file) = &file
            && let Some((_, values)) = file.values.iter().find(|(known, _)| known.name == key.name)
        {
            return (key, values.clone(), Origin::File(file.path.clone()));
        }
        let default = if key.default.is_empty() { vec![] } else { vec![key.default.to_owned()] };
        (key, default, Origin::Default)
    });
    let values = values.collect();
    let (labels, rules) = file.map(|file| (file.labels, file.rules)).unwrap_or_default();
    Ok(Resolved { values, labels: labels.unwrap_or_default(), rules: rules.unwrap_or_default() })
}

/// The data folder and where the key is, for the verbs that need no more: a wrong value elsewhere is not
/// theirs.
pub fn location(everywhere: &Everywhere, environment: Environment<'_>) -> anyhow::Result<Location> {
    let resolved = resolve(everywhere, &Typed::default(), None, environment)?;
    Ok(Location { dir: resolved.data()?, key_file: resolved.optional("seal-key", settings::path)? })
}

/// What is taken for a secret, alone; where nothing is sealed, what would be by default.
pub fn rules(everywhere: &Everywhere, environment: Environment<'_>) -> anyhow::Result<Rules> {
    let resolved = resolve(everywhere, &Typed::default(), None, environment)?;
    let level = resolved.read("seal", settings::sealing)?;
    let level = if level == Sealing::None { Sealing::Default } else { level };
    settings::rules(&resolved, level)
}

fn file(everywhere: &Everywhere, environment: Environment<'_>) -> anyhow::Result<Option<Read>> {
    let named = everywhere.config.clone();
    let path = match named.or_else(|| environment("WAYSIDE_CONFIG").map(PathBuf::from)) {
        Some(path) => path,
        None if Path::new(DEFAULT_FILE).is_file() => PathBuf::from(DEFAULT_FILE),
        None => return Ok(None),
    };
    read(path, &[]).map(Some)
}

/// Reads a file; where it says nothing of clients, its rules may be for those that have `otherwise`.
fn read(path: PathBuf, otherwise: &[Label]) -> anyhow::Result<Read> {
    let shown = path.display();
    let text = std::fs::read_to_string(&path)
        .with_context(|| Trouble::misused(format!("could not read the configuration `{shown}`")))?;
    let contents = file::parse(&text).map_err(|wrong| wrong_file(wrong, &path))?;
    let labels = contents.clients.map(|clients| clients::labels(&clients, &path)).transpose()?;
    let known = labels.as_deref().unwrap_or(otherwise);
    let rules = contents.rules.map(|rules| rules::rules(rules, &text, &path, known)).transpose()?;
    Ok(Read { values: contents.values, labels, rules, path })
}

fn wrong_file(wrong: WrongFile, path: &Path) -> Trouble {
    let path = path.display();
    match wrong {
        WrongFile::NotToml { line, reason } => {
            let at = line.map(|line| format!(" at line {line}")).unwrap_or_default();
            Trouble::misused(format!("`{path}` is not TOML{at}")).cause(reason)
        }
        WrongFile::Unknown { name, nearest } => {
            let trouble = Trouble::misused(format!("unknown key `{name}` in `{path}`"));
            match nearest {
                Some(nearest) => trouble.hint(format!("did you mean `{nearest}`?")),
                None => trouble.hint("`wayside config` lists the known keys"),
            }
        }
        WrongFile::Kind { name, .. } if name == "rules" => {
            Trouble::misused(format!("`rules` in `{path}` is the name of a file"))
                .hint("write `rules = \"FILE\"`, or the rules themselves, `[[rule]]` above each")
        }
        WrongFile::Kind { name, kind, example } => {
            Trouble::misused(format!("`{name}` in `{path}` cannot be {kind}"))
                .hint(format!("write it as `{example}`"))
        }
    }
}

impl Resolved {
    /// The typed settings, or the first value that is not what it should be.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        Settings::of(self)
    }

    /// The thresholds alone.
    pub fn thresholds(&self) -> anyhow::Result<Thresholds> {
        settings::thresholds(self)
    }

    /// The thresholds and objectives that stand in the file itself.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The data folder.
    pub fn data(&self) -> anyhow::Result<PathBuf> {
        self.read("data", |text| Ok(PathBuf::from(text)))
    }

    /// What clients are called.
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// Every setting with its values and where they came from.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Key, &[String], &Origin)> {
        self.values.iter().map(|(key, values, origin)| (*key, values.as_slice(), origin))
    }

    fn entry(&self, name: &str) -> Option<&(&'static Key, Vec<String>, Origin)> {
        self.values.iter().find(|(key, _, _)| key.name == name)
    }

    fn list(&self, name: &str) -> &[String] {
        self.entry(name).map_or(&[], |(_, values, _)| values)
    }

    /// A setting that always has a value.
    fn read<T>(&self, name: &str, read: impl Fn(&str) -> Result<T, String>) -> anyhow::Result<T> {
        let text = self.list(name).last().map_or("", String::as_str);
        read(text).map_err(|reason| wrong_value(self, name, &reason))
    }

    /// A setting that may have none: unset, empty, `off`, `none` or `never`.
    fn optional<T>(
        &self,
        name: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> anyhow::Result<Option<T>> {
        match self.list(name).last().map(String::as_str) {
            None | Some("" | "off" | "none" | "never") => Ok(None),
            Some(_) => self.read(name, read).map(Some),
        }
    }
}

fn wrong_value(resolved: &Resolved, name: &str, reason: &str) -> anyhow::Error {
    let place = match resolved.entry(name).map(|(_, _, origin)| origin) {
        Some(Origin::Variable(variable)) => format!("variable `{variable}`"),
        Some(Origin::File(path)) => format!("key `{name}` in `{}`", path.display()),
        _ if name == "upstream" => "argument `UPSTREAM`".to_owned(),
        _ => format!("flag `--{name}`"),
    };
    Trouble::misused(format!("wrong value in {place}")).cause(reason.to_owned()).into()
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag => f.write_str("flag"),
            Origin::Variable(name) => f.write_str(name),
            Origin::File(path) => write!(f, "{}", path.display()),
            Origin::Default => f.write_str("default"),
        }
    }
}
