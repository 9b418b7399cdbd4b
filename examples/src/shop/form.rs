//! `application/x-www-form-urlencoded`, as in queries and login forms.

/// The decoded pairs of a form, in order.
#[derive(Debug, Default)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(name, value)| (decode(name), decode(value)))
                .collect(),
        )
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The number under `name`, `otherwise` when absent, nothing when it is no number.
    pub(super) fn number(&self, name: &str, otherwise: u64) -> Option<u64> {
        self.value(name).map_or(Some(otherwise), |value| value.parse().ok())
    }
}

fn decode(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => decoded.push(b' '),
            b'%' => {
                let mut rest = bytes.clone();
                let digits = (rest.next().and_then(digit), rest.next().and_then(digit));
                if let (Some(high), Some(low)) = digits {
                    decoded.push(high << 4 | low);
                    bytes = rest;
                } else {
                    decoded.push(b'%');
                }
            }
            other => decoded.push(other),
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_plus_signs_are_decoded() {
        let form = Form::parse("q=out+of%20stock&x=%zz%&flag");
        assert_eq!(form.value("q"), Some("out of stock"));
        assert_eq!(form.value("x"), Some("%zz%"));
        assert_eq!(form.value("flag"), Some(""));
        assert_eq!(form.number("page", 1), Some(1));
        assert_eq!(form.number("q", 1), None);
    }
}
