//! One writer at a time: an advisory lock on `DATA/lock`, with the holder's process id in the file.
//!
//! The system releases the lock when the process dies, however it dies, so a stale file means nothing.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::error::StoreError;
use crate::storage::disk::open_private;

/// Held as long as this value lives.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of the store in `dir`, or says who holds it.
    pub(crate) fn take(dir: &Path) -> Result<Lock, StoreError> {
        let path = dir.join("lock");
        let failed = |source| StoreError::io("lock", &path, source);
        let mut file = open_private(&path).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let mut holder = String::new();
                let _ = (&mut file).take(32).read_to_string(&mut holder);
                let holder = holder.trim().parse().ok();
                return Err(StoreError::Locked { path: dir.to_owned(), holder });
            }
            Err(errno) => return Err(failed(errno.into())),
        }
        // A full disk must not keep a store from being opened, so the id is left out then.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Lock { _file: file })
    }

    /// Whether some process holds the lock of the store in `dir`.
    pub(crate) fn is_held(dir: &Path) -> bool {
        File::open(dir.join("lock"))
            .is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockShared).is_err())
    }
}
