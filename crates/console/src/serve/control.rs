//! The control socket: how other commands of the same user reach the recorder.
//!
//! Who can open it needs no token, so it is 0600 from the moment that it has its name: it is made in
//! a folder of its own that only this user can enter, and moved to its place.

pub(crate) mod link;
pub(crate) mod reach;

use std::fs;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _,
};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

use crate::api::{Api, router};
use crate::error::ConsoleError;
use crate::keeping::changes;
use crate::token::Token;
use reach::{Reach, connect};

/// Where the recorder of `data` answers.
pub fn control_path(data: &Path) -> PathBuf {
    data.join("control.sock")
}

/// Whether a recorder answers for the folder `data`.
pub async fn recorder_runs(data: &Path) -> bool {
    connect(&control_path(data)).await.is_ok()
}

/// Makes the control socket and serves the API on it until `stop`.
pub async fn serve_control(
    path: &Path,
    api: Api,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), ConsoleError> {
    Control::bind(path)?.serve(api, stop).await;
    Ok(())
}

/// A control socket that listens. Dropped, it takes its file away.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    file: SocketFile,
    console: Option<(SocketAddr, Token)>,
}

#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Control {
    /// Listens at `path`. What a dead recorder left there is replaced; a live one is an error.
    pub fn bind(path: &Path) -> Result<Self, ConsoleError> {
        let failed =
            |doing| move |source| ConsoleError::Socket { doing, path: path.to_owned(), source };
        make_room(path)?;
        let nursery = path.with_extension("new");
        remove(&nursery).map_err(failed("make room for"))?;
        fs::DirBuilder::new().mode(0o700).create(&nursery).map_err(failed("make"))?;
        let born = nursery.join("s");
        let listening = Reach::of(&born).and_then(|reach| UnixListener::bind(reach.path()));
        let made = listening.and_then(|listener| {
            fs::set_permissions(&born, fs::Permissions::from_mode(0o600))?;
            let metadata = fs::symlink_metadata(&born)?;
            fs::rename(&born, path)?;
            let (device, inode) = (metadata.dev(), metadata.ino());
            let file = SocketFile { path: path.to_owned(), device, inode };
            Ok(Self { listener, file, console: None })
        });
        let removed = remove(&nursery);
        let control = made.map_err(failed("make"))?;
        removed.map_err(failed("tidy up beside"))?;
        Ok(control)
    }

    /// Tells who asks how to open the console at `address`, which asks for `token`.
    #[must_use]
    pub fn opening(self, address: SocketAddr, token: Token) -> Self {
        Self { console: Some((address, token)), ..self }
    }

    /// Serves the API until `stop`, then takes the socket away.
    pub async fn serve(self, api: Api, stop: impl Future<Output = ()> + Send) {
        let _file = self.file;
        let router = router(api.clone()).merge(changes(api)).merge(link::router(self.console));
        super::run(self.listener, router, stop).await;
    }
}

/// Only ever our own file: a recorder that came after us has put its own in the same place.
impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == (self.device, self.inode));
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the control socket stays behind");
        }
    }
}

fn make_room(path: &Path) -> Result<(), ConsoleError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.file_type().is_socket() => {
            Err(ConsoleError::NotASocket { path: path.to_owned() })
        }
        Ok(_) => match Reach::of(path).and_then(|reach| UnixStream::connect(reach.path())) {
            Ok(_) => Err(ConsoleError::InUse { path: path.to_owned() }),
            Err(error)
                if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound) =>
            {
                Ok(())
            }
            Err(source) => {
                Err(ConsoleError::Socket { doing: "reach", path: path.to_owned(), source })
            }
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(source) => {
            Err(ConsoleError::Socket { doing: "look at", path: path.to_owned(), source })
        }
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
