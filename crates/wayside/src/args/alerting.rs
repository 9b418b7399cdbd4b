//! The verb that lists alerts.

use clap::{Args, Subcommand};

use super::Listing;

/// `alerts`.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct AlertsArgs {
    /// Acknowledges instead of listing.
    #[command(subcommand)]
    pub verb: Option<AlertsVerb>,
    /// What every listing takes.
    #[command(flatten)]
    pub listing: Listing,
}

/// What `alerts` does.
#[derive(Clone, Debug, Subcommand)]
pub enum AlertsVerb {
    /// Say that you know: nobody is reminded of it any more
    Ack {
        /// Their numbers, as the listing gives them
        #[arg(value_name = "ID", required_unless_present = "all")]
        ids: Vec<u64>,
        /// All that nobody has acknowledged, those that have ended too
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
}
