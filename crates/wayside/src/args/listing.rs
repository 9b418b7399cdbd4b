//! The verbs that list and show.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// What every listing takes.
#[derive(Args, Clone, Debug, Default)]
pub struct Listing {
    /// Print one JSON object a line: all that match, oldest first, unless `--limit` says otherwise
    #[arg(long)]
    pub json: bool,
    /// How many of the newest to print [default: 50; with --json: all]
    #[arg(long, value_name = "N")]
    pub limit: Option<NonZeroUsize>,
}

/// `clients`.
#[derive(Args, Clone, Debug, Default)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ClientsArgs {
    /// Opens one instead of listing.
    #[command(subcommand)]
    pub verb: Option<ClientsVerb>,
    /// Count only exchanges that match, as in `status:>=500 since:2h`
    #[arg(value_name = "FILTER", num_args = 0..)]
    pub filter: Vec<String>,
    /// Count everything since then: `2h`, `7d`, or a time
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// How much slower others are while each of the ten heaviest clients is active
    #[arg(long)]
    pub harm: bool,
    /// What every listing takes.
    #[command(flatten)]
    pub listing: Listing,
    /// Print it again every two seconds, until stopped: in place on a terminal, else one after the other
    #[arg(short, long, conflicts_with = "json")]
    pub watch: bool,
}

/// Opens one client.
#[derive(Clone, Debug, Subcommand)]
pub enum ClientsVerb {
    /// One client: why it is believed to be one, and how it fares
    Show {
        /// Its name, as the listing gives it
        name: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Keep what goes by one name apart from the client that it was linked to, or take that back
    Split {
        /// The name, as `clients show` lists it
        name: String,
        /// Let the links hold again
        #[arg(long)]
        undo: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// `top`.
#[derive(Args, Clone, Debug)]
pub struct TopArgs {
    /// Show only exchanges that match, as in `route:"GET /orders"`
    #[arg(value_name = "FILTER", num_args = 0..)]
    pub filter: Vec<String>,
    /// How far back clients, routes and exchanges go
    #[arg(long, value_name = "TIME", default_value = "15m")]
    pub since: String,
}

/// `outliers`.
#[derive(Args, Clone, Debug)]
pub struct OutliersArgs {
    /// Compare over the exchanges that match, as in `since:2h` or `route:"GET /orders"`
    #[arg(value_name = "FILTER", num_args = 0..)]
    pub filter: Vec<String>,
    /// Compare over everything since then: `2h`, `7d`, or a time
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// What this file, in the form of the configuration, would have said of the past, and when: its rules and
    /// thresholds, by its names of clients and what names them
    #[arg(long, value_name = "FILE", conflicts_with = "why")]
    pub rule: Option<PathBuf>,
    /// All that sets their exchanges apart, with the counts (of the worst ten)
    #[arg(long)]
    pub why: bool,
    /// What every listing takes.
    #[command(flatten)]
    pub listing: Listing,
}

/// `findings`.
#[derive(Args, Clone, Debug)]
pub struct FindingsArgs {
    /// Look only at exchanges that match, as in `client:acme` or `route:"GET /orders"`
    #[arg(value_name = "FILTER", num_args = 0..)]
    pub filter: Vec<String>,
    /// Look at everything since then: `2h`, `7d`, or a time
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// What every listing takes.
    #[command(flatten)]
    pub listing: Listing,
}

/// `routes`.
#[derive(Args, Clone, Debug)]
pub struct RoutesArgs {
    /// Count only exchanges that match, as in `client:acme since:2h`
    #[arg(value_name = "FILTER", num_args = 0..)]
    pub filter: Vec<String>,
    /// Count everything since then: `2h`, `7d`, or a time
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// What every listing takes.
    #[command(flatten)]
    pub listing: Listing,
}

/// `sessions`.
#[derive(Args, Clone, Debug)]
pub struct SessionsArgs {
    /// Only sessions with exchanges that match, as in `client:acme since:2h`
    #[arg(value_name = "FILTER", num_args = 0..)]
    pub filter: Vec<String>,
    /// What every listing takes.
    #[command(flatten)]
    pub listing: Listing,
}

/// `exchanges`.
#[derive(Args, Clone, Debug)]
pub struct ExchangesArgs {
    /// Only exchanges that match, as in `status:>=500 'route:"GET /orders/{id}"'`
    #[arg(value_name = "FILTER", num_args = 0..)]
    pub filter: Vec<String>,
    /// What every listing takes.
    #[command(flatten)]
    pub listing: Listing,
    /// Print exchanges as they end, until stopped
    #[arg(short, long, conflicts_with = "limit")]
    pub follow: bool,
}

/// `scan`.
#[derive(Args, Clone, Debug)]
pub struct ScanArgs {
    /// Only exchanges that match, as in `since:7d host:api.example.com`
    #[arg(value_name = "FILTER", num_args = 0..)]
    pub filter: Vec<String>,
    /// Seal what is found, where it lies, and prove that it is gone
    #[arg(long)]
    pub reseal: bool,
    /// Print one JSON object a line, for each place
    #[arg(long)]
    pub json: bool,
}

/// `show`.
#[derive(Args, Clone, Debug)]
pub struct ShowArgs {
    /// An exchange or session: its id, or the beginning of it
    pub id: String,
    /// Everything as recorded: nothing decoded, nothing laid out
    #[arg(long, conflicts_with = "json")]
    pub raw: bool,
    /// Only the body of this half, decoded (with --raw: as transferred)
    #[arg(long, value_name = "HALF", conflicts_with = "json")]
    pub body: Option<WhichHalf>,
    /// With the secrets that are sealed otherwise
    #[arg(long)]
    pub reveal: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// One half of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WhichHalf {
    /// What the client sent.
    Request,
    /// What the backend answered.
    Response,
}

impl From<WhichHalf> for wayside_exchange::Half {
    fn from(which: WhichHalf) -> Self {
        match which {
            WhichHalf::Request => wayside_exchange::Half::Request,
            WhichHalf::Response => wayside_exchange::Half::Response,
        }
    }
}
