//! Bodies while they grow: what comes gathers until it is worth a piece of its own, within bounds.

use wayside_exchange::cause::chain;
use wayside_exchange::{ExchangeId, Half, Timestamp};
use wayside_identity::Ending;

use super::running::Running;
use super::{Desk, GATHERED, guarding};

/// Bytes of a body that came at once and are worth a piece of their own: they are copied once less.
const LONG_RUN: usize = 32 << 10;

impl Desk {
    /// Takes bytes of a body: a long run goes to the store at once, the others gather.
    pub(super) fn passed(
        &mut self,
        id: ExchangeId,
        half: Half,
        at: Option<Timestamp>,
        data: &[u8],
    ) {
        let Some(running) = self.running.get_mut(&id) else { return };
        running.look_at(half, &self.credentials);
        let kept = running.passed(half, at, data, self.options.body_limit);
        let data = data.get(..kept).unwrap_or_default();
        if half == Half::Request
            && let Some(named) = &mut running.named
        {
            self.credentials.read_name(named, data);
        }
        if running.is_plain(half) && running.gathered(half) == 0 && data.len() >= LONG_RUN {
            let written =
                guarding(&mut self.writing, || running.write_run(half, data, &mut self.writer));
            if let Err(error) = written {
                self.counts.problem(Some(chain(&error)));
            }
            return;
        }
        running.gather(half, data);
        self.gathered += data.len();
        if running.is_large(half) {
            self.take_out(id, |desk, running| desk.write_ahead(running, half, Ending::More));
        }
        if self.gathered > self.crowded {
            self.make_room();
        }
    }

    /// Writes what has gathered of a body ahead of its exchange's record. What cannot be told from
    /// what follows it stays.
    fn write_ahead(&mut self, running: &mut Running, half: Half, ending: Ending) {
        self.gathered = self.gathered.saturating_sub(running.gathered(half));
        running.settle(half, ending, &mut self.credentials);
        let written =
            guarding(&mut self.writing, || running.write_ahead(half, &mut self.writer, &self.key));
        if let Err(error) = written {
            self.counts.problem(Some(chain(&error)));
        }
        self.gathered += running.gathered(half);
    }

    /// Writes ahead whatever is worth it of an exchange.
    pub(super) fn write_ahead_of(&mut self, running: &mut Running, ending: Ending) {
        for half in [Half::Request, Half::Response] {
            if running.is_worth_writing(half) {
                self.write_ahead(running, half, ending);
            }
        }
    }

    /// Works on an exchange that goes on; should a fault of ours break that off, it is counted as lost.
    pub(super) fn take_out<T>(
        &mut self,
        id: ExchangeId,
        work: impl FnOnce(&mut Self, &mut Running) -> T,
    ) -> Option<T> {
        let mut running = self.running.remove(&id)?;
        self.in_hand = true;
        let result = work(self, &mut running);
        self.in_hand = false;
        self.running.insert(id, running);
        Some(result)
    }

    /// Many bodies that grow at once: writes ahead whatever is worth it.
    fn make_room(&mut self) {
        let ids: Vec<ExchangeId> = self.running.keys().copied().collect();
        for id in ids {
            self.take_out(id, |desk, running| desk.write_ahead_of(running, Ending::Crowded));
        }
        // What is left is many small ones; looking again at once would find the same.
        self.crowded = GATHERED.max(2 * self.gathered);
    }

    /// What has gathered of an exchange does no more.
    pub(super) fn forget_gathered(&mut self, running: &Running) {
        for half in [Half::Request, Half::Response] {
            self.gathered = self.gathered.saturating_sub(running.gathered(half));
        }
    }
}
