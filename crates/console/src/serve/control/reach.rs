//! Paths that fit into a socket address: 108 bytes on Linux, where a data folder may lie deeper.
//!
//! A longer path goes by its folder's descriptor, which the kernel shows as a short one.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tokio::net::UnixStream;

/// The longest path that every system takes, less its last zero.
const LONGEST: usize = 103;

/// A short path to a socket, good for as long as this is held.
#[derive(Debug)]
pub(crate) struct Reach {
    path: PathBuf,
    _folder: Option<File>,
}

impl Reach {
    /// The way to `path`; fails when its folder cannot be opened.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let parts = (path.parent(), path.file_name());
        let (Some(folder), Some(name)) = parts else {
            return Ok(Self { path: path.to_owned(), _folder: None });
        };
        if path.as_os_str().len() <= LONGEST || !cfg!(target_os = "linux") {
            return Ok(Self { path: path.to_owned(), _folder: None });
        }
        let folder = File::open(folder)?;
        let path = short(&folder).join(name);
        Ok(Self { path, _folder: Some(folder) })
    }

    /// The short path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Connects to the socket at `path`.
pub(crate) async fn connect(path: &Path) -> io::Result<UnixStream> {
    let reach = Reach::of(path)?;
    UnixStream::connect(reach.path()).await
}

fn short(folder: &File) -> PathBuf {
    use std::os::fd::AsRawFd as _;
    Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string())
}
