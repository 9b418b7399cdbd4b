//! `outliers [--minutes N]`: what the comparison finds in worlds with known truth, beside naive rules.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{Write as _, stdout};

use wayside_analytics::Thresholds;
use wayside_analytics::outlier::{Observation, Rules, compare};
use wayside_analytics::windows::{Pouch, Windows};
use wayside_benches::exchange::blank;
use wayside_benches::world::{Trouble, World};
use wayside_exchange::{ExchangeId, Micros, Outcome, Timestamp};

const CLIENTS: u32 = 1000;
const WORLDS: u64 = 50;
const BEGIN: Timestamp = Timestamp(1_790_812_800_000_000);

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let minutes: u64 = match (words.next().as_deref(), words.next()) {
        (None, _) => 60,
        (Some("--minutes"), Some(number)) => number.parse()?,
        _ => return Err("usage: outliers [--minutes N]".into()),
    };
    writeln!(stdout(), "{CLIENTS} clients, each world with other ones; {WORLDS} worlds a row")?;
    let found = [
        ("nothing is wrong with anybody", Trouble::None, 0),
        ("one waits 1.5 times as long", Trouble::Slower(1.5), 1),
        ("five wait 1.5 times as long", Trouble::Slower(1.5), 5),
        ("one waits 3 times as long", Trouble::Slower(3.0), 1),
        ("one gets 10 % more 4xx", Trouble::Failing(0.1), 1),
        ("fifty call the slow route", Trouble::None, 50),
    ];
    for (what, trouble, count) in found {
        let mut table = Table::default();
        for seed in 0..WORLDS {
            world(seed + 1, trouble, count, &mut table);
        }
        table.say(what, count as u64 * WORLDS, trouble == Trouble::None)?;
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
            let found = if nothing { "-".to_owned() } else { format!("{right}/{troubled}") };
            write!(stdout(), " | {rule}: found {found}, false {wrong}")?;
        }
        writeln!(stdout())
    }
}

/// One world; every client makes 200 requests.
fn world(seed: u64, trouble: Trouble, count: usize, table: &mut Table) {
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
    let naive = Naive::of(&observations);
    let rules = Rules::default();
    let called = compare(observations)
        .into_iter()
        .filter(|one| one.is_outlier(&rules))
        .map(|one| one.client)
        .collect();
    table.add(0, &called, &truth);
    let errors = matches!(trouble, Trouble::Failing(_));
    table.add(1, &naive.beyond_sigma(errors), &truth);
    table.add(2, &naive.over(errors), &truth);
}

/// Average latency in milliseconds and share of errors of each client.
struct Naive(Vec<(f64, f64)>);

impl Naive {
    fn of(observations: &[Observation]) -> Self {
        let mut sums = vec![(0.0, 0.0, 0.0); CLIENTS as usize];
        for one in observations {
            if let Some((us, errors, requests)) = sums.get_mut(one.client as usize) {
                *us += one.cell.sum_us as f64;
                *errors += f64::from(one.cell.errors_4xx + one.cell.errors_5xx);
                *requests += f64::from(one.cell.requests);
            }
        }
        Self(
            sums.iter()
                .map(|(us, errors, requests)| (us / requests / 1e3, errors / requests))
                .collect(),
        )
    }

    fn beyond_sigma(&self, errors: bool) -> BTreeSet<u32> {
        let figures: Vec<f64> =
            self.0.iter().map(|one| if errors { one.1 } else { one.0 }).collect();
        let count = figures.len() as f64;
        let mean = figures.iter().sum::<f64>() / count;
        let sigma = (figures.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / count).sqrt();
        called(figures.iter().map(|figure| *figure > mean + 1.9 * sigma))
    }

    fn over(&self, errors: bool) -> BTreeSet<u32> {
        called(self.0.iter().map(|one| if errors { one.1 > 0.05 } else { one.0 > 500.0 }))
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
