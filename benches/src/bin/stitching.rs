//! `stitching [--clients N] [--hours N]`: how many exchanges go to the client that sent them, beside the
//! rule that goes by the key, else by the address.

use std::error::Error;
use std::io::{Write as _, stdout};
use std::time::Instant;

use wayside_benches::identities::{Habit, Score, naive, score, stitched, traffic};

const SEED: u64 = 17;

fn main() -> Result<(), Box<dyn Error>> {
    let (mut clients, mut hours) = (300, 24);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or("usage: stitching [--clients N] [--hours N]")?;
        match word.as_str() {
            "--clients" => clients = value.parse()?,
            "--hours" => hours = value.parse()?,
            _ => return Err("usage: stitching [--clients N] [--hours N]".into()),
        }
    }
    let (mut all, mut all_naive, mut links, mut seconds) =
        (Score::default(), Score::default(), 0, 0.0);
    writeln!(stdout(), "{clients} clients of each habit over {hours} hours")?;
    writeln!(stdout(), "{:<44} {:>19} {:>19}", "", "stitched", "key or address")?;
    for (n, habit) in (0..).zip(Habit::ALL) {
        let events = traffic(habit, clients, hours, SEED + n);
        let before = Instant::now();
        let (names, found) = stitched(&events);
        seconds += before.elapsed().as_secs_f64();
        links += found.iter().count();
        let (ours, theirs) = (score(&events, &names), score(&events, &naive(&events)));
        say(habit.words(), ours, theirs)?;
        (all, all_naive) = (all.plus(ours), all_naive.plus(theirs));
    }
    say("all", all, all_naive)?;
    writeln!(
        stdout(),
        "{} exchanges, {links} links, {:.2} us an exchange (precision, then recall, in per cent)",
        all.exchanges,
        seconds * 1e6 / all.exchanges.max(1) as f64
    )?;
    Ok(())
}

fn say(what: &str, ours: Score, theirs: Score) -> std::io::Result<()> {
    let both = |score: Score| {
        format!("{:>7.2} {:>7.2}", score.precision() * 100.0, score.recall() * 100.0)
    };
    writeln!(stdout(), "{what:<44} {:>19} {:>19}", both(ours), both(theirs))
}
