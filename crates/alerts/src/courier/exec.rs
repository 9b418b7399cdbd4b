//! A program that takes each message on its standard input: started as it is, by no shell.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::Failure;

/// How long it may run.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(50);

/// A program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program(
    /// Its path, or a name that is found in `PATH`.
    pub PathBuf,
);

impl Program {
    pub(crate) async fn deliver(&self, message: Bytes) -> Result<(), Failure> {
        let mut command = Command::new(&self.0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::inherit());
        let later = |error: std::io::Error| Failure::Later(error.to_string());
        let mut child = command.spawn().map_err(later)?;
        if let Some(mut pipe) = child.stdin.take() {
            // A program that reads nothing fills the pipe and stops whoever writes; its exit code is what counts.
            drop(spawn_blocking(move || {
                let _ = pipe.write_all(&message);
            }));
        }
        let begun = Instant::now();
        loop {
            match child.try_wait().map_err(later)? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(Failure::Later(format!("it ended with {status}"))),
                None if begun.elapsed() >= PATIENCE => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(Failure::Later(format!("it ran longer than {PATIENCE:?}")));
                }
                None => sleep(LOOK).await,
            }
        }
    }
}
