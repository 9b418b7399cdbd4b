//! `fill --data DIR --exchanges N`: writes a made-up history into a store, as a recorder would.

use std::error::Error;
use std::path::PathBuf;

use wayside_benches::History;
use wayside_store::{Durability, Options, Store};

const USAGE: &str = "usage: fill --data DIR [--exchanges N]";
/// A recorder's clock goes on meanwhile: what waits is written each so many exchanges.
const TICK: u64 = 4096;

fn main() -> Result<(), Box<dyn Error>> {
    let (data, exchanges) = asked()?;
    let options = Options { durability: Durability::Process, ..Options::default() };
    let (_store, mut writer, recovery) = Store::open(&data, options)?;
    if recovery.stored > 0 {
        return Err(format!("there are exchanges in `{}` already", data.display()).into());
    }
    let mut history = History::new(exchanges / 3);
    let mut rare = None;
    for n in 0..exchanges {
        let Some(made) = history.advance() else { break };
        made.with_record(|record| writer.append(record))?;
        if n == exchanges / 3 {
            rare = Some((made.summary.id, made.summary.client.clone()));
        }
        if n % TICK == 0 {
            writer.tick(made.summary.started_at)?;
        }
    }
    writer.close()?;
    if let Some((id, client)) = rare {
        eprintln!("the rare word stands in {id} of {client}");
    }
    Ok(())
}

fn asked() -> Result<(PathBuf, u64), Box<dyn Error>> {
    let (mut data, mut exchanges) = (None, 1_000_000);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or(USAGE)?;
        match word.as_str() {
            "--data" => data = Some(PathBuf::from(value)),
            "--exchanges" => exchanges = value.parse()?,
            _ => return Err(USAGE.into()),
        }
    }
    Ok((data.ok_or(USAGE)?, exchanges))
}
