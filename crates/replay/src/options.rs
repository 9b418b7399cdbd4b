//! How to replay: where to, how fast, and what may be sent.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use wayside_store::seal::SealingKey;
use wayside_transport::client_tls::UpstreamTrust;
use wayside_transport::dial::{Fence, Upstream};

use crate::ReplayError;

/// How to replay. Made by [`Options::to`], which chooses what does no harm.
#[derive(Clone)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Options {
    /// Where to send: scheme, host and port, and what stands before every path.
    pub target: Upstream,
    /// The addresses that are not dialled, whatever the target's name resolves to.
    pub fence: Fence,
    /// Whose certificates the target may show.
    pub trust: UpstreamTrust,
    /// The timing.
    pub pace: Pace,
    /// Whether requests that change something (POST, PUT, PATCH, DELETE and whatever is not known
    /// to be safe) are sent.
    pub allow_writes: bool,
    /// Whether the recorded `Host` is sent rather than the target's.
    pub keep_host: bool,
    /// Whether a plain target is known to speak HTTP/2 (RFC 9113 section 3.3); used for what was
    /// recorded over HTTP/2.
    pub prior_knowledge: bool,
    /// Whether sealed credentials are restored and sent.
    pub with_credentials: bool,
    /// The host that may have credentials which were recorded for another one.
    pub credentials_to: Option<String>,
    /// What unseals credentials.
    pub sealing_key: Option<Arc<SealingKey>>,
    /// What makes the tokens of the recording of secrets in answers: with it they are compared and
    /// never shown. Without it a body that was redacted is not compared.
    pub comparing_key: Option<Arc<SealingKey>>,
    /// How long connecting may take, and how long the target may be silent: until its response
    /// head, and between two pieces of a body.
    pub timeout: Duration,
    /// How many exchanges run at once at most, whatever the recording did.
    pub concurrency: usize,
    /// The longest body in bytes that is compared by content; a longer one by SHA-256.
    pub body_limit: u64,
    /// How many differences of one exchange are listed; the others are counted.
    pub differences: usize,
}

/// The timing of a replay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// With the recorded gaps between an exchange and what it followed.
    Recorded,
    /// With these gaps divided by a factor.
    Times(f64),
    /// Without gaps: as fast as the order allows.
    Max,
}

impl Options {
    /// To `target`, at the recorded pace, reads only, without credentials, and not to addresses that
    /// only this machine's link can reach.
    pub fn to(target: Upstream) -> Self {
        Self {
            target,
            fence: Fence::default().and_link_local(),
            trust: UpstreamTrust::System,
            pace: Pace::Recorded,
            allow_writes: false,
            keep_host: false,
            prior_knowledge: false,
            with_credentials: false,
            credentials_to: None,
            sealing_key: None,
            comparing_key: None,
            timeout: Duration::from_mins(1),
            concurrency: 256,
            body_limit: 64 << 20,
            differences: 20,
        }
    }
}

/// Never shows the sealing key.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("target", &self.target)
            .field("pace", &self.pace)
            .field("allow_writes", &self.allow_writes)
            .field("keep_host", &self.keep_host)
            .field("with_credentials", &self.with_credentials)
            .field("credentials_to", &self.credentials_to)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl Pace {
    /// What becomes of a recorded gap.
    pub fn of(self, gap: Duration) -> Duration {
        match self {
            Pace::Recorded => gap,
            Pace::Times(factor) => {
                Duration::try_from_secs_f64(gap.as_secs_f64() / factor).unwrap_or(gap)
            }
            Pace::Max => Duration::ZERO,
        }
    }
}

/// `recorded`, `max`, or a factor with an `x`: `2x`, `0.5x`.
impl FromStr for Pace {
    type Err = ReplayError;

    fn from_str(text: &str) -> Result<Self, ReplayError> {
        match text {
            "recorded" => return Ok(Pace::Recorded),
            "max" => return Ok(Pace::Max),
            _ => {}
        }
        let factor = text.strip_suffix(['x', 'X']).and_then(|number| number.parse::<f64>().ok());
        match factor {
            Some(factor) if factor.is_finite() && factor > 0.0 => Ok(Pace::Times(factor)),
            _ => Err(ReplayError::BadPace(text.to_owned())),
        }
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pace::Recorded => f.pad("recorded"),
            Pace::Times(factor) => write!(f, "{factor}x"),
            Pace::Max => f.pad("max"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn a_pace_is_recorded_max_or_a_factor() {
        for text in ["recorded", "max", "2x", "0.5x", "10x"] {
            assert_eq!(text.parse::<Pace>().unwrap().to_string(), text);
        }
        for text in ["", "x", "0x", "-1x", "infx", "NaNx", "fast", "2"] {
            assert!(text.parse::<Pace>().is_err(), "{text}");
        }
        let gap = Duration::from_secs(3);
        assert_eq!("3x".parse::<Pace>().unwrap().of(gap), Duration::from_secs(1));
        assert_eq!(Pace::Max.of(gap), Duration::ZERO);
        assert_eq!(Pace::Times(f64::MIN_POSITIVE).of(gap), gap);
    }
}
