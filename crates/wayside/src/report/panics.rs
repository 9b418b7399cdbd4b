//! Panics: faults of the program itself. Each ends the task that it happened in, which is one
//! connection, and is counted, so that the status can say that there is something to report.

use std::panic::{set_hook, take_hook};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use wayside_exchange::view::StatusView;

static PANICS: AtomicU64 = AtomicU64::new(0);

/// Counts panics from here on; they are printed as before.
pub fn count() {
    let print = take_hook();
    set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Relaxed);
        print(panic);
    }));
}

/// Adds to `status` what was counted.
pub fn tell(status: &mut StatusView) {
    status.panics = PANICS.load(Relaxed);
    let times = match status.panics {
        0 => return,
        1 => "once".to_owned(),
        more => format!("{more} times"),
    };
    status.problems.push(format!(
        "Wayside itself went wrong {times}: the log has a line with `panicked at` for each, \
         please report it"
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_counted_and_told() {
        let before = PANICS.load(Relaxed);
        count();
        let ended = std::thread::spawn(|| panic!("as it should in this test")).join();
        assert!(ended.is_err());
        let mut status = StatusView::default();
        tell(&mut status);
        assert!(status.panics > before);
        assert!(status.problems.first().is_some_and(|problem| problem.contains("panicked at")));
    }
}
