//! Variables of the environment that look like a setting and are none: somebody's slip, which would go
//! unnoticed, since an environment holds much that is not ours.

use super::keys::KEYS;

/// How alike two names are of which one is meant for the other.
const ALIKE: f64 = 0.9;

/// What to say of the names in an environment that are nearly a setting's.
pub fn slips(names: impl Iterator<Item = String>) -> Vec<String> {
    names.filter_map(|name| slip(&name)).collect()
}

fn slip(name: &str) -> Option<String> {
    if !name.starts_with("WAYSIDE_") || ["WAYSIDE_LOG", "WAYSIDE_CONFIG"].contains(&name) {
        return None;
    }
    let alike = |known: String| (strsim::jaro_winkler(bare(name), bare(&known)), known);
    let (likeness, nearest) =
        KEYS.iter().map(|key| alike(key.variable())).max_by(|a, b| a.0.total_cmp(&b.0))?;
    let shown = wayside_exchange::escape::for_terminal(name);
    (likeness >= ALIKE && nearest != name)
        .then(|| format!("`{shown}` is no setting and changes nothing: did you mean `{nearest}`?"))
}

fn bare(name: &str) -> &str {
    name.trim_start_matches("WAYSIDE_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_nearly_a_setting_is_told_and_others_are_left_alone() {
        let said = |name: &str| slips([name.to_owned()].into_iter());
        for slip in ["WAYSIDE_DURABILTY", "WAYSIDE_QUEU", "WAYSIDE_LISTEN_HTP"] {
            assert_eq!(said(slip).len(), 1, "{slip}");
        }
        assert_eq!(
            said("WAYSIDE_DURABILTY"),
            ["`WAYSIDE_DURABILTY` is no setting and changes nothing: did you mean \
              `WAYSIDE_DURABILITY`?"]
        );
        for other in ["WAYSIDE_QUEUE", "WAYSIDE_LOG", "WAYSIDE_X_API_KEY_1", "WAYSIDE_BASE", "PATH"]
        {
            assert_eq!(said(other), [""; 0], "{other}");
        }
    }
}
