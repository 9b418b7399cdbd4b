//! Commands that a person can copy into a shell.

/// `wayside VERB 'FILTER'`.
pub fn command(verb: &str, filter: &str) -> String {
    format!("wayside {verb} {}", quoted(filter))
}

/// `text` as one word.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_comes_through_the_shell_whole() {
        assert_eq!(
            command("exchanges", "client:\"o'neill\" status:4xx"),
            r#"wayside exchanges 'client:"o'\''neill" status:4xx'"#
        );
    }
}
