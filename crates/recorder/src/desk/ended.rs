//! What ended within one batch. Each step is taken for all of them before the next one is: the code of all
//! steps together is more than a processor's first cache holds, and would be fetched anew for each exchange.

use super::Desk;
use super::running::Running;
use super::writing::{Bodies, Draft};

/// An exchange that has ended and is to be written.
#[derive(Debug)]
pub(super) struct Ended {
    running: Running,
    /// None until they are searched.
    bodies: Option<Bodies>,
    /// None until it is made.
    draft: Option<Draft>,
}

impl Ended {
    pub(super) fn new(running: Running) -> Self {
        Self { running, bodies: None, draft: None }
    }
}

impl Desk {
    /// Writes what has ended. A fault of ours costs the exchange that it happened in, and is counted.
    pub(super) fn write_ended(&mut self) {
        let mut ended = std::mem::take(&mut self.ended);
        self.each(&mut ended, |desk, one| {
            desk.forget_gathered(&one.running);
            one.bodies = Some(desk.bodies(&mut one.running, false));
        });
        self.each(&mut ended, |desk, one| {
            if one.bodies.is_some() {
                one.draft = Some(desk.draft(&mut one.running, false));
            }
        });
        let mut written = 0;
        self.each(&mut ended, |desk, one| {
            if let (Some(bodies), Some(draft)) = (&one.bodies, one.draft.take()) {
                desk.write_with(&one.running, bodies, draft, false);
                written += 1;
            }
        });
        for _ in written..ended.len() {
            self.counts.lose("fault");
        }
        self.guarded(Self::tell);
        for one in ended.drain(..) {
            self.spare(one.running);
        }
        self.ended = ended;
    }

    /// Takes a step for each exchange, until what the store has in memory is in doubt.
    fn each(&mut self, ended: &mut [Ended], mut step: impl FnMut(&mut Self, &mut Ended)) {
        for one in ended {
            if !self.is_in_doubt() {
                self.guarded(|desk| step(desk, one));
            }
        }
    }
}
