//! Errors with their causes, in one line: for the record, the log and answers alike.

use std::error::Error;

/// What `error` says, then each cause behind it that the text does not say already.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Said(&'static str, #[source] Option<Box<Said>>);

    #[test]
    fn causes_follow_and_none_is_said_twice() {
        let deepest = Said("disk full", None);
        let middle = Said("could not write", Some(Box::new(deepest)));
        assert_eq!(
            chain(&Said("no recording", Some(Box::new(middle)))),
            "no recording: could not write: disk full"
        );
        let repeated = Said("could not write: disk full", Some(Box::new(Said("disk full", None))));
        assert_eq!(chain(&repeated), "could not write: disk full");
    }
}
