//! `wayside doctor`: what is wrong with the set-up, and what to do about it.

mod checks;

use std::fmt::Write as _;

use serde::Serialize;
use wayside_exchange::escape::for_terminal;

use crate::config::Settings;
use crate::exit::Exit;
use crate::report::paint::{Paint, Tone};
use crate::report::printer::Printer;
use crate::source;

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    #[serde(rename = "check")]
    about: &'static str,
    verdict: Verdict,
    what: String,
    #[serde(rename = "hint")]
    to_do: Option<String>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Verdict {
    #[serde(rename = "ok")]
    Well,
    #[serde(rename = "warn")]
    Doubtful,
    #[serde(rename = "fail")]
    Wrong,
}

/// Checks everything, a line each; what is wrong makes the exit code 1.
pub async fn run(settings: &Settings, json: bool, printer: &mut Printer) -> anyhow::Result<Exit> {
    let running = source::recorder_runs(&settings.data).await;
    let mut findings = vec![checks::recorder(&settings.data, running)];
    findings.extend(checks::data_folder(&settings.data));
    findings.push(checks::disk(&settings.data));
    if !running {
        findings.extend(checks::ports(settings));
    }
    findings.push(checks::backend(settings).await);
    findings.extend(checks::certificates(settings));
    findings.push(checks::clock());
    findings.push(checks::open_files(settings.max_connections as u64));
    for finding in &findings {
        if json {
            printer.json(finding)?;
        } else {
            printer.text(&finding.lines(printer.paint))?;
        }
    }
    let wrong = findings.iter().any(|finding| finding.verdict == Verdict::Wrong);
    Ok(if wrong { Exit::Differs } else { Exit::Done })
}

impl Finding {
    fn well(about: &'static str, what: impl Into<String>) -> Self {
        Self { about, verdict: Verdict::Well, what: what.into(), to_do: None }
    }

    fn doubtful(about: &'static str, what: impl Into<String>, to_do: impl Into<String>) -> Self {
        let (what, to_do) = (what.into(), Some(to_do.into()));
        Self { about, verdict: Verdict::Doubtful, what, to_do }
    }

    fn wrong(about: &'static str, what: impl Into<String>, to_do: impl Into<String>) -> Self {
        let (what, to_do) = (what.into(), Some(to_do.into()));
        Self { about, verdict: Verdict::Wrong, what, to_do }
    }

    fn lines(&self, paint: Paint) -> String {
        let word = match self.verdict {
            Verdict::Well => paint.tone(Tone::Good, "ok  "),
            Verdict::Doubtful => paint.tone(Tone::Warning, "warn"),
            Verdict::Wrong => paint.tone(Tone::Bad, "fail"),
        };
        let mut lines = format!("{word}  {:<12}  {}\n", self.about, for_terminal(&self.what));
        if let Some(to_do) = &self.to_do {
            let _ = writeln!(lines, "      {:<12}  hint: {}", "", for_terminal(to_do));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_says_what_is_wrong_and_what_to_do() {
        let finding = Finding::wrong("listen", "`127.0.0.1:8443` is taken", "use `--listen ADDR`");
        assert_eq!(
            finding.lines(Paint::plain()),
            "fail  listen        `127.0.0.1:8443` is taken\n                    hint: use `--listen ADDR`\n"
        );
    }
}
