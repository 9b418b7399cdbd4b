//! The verbs that take exchanges elsewhere: `export` and `replay`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};

/// `export`.
#[derive(Args, Clone, Debug)]
pub struct ExportArgs {
    /// An exchange, a session, or a filter
    #[arg(value_name = "ID|FILTER", required = true, num_args = 1..)]
    pub selection: Vec<String>,
    /// The format
    #[arg(long = "as", value_name = "FORMAT")]
    pub format: ExportFormat,
    /// Send to this base URL instead of the recorded one
    #[arg(long, value_name = "URL")]
    pub to: Option<String>,
    /// With the secrets, in clear, instead of shell variables
    #[arg(long)]
    pub reveal: bool,
    /// Into this file (curl: bodies that are not text go beside it) instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Have the curl commands trust this CA
    #[arg(long, value_name = "FILE")]
    pub cacert: Option<PathBuf>,
}

/// A format to export as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// A script of curl commands for `sh`.
    Curl,
    /// HAR 1.2.
    Har,
}

/// `replay`.
#[derive(Args, Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct ReplayArgs {
    /// An exchange, a session, or a filter
    #[arg(value_name = "ID|FILTER", required = true, num_args = 1..)]
    pub selection: Vec<String>,
    /// The backend to send to: `http://HOST:PORT` or `https://HOST`
    #[arg(long, value_name = "URL")]
    pub to: String,
    /// With which timing: `recorded`, `2x` (twice as fast) or `max`
    #[arg(long, default_value = "recorded")]
    pub pace: ReplayPace,
    /// Print what would be sent, and send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Send requests that may change something as well (POST, PUT, PATCH, DELETE)
    #[arg(long)]
    pub allow_writes: bool,
    /// Send the sealed credentials that were recorded
    #[arg(long)]
    pub with_credentials: bool,
    /// Confirm that this host, which is not the recorded one, may get the credentials
    #[arg(long, value_name = "HOST", requires = "with_credentials")]
    pub credentials_to: Option<String>,
    /// Send also to link-local addresses, where clouds tell machines their secrets
    #[arg(long)]
    pub allow_link_local: bool,
    /// Accept any certificate
    #[arg(long, conflicts_with = "ca")]
    pub insecure: bool,
    /// Trust also the authorities in this file (PEM)
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// How long one answer may take
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = crate::config::units::duration)]
    pub timeout: Duration,
    /// Print one JSON object a line: each comparison, then the totals
    #[arg(long)]
    pub json: bool,
}

/// With which timing a session is sent again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ReplayPace {
    /// As it was recorded.
    Recorded,
    /// So many times as fast.
    Times(f64),
    /// As fast as the backend answers.
    Max,
}

impl FromStr for ReplayPace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "recorded" => Ok(Self::Recorded),
            "max" => Ok(Self::Max),
            _ => text
                .strip_suffix('x')
                .and_then(|times| times.parse().ok())
                .filter(|times: &f64| times.is_finite() && *times > 0.0)
                .map(Self::Times)
                .ok_or_else(|| "write it as `recorded`, `2x`, `0.5x` or `max`".to_owned()),
        }
    }
}
