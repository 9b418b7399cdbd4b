//! The verbs that say what stays of a recording: `pin`, `unpin`, `erase`, `backup`.

use std::path::PathBuf;

use clap::Args;

/// `pin`.
#[derive(Args, Clone, Debug)]
pub struct PinArgs {
    /// An exchange, a session, or a filter: what matches it stays, now and later; none lists the pins
    #[arg(value_name = "ID|FILTER")]
    pub selection: Vec<String>,
    /// Print JSON, one object a line
    #[arg(long)]
    pub json: bool,
}

/// `unpin`.
#[derive(Args, Clone, Debug)]
pub struct UnpinArgs {
    /// What was pinned, in the same words
    #[arg(value_name = "ID|FILTER")]
    pub selection: Vec<String>,
    /// Take all pins away
    #[arg(long, conflicts_with = "selection")]
    pub all: bool,
}

/// `backup`.
#[derive(Args, Clone, Debug)]
pub struct BackupArgs {
    /// The folder that the copy goes into; one that holds an earlier copy gets what is new
    pub folder: PathBuf,
    /// With the CA's key and the sealing key
    #[arg(long)]
    pub with_keys: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `erase`.
#[derive(Args, Clone, Debug)]
pub struct EraseArgs {
    /// `client` and the client's whole name as `wayside clients` shows it, or a filter
    #[arg(value_name = "client NAME|FILTER", required = true, num_args = 1..)]
    pub selection: Vec<String>,
    /// Erase it without asking; without this and without a terminal it is only said what would go
    #[arg(long)]
    pub yes: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}
