//! Runs a plan: keeps the schedule, sends, compares, and hands over each result as it comes.
//!
//! Everything runs inside one future: dropping it ends the replay and closes every connection.

mod drive;
mod judge;
mod tally;

use std::sync::Arc;

use tokio::sync::Semaphore;
use wayside_store::Store;

use crate::plan::Plan;
use crate::report::{Compared, Totals};
use crate::schedule::Schedule;
use crate::send::Sender;
use crate::{Options, ReplayError};
use judge::Judge;
use tally::Tally;

/// How many comparisons run at once: each may hold two long bodies.
const COMPARING: usize = 2;

/// Sends what `plan` says and compares. `each` gets every exchange, the skipped ones too, as soon
/// as it is known how it compares.
///
/// # Errors
/// When nothing can be sent at all. What goes wrong with one exchange is its result.
pub async fn run(
    store: &Store,
    plan: &Plan,
    options: &Options,
    mut each: impl FnMut(&Compared),
) -> Result<Totals, ReplayError> {
    let sender = Sender::new(store, plan, options)?;
    let judge = Judge { store: store.clone(), options: Arc::new(options.clone()) };
    let comparing = Semaphore::new(COMPARING);
    let places = plan.steps.iter().map(|step| step.place).collect();
    let mut schedule = Schedule::new(places, options.pace);
    let mut tally = Tally::default();
    let mut skipped = plan.skipped.iter().peekable();
    let began = tokio::time::Instant::now();
    drive::drive(
        &mut schedule,
        options.concurrency.max(1),
        async |step: usize, due| {
            let step = plan.steps.get(step)?;
            Some((step, sender.send(step, due).await))
        },
        async |sent| {
            let (step, sent) = sent?;
            // The semaphore is never closed; were it, comparing without it would still be right.
            let _one_of_few = comparing.acquire().await.ok();
            Some(judge.compare(step, sent).await)
        },
        |compared: Option<Compared>| {
            let Some(compared) = compared else { return };
            while let Some(earlier) = skipped.next_if(|skipped| skipped.id < compared.id) {
                let line = earlier.compared();
                tally.add(&line);
                each(&line);
            }
            tally.add(&compared);
            each(&compared);
        },
    )
    .await;
    for skipped in skipped {
        let line = skipped.compared();
        tally.add(&line);
        each(&line);
    }
    Ok(tally.totals(began.elapsed()))
}
