//! `wayside replay`: sends recorded exchanges again and says what differs.

mod target;

use std::sync::Arc;

use wayside_exchange::escape::for_terminal;
use wayside_replay::{Compared, Options, Pace, Plan, Totals};
use wayside_store::Location;
use wayside_transport::client_tls::UpstreamTrust;
use wayside_transport::dial::Upstream;

use super::selection;
use crate::args::{ReplayArgs, ReplayPace};
use crate::exit::Exit;
use crate::report::figures::{count, counted, milliseconds, size};
use crate::report::paint::{Paint, Tone};
use crate::report::printer::{Closed, Printer};
use crate::report::progress;
use crate::report::table::{Cell, Column, Table};
use crate::report::trouble::Trouble;
use crate::sealed;
use crate::source::{self, Source};

/// Replays, or prints what it would do.
pub async fn run(args: ReplayArgs, data: &Location, printer: &mut Printer) -> anyhow::Result<Exit> {
    let mut options = options(&args, data)?;
    let source = Source::open(data).await?;
    options.fence = target::fence(&source, args.allow_link_local).await?;
    target::refuse(&options).await?;
    let ids = selection::exchanges(&source, &args.selection, data).await?;
    let store = source::store(data)?;
    let plan = Plan::of(&store, &ids, &options)?;
    if args.dry_run {
        print_plan(&plan, args.json, printer)?;
        return Ok(Exit::Done);
    }
    if args.insecure {
        printer.say(
            "warning: accepting any certificate; anyone in between can read and change everything",
        );
    }
    let bar = progress::bar(plan.steps.len() as u64, "exchanges sent", false);
    // What can no longer be printed must not stop the sending half way through a journey.
    let mut shown: anyhow::Result<()> = Ok(());
    let totals = wayside_replay::run(&store, &plan, &options, |compared| {
        if compared.sent {
            bar.inc(1);
        }
        if shown.is_ok() {
            shown = bar.suspend(|| print_compared(compared, args.json, printer));
        }
    })
    .await?;
    bar.finish_and_clear();
    match shown {
        Err(error) if !error.is::<Closed>() => return Err(error),
        _ => {}
    }
    print_totals(&totals, args.json, printer)?;
    if totals.sent == 0 && totals.planned > 0 {
        return Err(Trouble::failed("nothing was sent, so nothing was compared").into());
    }
    Ok(if totals.any_difference() { Exit::Differs } else { Exit::Done })
}

fn options(args: &ReplayArgs, data: &Location) -> anyhow::Result<Options> {
    let target = Upstream::parse(&args.to).map_err(|error| {
        let trouble = Trouble::misused("wrong value in flag `--to`").cause(error.to_string());
        trouble.hint("write it as `http://127.0.0.1:3000` or `https://staging.example.com`")
    })?;
    let mut options = Options::to(target);
    options.trust = match (&args.ca, args.insecure) {
        (Some(path), _) => UpstreamTrust::Authority(path.clone()),
        (None, true) => UpstreamTrust::Insecure,
        (None, false) => UpstreamTrust::System,
    };
    options.pace = match args.pace {
        ReplayPace::Recorded => Pace::Recorded,
        ReplayPace::Times(factor) => Pace::Times(factor),
        ReplayPace::Max => Pace::Max,
    };
    options.allow_writes = args.allow_writes;
    options.timeout = args.timeout;
    options.with_credentials = args.with_credentials;
    options.credentials_to.clone_from(&args.credentials_to);
    if args.with_credentials {
        options.sealing_key = Some(Arc::new(sealed::key(data)?));
    }
    options.comparing_key = sealed::key_at_hand(data)?.map(Arc::new);
    Ok(options)
}

fn print_plan(plan: &Plan, json: bool, printer: &mut Printer) -> anyhow::Result<()> {
    if json {
        return printer.json(plan);
    }
    let mut table = Table::new(vec![
        Column::text("id", 0),
        Column::wide("request", 1, 16),
        Column::figure("body", 3),
        Column::wide("what happens", 1, 16),
    ]);
    for step in &plan.steps {
        let sent = match (step.with_credentials, step.withheld.as_slice()) {
            (true, _) => "would be sent with its credentials".to_owned(),
            (false, []) => "would be sent".to_owned(),
            (false, withheld) => format!("would be sent without {}", withheld.join(", ")),
        };
        table.row(vec![
            Cell::plain(step.id.to_string()),
            Cell::plain(for_terminal(&format!("{} {}", step.method, step.url))),
            Cell::plain(size(step.request_bytes)),
            Cell(for_terminal(&sent).into_owned(), Tone::Good),
        ]);
    }
    for skipped in &plan.skipped {
        table.row(vec![
            Cell::plain(skipped.id.to_string()),
            Cell::plain(for_terminal(&format!("{} {}", skipped.method, skipped.url))),
            Cell::plain(""),
            Cell(format!("skipped: {}", skipped.reason), Tone::Warning),
        ]);
    }
    for line in table.lines(printer.width, printer.paint) {
        printer.line(line)?;
    }
    printer.say(format!(
        "{} would be sent, {} skipped; nothing was sent",
        counted(plan.steps.len() as u64, "exchange"),
        count(plan.skipped.len() as u64)
    ));
    Ok(())
}

fn print_compared(compared: &Compared, json: bool, printer: &mut Printer) -> anyhow::Result<()> {
    if json {
        printer.json(compared)?;
    } else {
        printer.text(&described(compared, printer.paint))?;
    }
    printer.flush()
}

/// A comparison in a line, and a line more for each difference.
fn described(compared: &Compared, paint: Paint) -> String {
    let status = |status: Option<u16>| status.map_or("no answer".to_owned(), |s| s.to_string());
    let request = for_terminal(&format!("{} {}", compared.method, compared.url)).into_owned();
    let id = compared.id;
    let mut text = match (&compared.replayed, compared.skipped) {
        (Some(replayed), _) => {
            let (word, tone) = match (compared.same, compared.failed()) {
                (true, _) => ("same", Tone::Good),
                (false, true) => ("failed", Tone::Bad),
                (false, false) => ("differs", Tone::Warning),
            };
            let answer = match (compared.recorded.status, replayed.status) {
                (before, now) if before == now => status(now),
                (before, now) => format!("{} -> {}", status(before), status(now)),
            };
            let word = paint.tone(tone, &format!("{word:<7}"));
            let before = milliseconds(compared.recorded.latency_ms);
            // How long it took to fail says nothing about how fast it answers.
            let latency = match replayed.error {
                None => format!(", {before} -> {}", milliseconds(replayed.latency_ms)),
                Some(_) => String::new(),
            };
            format!("{word}  {id}  {request}  {answer}{latency}\n")
        }
        (None, Some(reason)) => {
            let word = paint.faint("skipped");
            format!("{word}  {id}  {request}  {reason}\n")
        }
        (None, None) => format!("{}  {id}  {request}\n", paint.faint("skipped")),
    };
    let mut detail = |detail: &str| {
        text.push_str("         ");
        text.push_str(&for_terminal(detail));
        text.push('\n');
    };
    for difference in &compared.differences {
        detail(&difference.to_string());
    }
    if compared.more > 0 {
        detail(&format!("and {}", counted(compared.more, "more difference")));
    }
    for note in &compared.notes {
        detail(&format!("note: {note}"));
    }
    text
}

fn print_totals(totals: &Totals, json: bool, printer: &mut Printer) -> anyhow::Result<()> {
    if json {
        return printer.json(totals);
    }
    printer.line("")?;
    printer.line(format_args!(
        "{} sent in {}: {} the same, {} different, {} failed",
        counted(totals.sent, "exchange"),
        milliseconds(totals.elapsed_ms),
        count(totals.same),
        count(totals.different),
        count(totals.failed)
    ))?;
    if totals.sent > totals.failed {
        printer.line(format_args!(
            "latency p50 {} -> {}, p95 {} -> {} (recorded -> replayed)",
            milliseconds(totals.recorded_p50_ms),
            milliseconds(totals.replayed_p50_ms),
            milliseconds(totals.recorded_p95_ms),
            milliseconds(totals.replayed_p95_ms)
        ))?;
    }
    for (reason, number) in &totals.skipped_because {
        printer.line(format_args!("{} skipped: {reason}", count(*number)))?;
    }
    if totals.skipped_because.contains_key(&wayside_replay::SkipReason::Write) {
        printer.say("to send what may change something as well: `--allow-writes`");
    }
    Ok(())
}
