//! Recorded requests as curl commands, one for each exchange, and a session as one script.
//!
//! A command runs in any POSIX `sh` and sends what was recorded: header fields in order and case,
//! nothing that curl would add by itself, the body byte for byte. Secrets that redaction took out
//! are shell variables, asked for at the top. Nothing recorded can break out of its quotes, hide in
//! the terminal, or make curl read a file.

mod request;
mod shell;
mod variables;

use std::path::PathBuf;

use wayside_exchange::Exchange;

use variables::Variables;

/// How commands are written.
#[derive(Clone, Debug, Default)]
pub struct CurlOptions {
    /// Scheme, authority and perhaps a path prefix to send to, instead of what was recorded.
    pub to: Option<String>,
    /// A file with the certificates to trust.
    pub cacert: Option<PathBuf>,
    /// Whether any certificate is accepted.
    pub insecure: bool,
    /// The folder, as the command will see it, for bodies that cannot stand in the text; empty for
    /// the current one. Without it such bodies go into the text in base64.
    pub files: Option<String>,
}

/// A command or script, and what goes with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CurlCommand {
    /// The text, for `sh`: UTF-8 without control characters but line feed and tab.
    pub text: String,
    /// Files to write beside it: name within [`CurlOptions::files`], and content.
    pub files: Vec<(String, Vec<u8>)>,
}

/// A session as one script, written step by step, so that memory holds one body at a time.
#[derive(Clone, Debug)]
pub struct Script {
    options: CurlOptions,
    variables: Variables,
    about: String,
}

impl Script {
    /// The script of `exchanges`, in the order in which the steps will be written.
    pub fn new<'a>(
        exchanges: impl IntoIterator<Item = &'a Exchange>,
        options: CurlOptions,
    ) -> Self {
        let mut variables = Variables::default();
        let mut about = String::new();
        let mut requests = 0;
        for exchange in exchanges {
            variables.collect(exchange, &options);
            if requests == 0 {
                let summary = &exchange.summary;
                about = format!("of {}, from {} on", summary.client, summary.started_at);
            }
            requests += 1;
        }
        Self { options, variables, about: format!("{requests} recorded requests {about}") }
    }

    /// What the script begins with.
    pub fn opening(&self) -> String {
        let about = shell::comment(self.about.trim_end());
        format!("#!/bin/sh\n{about}set -u\n{}", self.variables.asked_for())
    }

    /// The next step; `body` is the request's, as transferred.
    pub fn step(&self, exchange: &Exchange, body: &[u8]) -> CurlCommand {
        let mut command = request::command(exchange, body, &self.options, &self.variables);
        command.text.insert(0, '\n');
        command
    }
}

/// One exchange as a command; `body` is the request's, as transferred.
pub fn command(exchange: &Exchange, body: &[u8], options: &CurlOptions) -> CurlCommand {
    let mut variables = Variables::default();
    variables.collect(exchange, options);
    let mut command = request::command(exchange, body, options, &variables);
    command.text.insert_str(0, &variables.asked_for());
    command
}

/// A whole session as one script; each step is an exchange and its request body as transferred.
pub fn script(steps: &[(&Exchange, &[u8])], options: &CurlOptions) -> CurlCommand {
    let script = Script::new(steps.iter().map(|(exchange, _)| *exchange), options.clone());
    let mut whole = CurlCommand { text: script.opening(), files: Vec::new() };
    for (exchange, body) in steps {
        let step = script.step(exchange, body);
        whole.text.push_str(&step.text);
        whole.files.extend(step.files);
    }
    whole
}
