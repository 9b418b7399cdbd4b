//! Errors for people: what happened, what caused it, what to do. Advice is data, so that it stands
//! on a line of its own; so is the exit code.

use std::fmt::{self, Write as _};

use http::StatusCode;
use wayside_console::ConsoleError;
use wayside_exchange::escape::for_terminal_text;
use wayside_replay::ReplayError;
use wayside_store::StoreError;

use crate::exit::Exit;
use crate::report::paint::Paint;

/// An error that knows its advice and its exit code.
#[derive(Clone, Debug)]
pub struct Trouble {
    message: String,
    excerpt: Option<(String, usize)>,
    causes: Vec<String>,
    hints: Vec<String>,
    exit: Exit,
}

impl Trouble {
    fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { message: message.into(), excerpt: None, causes: vec![], hints: vec![], exit }
    }

    /// The command was misused.
    pub fn misused(message: impl Into<String>) -> Self {
        Self::new(Exit::Misused, message)
    }

    /// What was asked for is not there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Exit::Differs, message)
    }

    /// It could not be done.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// Adds what the person could do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds why it happened.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Points at a column (from 1, in characters) of what was typed.
    #[must_use]
    pub fn pointing_at(mut self, text: impl Into<String>, column: usize) -> Self {
        self.excerpt = Some((text.into(), column));
        self
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Trouble {}

/// How the command ends after `error`.
pub fn exit_of(error: &anyhow::Error) -> Exit {
    if let Some(trouble) = error.downcast_ref::<Trouble>() {
        return trouble.exit;
    }
    if let Some(ReplayError::CredentialsToAnotherHost { .. }) = error.downcast_ref() {
        return Exit::Misused;
    }
    match error.downcast_ref::<ConsoleError>() {
        Some(ConsoleError::Refused { status, .. }) if *status == StatusCode::NOT_FOUND => {
            Exit::Differs
        }
        Some(ConsoleError::Refused { status, .. }) if *status == StatusCode::BAD_REQUEST => {
            Exit::Misused
        }
        _ => Exit::Failed,
    }
}

/// What happened and why, in one line of the log.
pub fn in_a_line(error: &anyhow::Error) -> String {
    std::iter::once(error.to_string()).chain(causes(error)).collect::<Vec<_>>().join(": ")
}

fn causes(error: &anyhow::Error) -> Vec<String> {
    let stated = error.downcast_ref::<Trouble>().map_or(&[][..], |trouble| &trouble.causes);
    let mut said = error.to_string();
    let mut causes = Vec::new();
    for cause in stated.iter().cloned().chain(error.chain().skip(1).map(ToString::to_string)) {
        // Some libraries repeat their cause in their own message.
        if !said.ends_with(&cause) {
            causes.push(cause.clone());
        }
        said = cause;
    }
    causes
}

/// The whole text for the person, with its last line end.
pub fn describe(error: &anyhow::Error, paint: Paint) -> String {
    let mut text = String::new();
    let mut line = |label: String, message: &str| {
        let _ = writeln!(text, "{label}{}", for_terminal_text(message));
    };
    line(format!("{} ", paint.red("error:")), &error.to_string());
    let trouble = error.downcast_ref::<Trouble>();
    if let Some((typed, column)) = trouble.and_then(|trouble| trouble.excerpt.as_ref()) {
        line("  ".to_owned(), typed);
        line("  ".to_owned(), &format!("{}^", " ".repeat(column.saturating_sub(1))));
    }
    for cause in causes(error) {
        line("  caused by: ".to_owned(), &cause);
    }
    let hints = trouble.map_or(&[][..], |trouble| &trouble.hints);
    let known = advice(error).filter(|_| hints.is_empty());
    for hint in hints.iter().cloned().chain(known) {
        line(format!("{} ", paint.green("hint:")), &hint);
    }
    text
}

/// What the libraries know to advise.
fn advice(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|cause| {
        if let Some(error) = cause.downcast_ref::<wayside_transport::Error>() {
            return error.hint();
        }
        if let Some(error) = cause.downcast_ref::<ReplayError>() {
            return error.hint();
        }
        if let Some(StoreError::Locked { .. }) = cause.downcast_ref() {
            return Some("stop that recorder, or record elsewhere with `--data DIR`".to_owned());
        }
        if let Some(StoreError::Exposed { path }) = cause.downcast_ref() {
            return Some(format!("run `chmod 600 {}`", path.display()));
        }
        if let Some(StoreError::Encrypted { .. } | StoreError::OtherKey { .. }) =
            cause.downcast_ref()
        {
            return Some("name the key that it was recorded with: `--seal-key FILE`".to_owned());
        }
        match cause.downcast_ref::<ConsoleError>() {
            Some(ConsoleError::Refused { hint, .. }) => hint.clone(),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn an_error_says_what_why_and_what_to_do() {
        let system = std::io::Error::new(std::io::ErrorKind::AddrInUse, "address already in use");
        let error = anyhow::Error::from(system).context(
            Trouble::failed("could not listen on `0.0.0.0:8443`")
                .hint("choose another with `--listen ADDR`"),
        );
        assert_eq!(
            describe(&error, Paint::plain()),
            "error: could not listen on `0.0.0.0:8443`\n  caused by: address already in use\n\
             hint: choose another with `--listen ADDR`\n"
        );
        assert_eq!(exit_of(&error), Exit::Failed);
    }

    #[test]
    fn a_wrong_filter_gets_a_caret_under_its_column() {
        let trouble = Trouble::misused("unknown field `statu`")
            .pointing_at("client:acme statu:500", 13)
            .hint("did you mean `status`?");
        assert_eq!(
            describe(&trouble.into(), Paint::plain()),
            "error: unknown field `statu`\n  client:acme statu:500\n              ^\n\
             hint: did you mean `status`?\n"
        );
    }

    #[test]
    fn a_misuse_stays_one_under_more_context() {
        let error = Err::<(), _>(Trouble::misused("wrong")).context("while reading").unwrap_err();
        assert_eq!(exit_of(&error), Exit::Misused);
    }

    #[test]
    fn an_error_never_sends_control_characters_to_the_terminal() {
        let text = describe(&Trouble::failed("seen `\x1b[2J`").into(), Paint::plain());
        assert!(!text.contains('\x1b'));
    }
}
