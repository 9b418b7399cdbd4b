//! What ended within one batch. Each step is taken for all of them before the next one is: the code of all
//! steps together is more than a processor's first cache holds, and would be fetched anew for each exchange.

use super::Desk;
use super::running::Running;
use super::writing::Bodies;

/// An exchange that has ended and is to be written.
#[derive(Debug)]
pub(super) struct Ended {
    running: Running,
    /// None until they are searched.
    bodies: Option<Bodies>,
}

impl Ended {
    pub(super) fn new(running: Running) -> Self {
        Self { running, bodies: None }
    }
}

impl Desk {
    /// Writes what has ended. A fault of ours costs the exchange that it happened in, and is counted.
    pub(super) fn write_ended(&mut self) {
        let mut ended = std::mem::take(&mut self.ended);
        for Ended { running, bodies } in &mut ended {
            if !self.is_in_doubt() {
                self.guarded(|desk| {
                    desk.forget_gathered(running);
                    *bodies = Some(desk.bodies(running, false));
                });
            }
        }
        for Ended { mut running, bodies } in ended.drain(..) {
            let bodies = bodies.filter(|_| !self.is_in_doubt());
            let write =
                |bodies| self.guarded(|desk| _ = desk.write_with(&mut running, &bodies, false));
            if bodies.is_some_and(write) {
                self.spare(running);
            } else {
                self.counts.lose("fault");
            }
        }
        self.guarded(Self::tell);
        self.ended = ended;
    }
}
