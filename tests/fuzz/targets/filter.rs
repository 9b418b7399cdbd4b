//! The filter language: any text is a filter, or an error that points into the text. What a filter lets
//! through of a row, the block of that row must let through.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wayside_exchange::Timestamp;
use wayside_exchange::filter::Filter;

const NOW: Timestamp = Timestamp(1_795_000_000_000_000);

fuzz_target!(|text: &str| {
    match Filter::parse(text, NOW) {
        Ok(filter) => {
            let _ = (filter.needs_bodies(), filter.is_all());
        }
        Err(error) => {
            let characters = text.chars().count();
            assert!(error.column >= 1 && error.column <= characters + 1, "{error:?}");
            assert!(error.length >= 1);
            let shown = error.to_string();
            assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
        }
    }
});
