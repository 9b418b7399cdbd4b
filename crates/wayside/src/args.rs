//! What was typed: verbs, arguments and flags. What it means is decided in [`crate::config`] and
//! by each verb.

mod alerting;
mod exchanging;
mod keeping;
mod listing;
mod typed;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use alerting::{AlertsArgs, AlertsVerb};
pub use exchanging::{ExportArgs, ExportFormat, ReplayArgs, ReplayPace};
pub use keeping::{BackupArgs, EraseArgs, PinArgs, UnpinArgs};
pub use listing::{
    ClientsArgs, ClientsVerb, ExchangesArgs, FindingsArgs, Listing, OutliersArgs, RoutesArgs,
    ScanArgs, SessionsArgs, ShowArgs, TopArgs,
};
pub use typed::Typed;

const DATA_HELP: &str =
    "The folder that keeps the recording [env: WAYSIDE_DATA] [default: ./wayside-data]";
const SETTINGS_HELP: &str = "Every setting is also a key of the configuration file (`idle-session = \"5m\"`) and a variable \
     (`WAYSIDE_IDLE_SESSION=5m`).\nA flag beats a variable, a variable the file; `wayside config` \
     shows what holds.";
const SCAN_HELP: &str = "What is a secret is said by the rules of the configuration file and the variables \
     (`WAYSIDE_SEAL_FIELD`, ...), as for `record`; a recorder that runs seals by its own.\nExit codes: 0 none in clear (with --reseal: any more), 1 some.";
const OUTLIERS_HELP: &str = "Without a filter: the last minute, 15 minutes and 24 hours of the running recorder, or of the \
     recording's end.\nExit codes: 0 nobody stands out, 1 somebody does, 2 misused, 3 could not do it.";
const KEY_HELP: &str =
    "The file of the sealing key [env: WAYSIDE_SEAL_KEY] [default: DATA/keys/sealing.key]";
const FINDINGS_HELP: &str = "Kinds: n_plus_one, polling, retry_storm, 401_loop, retry_after_ignored, duplicate_writes, \
     pagination_restarts, connection_per_request, no_compression, oversized_pages.\n\
     Exit codes: 0 nothing was found, 1 something was, 2 misused, 3 could not do it.";
const ALERTS_HELP: &str = "They are kept whether or not they are sent anywhere; `--alert-webhook`, `--alert-exec` and \
     `--alert-log` of `record` send them.\nExit codes: 0 none is open, 1 some are, 2 misused, 3 could not do it.";
const CONFIG_HELP: &str =
    "The configuration file (TOML) [env: WAYSIDE_CONFIG] [default: ./wayside.toml when there]";

/// The command.
#[derive(Debug, Parser)]
#[command(
    name = "wayside",
    version,
    about = "A transparent recording reverse proxy: record an HTTP API's traffic, find any client's journey, send it again",
    after_help = "Try `wayside demo`, or `wayside record http://127.0.0.1:3000`.\n\
        Filters: client:acme route:\"GET /orders/{id}\" status:>=500 latency:>500ms since:2h\n\
        Exit codes: 0 done, 1 differs or not found, 2 misused, 3 could not do it.",
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// What goes with every verb.
    #[command(flatten)]
    pub everywhere: Everywhere,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What goes with every verb.
#[derive(Args, Clone, Debug, Default)]
pub struct Everywhere {
    /// The folder that keeps the recording.
    #[arg(long, global = true, value_name = "DIR", help = DATA_HELP)]
    pub data: Option<PathBuf>,
    /// The configuration file.
    #[arg(long, global = true, value_name = "FILE", help = CONFIG_HELP)]
    pub config: Option<PathBuf>,
    /// The file of the sealing key.
    #[arg(long, global = true, value_name = "FILE", help = KEY_HELP)]
    pub seal_key: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Stand in front of a backend and record everything that passes
    #[command(after_help = SETTINGS_HELP)]
    Record(RecordArgs),
    /// Watch it work: a small shop, its clients and the recorder in one
    Demo(DemoArgs),
    /// Who calls, how often, how fast, with how many errors
    Clients(ClientsArgs),
    /// Who fares worse than other clients on the same routes, why we say so, and the proof
    #[command(after_help = OUTLIERS_HELP)]
    Outliers(OutliersArgs),
    /// Ways of using the API that cost someone: N+1 bursts, polling, retry storms, and what they cost
    #[command(after_help = FINDINGS_HELP)]
    Findings(FindingsArgs),
    /// A live view on the whole screen: five numbers, clients worst first, down to an exchange
    Top(TopArgs),
    /// Which verdicts people were told of, who knows, and who never did
    #[command(after_help = ALERTS_HELP)]
    Alerts(AlertsArgs),
    /// What is asked for: methods and path templates, how often and how fast
    Routes(RoutesArgs),
    /// Journeys: each client's exchanges without a long pause between them
    Sessions(SessionsArgs),
    /// Requests and how they ended
    Exchanges(ExchangesArgs),
    /// One exchange or session, whole
    Show(ShowArgs),
    /// Write exchanges as curl commands or HAR
    Export(ExportArgs),
    /// Send recorded exchanges again and compare the answers
    Replay(ReplayArgs),
    /// Keep exchanges that retention would delete; list what is kept so
    Pin(PinArgs),
    /// Let retention have what was pinned
    Unpin(UnpinArgs),
    /// Delete a client's exchanges for good, and prove that they are gone
    Erase(EraseArgs),
    /// Copy the recording, while it goes on
    Backup(BackupArgs),
    /// Open the console of the running recorder in a browser
    Console(ConsoleArgs),
    /// How the recorder does
    Status(StatusArgs),
    /// The certificates: what is in use, and how to trust it
    Certs(CertsArgs),
    /// Check every block of the recording
    Verify(VerifyArgs),
    /// Look for secrets that were recorded in clear, and seal them
    #[command(after_help = SCAN_HELP)]
    Scan(ScanArgs),
    /// What is wrong with the set-up, and what to do about it
    Doctor(DoctorArgs),
    /// The effective configuration, and where each value came from
    Config(ConfigArgs),
    /// Completions for your shell
    Completions(CompletionsArgs),
}

/// `record`.
#[derive(Args, Clone, Debug)]
pub struct RecordArgs {
    /// The backend: `http://HOST:PORT` or `https://HOST`
    pub upstream: Option<String>,
    /// The settings given as flags.
    #[command(flatten)]
    pub settings: Typed,
}

/// `demo`.
#[derive(Args, Clone, Debug)]
pub struct DemoArgs {
    /// End by itself after this time
    #[arg(long = "for", value_name = "TIME", value_parser = crate::config::units::duration)]
    pub duration: Option<std::time::Duration>,
    /// The settings given as flags.
    #[command(flatten)]
    pub settings: Typed,
}

/// `console`.
#[derive(Args, Clone, Debug)]
pub struct ConsoleArgs {
    /// Print the link instead, token and all
    #[arg(long)]
    pub print: bool,
}

/// `status`.
#[derive(Args, Clone, Debug)]
pub struct StatusArgs {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `certs`.
#[derive(Args, Clone, Debug)]
pub struct CertsArgs {
    /// What to do; `show` when nothing is said.
    #[command(subcommand)]
    pub verb: Option<CertsVerb>,
    /// Short for `certs export`, to standard output.
    #[command(flatten)]
    pub form: CertificateForm,
}

/// What `certs` does.
#[derive(Clone, Debug, Subcommand)]
pub enum CertsVerb {
    /// What is in use and until when
    Show {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// How to make a system, browser or language trust it
    Trust {
        /// One of linux, debian, fedora, macos, windows, ios, android, firefox, java, python, node, curl
        platform: Option<String>,
    },
    /// Write the CA's certificate (never its key)
    Export {
        /// How to write it.
        #[command(flatten)]
        form: CertificateForm,
        /// Into this file instead of standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Make a CA and a leaf for localhost, for development
    Make {
        /// The folder they go into
        #[arg(default_value = "certs")]
        folder: PathBuf,
        /// A host name or address for the leaf; repeatable; localhost unless given
        #[arg(long = "name", value_name = "NAME")]
        names: Vec<String>,
    },
}

/// How a certificate is written.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct CertificateForm {
    /// The CA's certificate as PEM
    #[arg(long, conflicts_with = "der")]
    pub pem: bool,
    /// The CA's certificate as DER
    #[arg(long)]
    pub der: bool,
}

/// `verify`.
#[derive(Args, Clone, Debug)]
pub struct VerifyArgs {
    /// Make the index anew from the segments
    #[arg(long)]
    pub rebuild: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `doctor`.
#[derive(Args, Clone, Debug)]
pub struct DoctorArgs {
    /// The backend to try, as for `record`
    pub upstream: Option<String>,
    /// Print one JSON object a line, for each check
    #[arg(long)]
    pub json: bool,
    /// The settings given as flags.
    #[command(flatten)]
    pub settings: Typed,
}

/// `config`.
#[derive(Args, Clone, Debug)]
pub struct ConfigArgs {
    /// The settings given as flags.
    #[command(flatten)]
    pub settings: Typed,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `completions`.
#[derive(Args, Clone, Debug)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests;
