//! `outliers [--worlds N] [--minutes N] [--missed]`: what the comparison finds in worlds with known truth, beside naive rules.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{Write as _, stdout};

use wayside_analytics::Thresholds;
use wayside_analytics::outlier::{Comparison, Observation, Rules, compare};
use wayside_analytics::windows::{Pouch, Windows};
use wayside_benches::exchange::blank;
use wayside_benches::world::{Trouble, World};
use wayside_exchange::{ExchangeId, Micros, Outcome, Timestamp};

const CLIENTS: u32 = 1000;
const BEGIN: Timestamp = Timestamp(1_790_812_800_000_000);

/// What was asked for.
#[derive(Clone, Copy)]
struct Asked {
    worlds: u64,
    minutes: u64,
    /// Whether what was missed, and what was called wrongly, is told one by one.
    missed: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut asked = Asked { worlds: 200, minutes: 60, missed: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next().unwrap_or_default().parse();
        match word.as_str() {
            "--worlds" => asked.worlds = number()?,
            "--minutes" => asked.minutes = number()?,
            "--missed" => asked.missed = true,
            _ => return Err("usage: outliers [--worlds N] [--minutes N] [--missed]".into()),
        }
    }
    let Asked { worlds, minutes, .. } = asked;
    writeln!(stdout(), "{CLIENTS} clients, each world with other ones; {worlds} worlds a row")?;
    let found = [
        ("nothing is wrong with anybody", Trouble::None, 0),
        ("one waits 1.5 times as long", Trouble::Slower(1.5), 1),
        ("five wait 1.5 times as long", Trouble::Slower(1.5), 5),
        ("one waits 3 times as long", Trouble::Slower(3.0), 1),
        ("one gets 10 % more 4xx", Trouble::Failing(0.1), 1),
        ("one gives up 10 % more", Trouble::GivingUp(0.1), 1),
        ("fifty call the slow route", Trouble::None, 50),
    ];
    for (what, trouble, count) in found {
        let mut table = Table::default();
        for seed in 0..worlds {
            world(seed + 1, trouble, count, &mut table, asked.missed)?;
        }
        table.say(what, count as u64 * worlds, trouble == Trouble::None)?;
    }
    let (false_ones, exchanges) = live(minutes);
    writeln!(
        stdout(),
        "live, {minutes} minutes, {exchanges} exchanges, two spells of a backend 2 times as slow, judged \
         every 5 s: {false_ones} false verdicts"
    )?;
    Ok(())
}

/// Right and wrong calls: of the comparison, of mean + 1.9 sigma, of a fixed threshold.
#[derive(Default)]
struct Table([(u64, u64); 3]);

impl Table {
    fn add(&mut self, rule: usize, called: &BTreeSet<u32>, truth: &BTreeSet<u32>) {
        if let Some((right, wrong)) = self.0.get_mut(rule) {
            *right += called.intersection(truth).count() as u64;
            *wrong += called.difference(truth).count() as u64;
        }
    }

    fn say(&self, what: &str, troubled: u64, nothing: bool) -> std::io::Result<()> {
        write!(stdout(), "{what:<32}")?;
        for ((right, wrong), rule) in
            self.0.iter().zip(["wayside", "mean + 1.9 sigma", "500 ms or 5 %"])
        {
            let found = if nothing {
                "-".to_owned()
            } else {
                let (low, high) = interval(*right as f64, troubled as f64);
                format!("{right}/{troubled} ({:.1} to {:.1} %)", low * 100.0, high * 100.0)
            };
            write!(stdout(), " | {rule}: found {found}, false {wrong}")?;
        }
        writeln!(stdout())
    }
}

/// Wilson's interval of a share, 95 %.
fn interval(right: f64, of: f64) -> (f64, f64) {
    const Z: f64 = 1.96;
    let (share, more) = (right / of, Z * Z / of);
    let middle = share + more / 2.0;
    let around = (share * (1.0 - share) * more + more * more / 4.0).sqrt();
    ((middle - around) / (1.0 + more), (middle + around) / (1.0 + more))
}

/// One world; every client makes 200 requests.
fn world(
    seed: u64,
    trouble: Trouble,
    count: usize,
    table: &mut Table,
    missed: bool,
) -> std::io::Result<()> {
    let mut world = World::new(CLIENTS, seed * 7919);
    let truth: BTreeSet<u32> = match trouble {
        Trouble::None => {
            (0..count).for_each(|client| world.call_slow_routes(client));
            BTreeSet::new()
        }
        _ => (0..count as u32).collect(),
    };
    let mut observations: Vec<Observation> = Vec::new();
    for client in 0..CLIENTS {
        let trouble = if truth.contains(&client) { trouble } else { Trouble::None };
        observations.extend(world.observe(client as usize, 200, trouble));
    }
    let figure = match trouble {
        Trouble::Failing(_) => Figure::Errors,
        Trouble::GivingUp(_) => Figure::GivenUp,
        Trouble::None | Trouble::Slower(_) => Figure::Latency,
    };
    let naive = Naive::of(&observations, figure);
    let rules = Rules::default();
    let compared = compare(observations);
    let called: BTreeSet<u32> =
        compared.iter().filter(|one| one.is_outlier(&rules)).map(|one| one.client).collect();
    if missed {
        for client in called.symmetric_difference(&truth) {
            say_missed(seed, *client, truth.contains(client), &compared)?;
        }
    }
    table.add(0, &called, &truth);
    table.add(1, &naive.beyond_sigma(), &truth);
    table.add(2, &naive.over(), &truth);
    Ok(())
}

/// What is known of a client that was called wrongly; nothing where chance explains all of it.
fn say_missed(seed: u64, client: u32, was: bool, all: &[Comparison]) -> std::io::Result<()> {
    let what = if was { "missed" } else { "wrongly called" };
    writeln!(stdout(), "  world {seed}: client {client} {what}")?;
    for one in all.iter().filter(|one| one.client == client) {
        let Comparison { kind, figure, baseline, effect, chance, false_discoveries, .. } = one;
        writeln!(
            stdout(),
            "    {kind:?}: {figure:.4} where peers have {baseline:.4}, {effect:.2} times; chance \
             {chance:.1e}, false {false_discoveries:.1e}"
        )?;
    }
    Ok(())
}

/// What the simple rules look at.
#[derive(Clone, Copy, PartialEq)]
enum Figure {
    /// Average latency in milliseconds.
    Latency,
    /// Share of errors.
    Errors,
    /// Share of requests given up.
    GivenUp,
}

/// That figure of each client.
struct Naive(Figure, Vec<f64>);

impl Naive {
    fn of(observations: &[Observation], figure: Figure) -> Self {
        let mut sums = vec![(0.0, 0.0); CLIENTS as usize];
        for one in observations {
            if let Some((sum, requests)) = sums.get_mut(one.client as usize) {
                let cell = &one.cell;
                *sum += match figure {
                    Figure::Latency => cell.sum_us as f64 / 1e3,
                    Figure::Errors => f64::from(cell.errors_4xx + cell.errors_5xx),
                    Figure::GivenUp => f64::from(cell.cancelled),
                };
                *requests += f64::from(cell.requests);
            }
        }
        Self(figure, sums.iter().map(|(sum, requests)| sum / requests).collect())
    }

    fn beyond_sigma(&self) -> BTreeSet<u32> {
        let figures = &self.1;
        let count = figures.len() as f64;
        let mean = figures.iter().sum::<f64>() / count;
        let sigma = (figures.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / count).sqrt();
        called(figures.iter().map(|figure| *figure > mean + 1.9 * sigma))
    }

    fn over(&self) -> BTreeSet<u32> {
        let most = if self.0 == Figure::Latency { 500.0 } else { 0.05 };
        called(self.1.iter().map(|one| *one > most))
    }
}

fn called(calls: impl Iterator<Item = bool>) -> BTreeSet<u32> {
    calls.zip(0..).filter(|(call, _)| *call).map(|(_, client)| client).collect()
}

/// An hour of the sliding windows with nothing wrong: false verdicts, and exchanges.
fn live(minutes: u64) -> (usize, u64) {
    let mut world = World::new(CLIENTS, 20_261_127);
    let mut windows = Windows::new(Thresholds::default());
    let mut row = blank();
    let mut said: BTreeSet<(String, String)> = BTreeSet::new();
    let mut exchanges = 0;
    for step in 0..minutes * 12 {
        let minute = step / 12;
        // Spells in which everything takes twice as long.
        let load = if minute % 30 / 4 == 3 { 2.0 } else { 1.0 };
        let now = BEGIN.plus(Micros(step * 5_000_000));
        let mut pouch = Pouch::default();
        for client in 0..CLIENTS as usize {
            let pace = world.clients.get(client).map_or(0.0, |client| client.pace * 5.0);
            let mut due = pace.floor() as u64;
            due += u64::from(wayside_benches::world::even(&mut world.chance) < pace.fract());
            for _ in 0..due {
                let Some(made) = world.request(client, load, Trouble::None) else { continue };
                exchanges += 1;
                (row.id, row.started_at) = (ExchangeId::floor(now), now);
                row.client = format!("key:{client:04}");
                "GET".clone_into(&mut row.method);
                row.route = format!("GET /{}", made.route);
                row.status = made.status;
                row.outcome = if made.status.is_some() {
                    Outcome::Complete
                } else {
                    Outcome::ClientCancelled
                };
                row.timing.total = Micros((made.ms * 1000.0) as u64);
                pouch.add(&row.glance());
            }
        }
        windows.take(pouch, now);
        for view in windows.judge(now) {
            if view.verdict.kind != "threshold" {
                said.insert((view.client, view.verdict.kind));
            }
        }
    }
    (said.len(), exchanges)
}
