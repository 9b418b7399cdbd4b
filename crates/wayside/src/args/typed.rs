//! The settings as flags, made from the one table of [`crate::config::keys`]; their values stay
//! text here, so that a wrong one is told alike wherever it came from.

use std::collections::BTreeMap;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, Error};

use crate::config::keys::{Form, KEYS, Key};

/// Settings that were given as flags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typed(BTreeMap<&'static str, Vec<String>>);

impl Typed {
    /// What was given for a setting; none when it was not.
    pub fn values(&self, name: &str) -> Option<Vec<String>> {
        self.0.get(name).cloned()
    }
}

impl clap::Args for Typed {
    fn augment_args(command: Command) -> Command {
        KEYS.iter().filter_map(flag).fold(command, Command::arg)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Typed {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut typed = Self::default();
        for key in KEYS.iter().filter(|key| key.form != Form::Elsewhere) {
            let given = matches
                .try_get_many::<String>(key.name)
                .map_err(|error| Error::raw(ErrorKind::InvalidValue, error))?;
            if let Some(values) = given {
                typed.0.insert(key.name, values.cloned().collect());
            }
        }
        Ok(typed)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn flag(key: &'static Key) -> Option<Arg> {
    let help = match key.default {
        "" => key.help.to_owned(),
        _ if key.form == Form::Switch => key.help.to_owned(),
        default => format!("{} [default: {default}]", key.help),
    };
    let flag = Arg::new(key.name)
        .long(key.name)
        .value_name(key.value)
        .help_heading(key.heading)
        .help(help)
        .value_parser(clap::value_parser!(String));
    match key.form {
        Form::One => Some(flag.action(ArgAction::Set)),
        Form::Many => Some(flag.action(ArgAction::Append)),
        Form::Switch => Some(
            flag.action(ArgAction::Set)
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true"),
        ),
        Form::Elsewhere => None,
    }
}
