//! x
use wayside_exchange::Exchange;

/// How commands are written.
#[derive(Clone, Debug, Default)]
pub struct CurlOptions {
    /// Scheme, authority and perhaps a path prefix to send to, instead of what was recorded.
    pub to: Option<String>,
    /// A file with the certificates to trust.
    pub cacert: Option<std::path::PathBuf>,
    /// Whether any certificate is accepted.
    pub insecure: bool,
    /// The folder, as the command will see it, for bodies that cannot stand in the text; empty for
    /// the current one. Without it such bodies go into the text in base64.
    pub files: Option<String>,
}

/// A command or script, and what goes with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CurlCommand {
    /// The text, for `sh`; UTF-8 without control characters but line feed and tab.
    pub text: String,
    /// Files to write beside it: name within [`CurlOptions::files`] and content.
    pub files: Vec<(String, Vec<u8>)>,
}

/// A session as one script, written step by step.
pub struct Script {}

impl Script {
    /// a
    pub fn new<'a>(exchanges: impl IntoIterator<Item = &'a Exchange>, options: CurlOptions) -> Self {
        let _ = (exchanges, options);
        Self {}
    }
    /// a
    pub fn opening(&self) -> String {
        String::new()
    }
    /// a
    pub fn step(&self, exchange: &Exchange, body: &[u8]) -> CurlCommand {
        let _ = (exchange, body);
        CurlCommand::default()
    }
}

/// a
pub fn command(exchange: &Exchange, body: &[u8], options: &CurlOptions) -> CurlCommand {
    let _ = (exchange, body, options);
    CurlCommand::default()
}

/// a
pub fn script(steps: &[(&Exchange, &[u8])], options: &CurlOptions) -> CurlCommand {
    let _ = (steps, options);
    CurlCommand::default()
}
