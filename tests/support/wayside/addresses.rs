//! Where a started `wayside` listens, read from what it prints: the one place that knows the start message.

use std::net::SocketAddr;

#[derive(Debug, Default, Clone)]
pub(super) struct Addresses {
    pub(super) https: Option<SocketAddr>,
    pub(super) http: Option<SocketAddr>,
    pub(super) console: Option<SocketAddr>,
    /// The console's address as printed, with its token if it is part of it.
    pub(super) console_url: Option<String>,
}

impl Addresses {
    /// The one place that knows what the start message looks like: the proxy is the line with `https://ADDR`,
    /// the console the line that says console, the plain listener any other `http://ADDR`.
    pub(super) fn read(printed: &str, upstream: &str) -> Self {
        let mut found = Self::default();
        for line in printed.lines() {
            let line = line.replace(upstream, "");
            if line.to_lowercase().contains("console") {
                found.console = found.console.or_else(|| address_after(&line, "http://"));
                let url = line.split_whitespace().find(|word| word.starts_with("http://"));
                found.console_url = found.console_url.or(url.map(str::to_owned));
            } else if let Some(https) = address_after(&line, "https://") {
                found.https = found.https.or(Some(https));
            } else if let Some(http) = address_after(&line, "http://") {
                found.http = found.http.or(Some(http));
            }
        }
        found
    }

    pub(super) fn complete(&self) -> bool {
        self.https.is_some() && self.http.is_some() && self.console.is_some()
    }
}

fn address_after(line: &str, scheme: &str) -> Option<SocketAddr> {
    let rest = line.split(scheme).nth(1)?;
    let end = rest.find(|letter: char| !(letter.is_ascii_hexdigit() || ".:[]".contains(letter)));
    rest.get(..end.unwrap_or(rest.len()))?.trim_end_matches(['.', ':']).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_from_what_a_person_reads() {
        let printed = "recording http://127.0.0.1:3000\n\
            proxy    https://127.0.0.1:8443\n\
            plain    http://127.0.0.1:8080, HTTP/1.1 and h2c\n\
            console  http://127.0.0.1:8081/?token=a1b2\n";
        let found = Addresses::read(printed, "http://127.0.0.1:3000");
        assert_eq!(found.https, "127.0.0.1:8443".parse().ok());
        assert_eq!(found.http, "127.0.0.1:8080".parse().ok());
        assert_eq!(found.console, "127.0.0.1:8081".parse().ok());
        assert_eq!(found.console_url.as_deref(), Some("http://127.0.0.1:8081/?token=a1b2"));
        assert!(!Addresses::read("", "http://127.0.0.1:3000").complete());
    }
}
