//! `wayside console`: opens the console of the running recorder in a browser.
//!
//! The browser gets a link that opens once: the arguments of a program are no place for a token, since
//! every user of the machine can read them.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use wayside_console::{ConsoleError, ConsoleLink};
use wayside_store::Location;

use crate::args::ConsoleArgs;
use crate::exit::Exit;
use crate::report::printer::Printer;
use crate::report::trouble::Trouble;
use crate::source::{self, Question, Source};

/// How long the opener is watched for a failure: it may stay for as long as the browser.
const WATCHED: Duration = Duration::from_secs(2);

/// Opens it, or prints its link.
pub async fn run(
    args: ConsoleArgs,
    data: &Location,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    source::expect_recording(data)?;
    let source = Source::open(data).await?;
    if !source.recorder_runs() {
        let said = format!("no recorder runs on `{}`, so there is no console", data.display());
        return Err(Trouble::failed(said).hint("start one with `wayside record UPSTREAM`").into());
    }
    if args.print {
        printer.line(link(&source, "/control/link").await?)?;
        return Ok(Exit::Done);
    }
    let url = link(&source, "/control/link?once=1").await?;
    let opener = opener();
    let shown = match start(&opener, &url) {
        Ok(child) => went_well(child).await,
        Err(_) => false,
    };
    if !shown {
        return Err(Trouble::failed(format!("could not open a browser with `{opener}`"))
            .hint("name one in BROWSER, or open the link of `wayside console --print` yourself")
            .into());
    }
    printer.say("opened the console in a browser");
    Ok(Exit::Done)
}

async fn link(source: &Source, path: &str) -> anyhow::Result<String> {
    let answer = source.ask(&Question::at(path)).await?.bytes().await?;
    let link: ConsoleLink = serde_json::from_slice(&answer).map_err(ConsoleError::NotUnderstood)?;
    Ok(link.url)
}

/// What opens links here: the program that BROWSER names first, else the desktop's own.
fn opener() -> String {
    let named = std::env::var("BROWSER").unwrap_or_default();
    let usual = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let first = named.split(':').next().unwrap_or_default().trim();
    if first.is_empty() { usual.to_owned() } else { first.to_owned() }
}

fn start(opener: &str, url: &str) -> std::io::Result<Child> {
    let (nothing, out, words) = (Stdio::null(), Stdio::null(), Stdio::null());
    Command::new(opener).arg(url).stdin(nothing).stdout(out).stderr(words).spawn()
}

/// Whether the opener has ended well, or goes on.
async fn went_well(mut opener: Child) -> bool {
    let pause = Duration::from_millis(20);
    for _ in 0..WATCHED.as_millis() / pause.as_millis() {
        match opener.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => tokio::time::sleep(pause).await,
            Err(_) => return false,
        }
    }
    true
}
