//! What can go wrong in this crate: only reading back what was sealed.

/// Why sealed secrets could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The plain text under the seal has another format version.
    #[error("the secrets have format version `{0}`, which this version of Wayside does not know")]
    Version(u8),
    /// The plain text under the seal ends too early or holds a token that is not text.
    #[error("the secrets are damaged at byte {0}")]
    Damaged(usize),
}
