//! `soak --minutes N`: the recorder under steady load for a long time, with a new client or path in nearly
//! every request; says whether memory or descriptors grow.
//!
//! First it drives as fast as it can for ten seconds, then at 70 % of that. It starts the `wayside` that lies
//! beside it, with a backend of its own, so one command shows the whole.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program of its own: it may wait, and what it prints is its result"
)]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

#[path = "soak/load.rs"]
mod load;
#[path = "soak/recorder.rs"]
mod recorder;

use load::{Load, backend};
use recorder::Recorder;

const CONNECTIONS: u64 = 16;
const PEAK: Duration = Duration::from_secs(10);
const SAMPLE: Duration = Duration::from_secs(5);
/// Growth of the memory over the run that is still none.
const DRIFT: f64 = 0.05;

fn main() -> Result<(), Box<dyn Error>> {
    let minutes = match &std::env::args().skip(1).collect::<Vec<_>>()[..] {
        [flag, minutes] if flag == "--minutes" => minutes.parse::<f64>()?,
        _ => return Err("usage: soak --minutes N".into()),
    };
    let upstream = backend()?;
    let recorder = Recorder::start(upstream)?;
    thread::sleep(Duration::from_secs(2));
    let idle = recorder.descriptors()?;

    let peak = drive(&recorder, PEAK, 0, |_| Ok(()))? as f64 / PEAK.as_secs_f64();
    let rate = (0.7 * peak) as u64;
    println!("peak {peak:.0} a second; now {rate} a second for {minutes} minutes");
    let mut samples = Vec::new();
    let length = Duration::from_secs_f64(60.0 * minutes);
    let done = drive(&recorder, length, rate, |recorder| {
        samples.push(recorder.resident()?);
        Ok(())
    })?;
    let left = settled(&recorder, idle)?;
    let status = recorder.status()?;

    // The first half of half an hour fills the windows of statistics, the second of which is 15 minutes long.
    let (early, late) = (median(&samples, 0.5, 2.0 / 3.0), median(&samples, 5.0 / 6.0, 1.0));
    let drift = late / early - 1.0;
    println!("{done} exchanges; status: {status}");
    println!(
        "memory {:.1} MB after half of the time, {:.1} MB at the end: {:+.1} %",
        early / 1e6,
        late / 1e6,
        100.0 * drift
    );
    println!("descriptors {idle} before, {left} after");
    if drift > DRIFT || left > idle {
        return Err("it grows".into());
    }
    Ok(())
}

/// The descriptors that are left once what idles is closed, or two minutes have passed.
fn settled(recorder: &Recorder, idle: usize) -> Result<usize, Box<dyn Error>> {
    let end = Instant::now() + Duration::from_mins(2);
    loop {
        let left = recorder.descriptors()?;
        if left <= idle || Instant::now() > end {
            return Ok(left);
        }
        thread::sleep(Duration::from_secs(1));
    }
}

/// Sends for `length`, `rate` requests a second over all connections or as many as go where it is zero; calls
/// `look` now and then. Says how many were answered.
fn drive(
    recorder: &Recorder,
    length: Duration,
    rate: u64,
    mut look: impl FnMut(&Recorder) -> Result<(), Box<dyn Error>>,
) -> Result<u64, Box<dyn Error>> {
    let answered = Arc::new(AtomicU64::new(0));
    let end = Instant::now() + length;
    let load = |connection| Load {
        to: recorder.address,
        connection,
        end,
        pause: (rate > 0).then(|| Duration::from_secs(1) * CONNECTIONS as u32 / rate as u32),
        answered: Arc::clone(&answered),
    };
    let loads: Vec<Load> = (0..CONNECTIONS).map(load).collect();
    let running: Vec<_> = loads.into_iter().map(|load| thread::spawn(move || load.run())).collect();
    while Instant::now() + SAMPLE < end {
        thread::sleep(SAMPLE);
        look(recorder)?;
    }
    for load in running {
        load.join().map_err(|_| "a connection's thread ended badly")??;
    }
    Ok(answered.load(Relaxed))
}

/// The median of the part of `samples` between two shares of it.
fn median(samples: &[u64], from: f64, to: f64) -> f64 {
    let place = |share: f64| (share * samples.len() as f64) as usize;
    let mut part = samples.get(place(from)..place(to)).unwrap_or_default().to_vec();
    part.sort_unstable();
    part.get(part.len() / 2).map_or(f64::NAN, |&bytes| bytes as f64)
}
