//! A token in a file: for a program that asks again and again, and must be let in after a restart too.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::Token;
use crate::error::ConsoleError;

/// Bytes that are read of one: more is no token.
const LONGEST: u64 = 4096;

impl Token {
    /// The token in the file at `path`, made there when there is none. A group may read it, so that another
    /// user's program can; everybody may not.
    pub fn open_or_create(path: &Path) -> Result<Self, ConsoleError> {
        let failed = |source| ConsoleError::TokenFile { path: path.to_owned(), source };
        match File::open(path) {
            Ok(file) => {
                if file.metadata().map_err(failed)?.mode() & 0o007 != 0 {
                    return Err(ConsoleError::TokenExposed { path: path.to_owned() });
                }
                let mut text = String::new();
                file.take(LONGEST).read_to_string(&mut text).map_err(failed)?;
                Self::chosen(text.trim()).map_err(|error| failed(io::Error::other(error)))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let token = Self::random()?;
                make(path, token.reveal()).map_err(failed)?;
                Ok(token)
            }
            Err(error) => Err(failed(error)),
        }
    }
}

/// Written under another name, so that a crash never leaves half of one.
fn make(path: &Path, secret: &str) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let _ = fs::remove_file(&draft);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(secret.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_token_is_made_once_and_kept_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.token");
        let made = Token::open_or_create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(Token::open_or_create(&path).unwrap().is(made.reveal()));
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert!(Token::open_or_create(&path).is_ok(), "a group may read it");
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let refused = Token::open_or_create(&path).unwrap_err().to_string();
        assert_eq!(
            refused,
            format!(
                "everybody on this machine may read the token in `{0}`: `chmod o-rwx {0}`",
                path.display()
            )
        );
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "short\n").unwrap();
        assert!(Token::open_or_create(&path).is_err());
    }
}
