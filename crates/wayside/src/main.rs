//! The `wayside` command: the whole program in one match, and its exit code decided in one place.

#![allow(unreachable_pub, reason = "a program exports nothing: `pub` says for its other modules")]

mod args;
mod clock;
mod commands;
mod config;
mod exit;
mod report;
mod sealed;
mod source;
mod wire;

use std::future::Future;
use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use args::{Cli, Verb};
use exit::Exit;
use report::paint::Paint;
use report::printer::{Closed, Printer};
use report::trouble::{describe, exit_of};

/// An exchange makes some forty small allocations, many of which another thread frees; this one serves them
/// quickly and gives back what is not used. How it does is said in `.cargo/config.toml`.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            let misused = usage.use_stderr();
            let _ = usage.print();
            return if misused { Exit::Misused } else { Exit::Done }.into();
        }
    };
    listen_to_the_log(&cli.verb);
    report::panics::count();
    if matches!(cli.verb, Verb::Record(_) | Verb::Demo(_)) {
        keep_to_small_pages();
    }
    let mut printer = Printer::stdout();
    if matches!(cli.verb, Verb::Record(_) | Verb::Demo(_) | Verb::Config(_) | Verb::Doctor(_)) {
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        for slip in config::variables::slips(names) {
            printer.say(format!("warning: {slip}"));
        }
    }
    let ended = run(cli, &mut printer).and_then(|exit| printer.flush().map(|()| exit));
    match ended {
        Ok(exit) => exit,
        Err(error) if error.is::<Closed>() => Exit::Done,
        Err(error) => {
            // What was found until then is still worth reading.
            let _ = printer.flush();
            printer.say_all(&describe(&error, Paint::on(&std::io::stderr())));
            exit_of(&error)
        }
    }
    .into()
}

fn run(cli: Cli, printer: &mut Printer) -> anyhow::Result<Exit> {
    let everywhere = &cli.everywhere;
    let data = || config::location(everywhere, &config::environment);
    let resolve = |typed: &args::Typed, upstream: Option<&str>| {
        config::resolve(everywhere, typed, upstream, &config::environment)
    };
    let thresholds = || resolve(&args::Typed::default(), None)?.thresholds();
    match cli.verb {
        Verb::Record(args) => commands::record::run(everywhere, &args, printer),
        Verb::Demo(args) => commands::demo::run(everywhere, &args, printer),
        Verb::Clients(args) => wait(commands::clients::run(args, &data()?, thresholds()?, printer)),
        Verb::Outliers(args) => {
            let settings = resolve(&args::Typed::default(), None)?;
            wait(commands::outliers::run(args, &data()?, settings, printer))
        }
        Verb::Findings(args) => wait(commands::findings::run(args, &data()?, printer)),
        Verb::Top(args) => wait(commands::top::run(args, &data()?, printer)),
        Verb::Alerts(args) => wait(commands::alerts::run(args, &data()?, printer)),
        Verb::Routes(args) => wait(commands::routes::run(args, &data()?, printer)),
        Verb::Sessions(args) => wait(commands::sessions::run(args, &data()?, printer)),
        Verb::Exchanges(args) => wait(commands::exchanges::run(args, &data()?, printer)),
        Verb::Show(args) => wait(commands::show::run(args, &data()?, printer)),
        Verb::Export(args) => wait(commands::export::run(args, &data()?, printer)),
        Verb::Replay(args) => wait(commands::replay::run(args, &data()?, printer)),
        Verb::Pin(args) => wait(commands::pin::pin(args, &data()?, printer)),
        Verb::Unpin(args) => wait(commands::pin::unpin(args, &data()?, printer)),
        Verb::Erase(args) => wait(commands::erase::run(args, &data()?, printer)),
        Verb::Backup(args) => commands::backup::run(&args, &data()?, printer),
        Verb::Console(args) => wait(commands::console::run(args, &data()?, printer)),
        Verb::Status(args) => wait(commands::status::run(args, &data()?, printer)),
        Verb::Certs(args) => commands::certs::run(args, &data()?, printer),
        Verb::Verify(args) => wait(commands::verify::run(args, &data()?, printer)),
        Verb::Scan(args) => {
            let rules = config::rules(everywhere, &config::environment)?;
            wait(commands::scan::run(args, &data()?, rules, printer))
        }
        Verb::Doctor(args) => {
            let settings = resolve(&args.settings, args.upstream.as_deref())?.settings()?;
            wait(commands::doctor::run(&settings, args.json, printer))
        }
        Verb::Config(args) => {
            commands::config::run(&args, &resolve(&args.settings, None)?, printer)
        }
        Verb::Completions(args) => commands::completions::run(&args, printer),
    }
}

/// Runs what waits for sockets on this thread.
fn wait(verb: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(verb)
}

/// A recorder runs for months and its threads are many: with huge pages each takes two megabytes for the
/// first byte, and gives none back. Reading verbs are done in a moment and gain by them.
fn keep_to_small_pages() {
    #[cfg(target_os = "linux")]
    // An old kernel that does not know this runs as well, with more memory.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

/// The log goes to standard error; `WAYSIDE_LOG` says how much of it.
fn listen_to_the_log(verb: &Verb) {
    let usual = match verb {
        Verb::Record(_) | Verb::Demo(_) => "info",
        _ => "error",
    };
    let filter = EnvFilter::try_from_env("WAYSIDE_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(Paint::on(&std::io::stderr()).coloured())
        .init();
}
