//! Progress bars for long work: on standard error, and only when that is a terminal.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar for `total` of `what`, which may be shown in bytes.
pub fn bar(total: u64, what: &str, bytes: bool) -> ProgressBar {
    let target = if io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let figures = if bytes { "{decimal_bytes} of {decimal_total_bytes}" } else { "{pos} of {len}" };
    let template = format!("{{bar:30}} {figures} {what}, {{eta}} left {{msg}}");
    let bar = ProgressBar::with_draw_target(Some(total), target);
    match ProgressStyle::with_template(&template) {
        Ok(style) => bar.with_style(style.progress_chars("━╸─")),
        Err(_) => bar,
    }
}
