//! Where time went, split so that the parts add up: the client's upload, our own work, reaching the backend,
//! waiting for it, and the download.
//!
//! What is recorded may overlap: an upload goes on while the backend is waited for. Here every moment counts
//! once, for who could have ended it: until the request is whole the backend cannot answer.

use wayside_exchange::Timing;
use wayside_exchange::view::TimeView;

/// A part that has at least this share of what is too much explains it.
const DOMINANT: f64 = 0.6;

/// A part of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Upload,
    Ours,
    Connect,
    Wait,
    Download,
}

/// Microseconds of each part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Blame {
    upload: u64,
    ours: u64,
    connect: u64,
    pub(crate) wait: u64,
    download: u64,
}

impl Part {
    pub(crate) const ALL: [Part; 5] =
        [Part::Upload, Part::Ours, Part::Connect, Part::Wait, Part::Download];

    /// As it stands in a sentence: most of it ...
    pub(crate) fn words(self) -> &'static str {
        match self {
            Part::Upload => "while uploading",
            Part::Ours => "in Wayside itself",
            Part::Connect => "while the backend is connected to",
            Part::Wait => "waiting for the backend",
            Part::Download => "while downloading",
        }
    }
}

impl Blame {
    /// The split of one exchange.
    pub(crate) fn of(timing: &Timing) -> Self {
        let total = timing.total.0;
        let ours = timing.overhead.0.min(total);
        let connect = timing.connect.0.min(total - ours);
        let departed = ours + connect;
        let download = timing.download.0.min(total - departed);
        let answered = total - download;
        let uploaded = timing.upload.0.clamp(departed, answered);
        Self { upload: uploaded - departed, ours, connect, wait: answered - uploaded, download }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.upload = self.upload.saturating_add(other.upload);
        self.ours = self.ours.saturating_add(other.ours);
        self.connect = self.connect.saturating_add(other.connect);
        self.wait = self.wait.saturating_add(other.wait);
        self.download = self.download.saturating_add(other.download);
    }

    pub(crate) fn part(&self, part: Part) -> u64 {
        match part {
            Part::Upload => self.upload,
            Part::Ours => self.ours,
            Part::Connect => self.connect,
            Part::Wait => self.wait,
            Part::Download => self.download,
        }
    }

    /// The average of `count` exchanges.
    pub(crate) fn view(&self, count: u64) -> TimeView {
        let average = |part| self.part(part) as f64 / count.max(1) as f64 / 1000.0;
        TimeView {
            upload_ms: average(Part::Upload),
            ours_ms: average(Part::Ours),
            connect_ms: average(Part::Connect),
            wait_ms: average(Part::Wait),
            download_ms: average(Part::Download),
        }
    }

    /// The part that has most of the time; none when none clearly has.
    pub(crate) fn dominant(&self) -> Option<Part> {
        dominant(Part::ALL.map(|part| self.part(part) as f64))
    }
}

/// The part with most of what is too much, in the order of [`Part::ALL`].
pub(crate) fn dominant(excess: [f64; 5]) -> Option<Part> {
    let whole: f64 = excess.iter().filter(|part| **part > 0.0).sum();
    let parts = Part::ALL.into_iter().zip(excess);
    parts.filter(|(_, part)| *part > 0.0 && *part >= DOMINANT * whole).map(|(part, _)| part).next()
}

#[cfg(test)]
mod tests {
    use wayside_exchange::Micros;

    use super::*;

    fn timing([upload, connect, wait, download, total, overhead]: [u64; 6]) -> Timing {
        let [upload, connect, wait, download, total, overhead] =
            [upload, connect, wait, download, total, overhead].map(Micros);
        Timing { upload, connect, wait, download, total, overhead }
    }

    #[test]
    fn every_moment_counts_once() {
        for (given, parts) in [
            // Upload, connect, wait, download, total, overhead; then upload, ours, connect, wait, download.
            ([0, 0, 900, 100, 1005, 5], [0, 5, 0, 900, 100]),
            // A slow upload: the backend is waited for all the while, and answers 50 after its end.
            ([800, 100, 740, 0, 850, 10], [690, 10, 100, 50, 0]),
            // Given up while waiting: nothing was answered.
            ([0, 0, 0, 0, 3000, 20], [0, 20, 0, 2980, 0]),
            // Parts that say more than the whole.
            ([9000, 9000, 9000, 9000, 10, 4], [0, 4, 6, 0, 0]),
        ] {
            let blame = Blame::of(&timing(given));
            assert_eq!(Part::ALL.map(|part| blame.part(part)), parts, "{given:?}");
            assert_eq!(parts.iter().sum::<u64>(), given[4]);
        }
    }

    #[test]
    fn a_part_explains_what_it_has_most_of() {
        assert_eq!(dominant([70.0, 0.0, 0.0, 20.0, -500.0]), Some(Part::Upload));
        assert_eq!(dominant([50.0, 0.0, 0.0, 50.0, 0.0]), None);
        assert_eq!(dominant([0.0; 5]), None);
    }
}
