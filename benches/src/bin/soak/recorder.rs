//! The recorder under load, and what the kernel says of it.

use std::error::Error;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running `wayside record` with data of its own, both gone in the end.
pub(crate) struct Recorder {
    child: Child,
    binary: PathBuf,
    data: PathBuf,
    /// Where it takes plain HTTP.
    pub(crate) address: SocketAddr,
}

impl Recorder {
    /// Starts the `wayside` beside this program in front of `upstream`.
    pub(crate) fn start(upstream: SocketAddr) -> Result<Self, Box<dyn Error>> {
        let binary = std::env::current_exe()?.with_file_name("wayside");
        let data = std::env::temp_dir().join(format!("wayside-soak-{}", std::process::id()));
        let mut child = Command::new(&binary)
            .args(["record", &format!("http://{upstream}"), "--listen", "127.0.0.1:0"])
            .args(["--listen-http", "127.0.0.1:0", "--console", "off", "--data"])
            .arg(&data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{}: {error}; build it first", binary.display()))?;
        let said = child.stdout.take().ok_or("no output")?;
        let mut lines = BufReader::new(said).lines();
        let plain = lines.find_map(|line| {
            let line = line.ok()?;
            let address = line.strip_prefix("plain")?.split("http://").nth(1)?;
            address.split_whitespace().next()?.parse().ok()
        });
        let address = plain.ok_or("it did not say where it listens")?;
        Ok(Self { child, binary, data, address })
    }

    /// Bytes of memory that are resident.
    pub(crate) fn resident(&self) -> Result<u64, Box<dyn Error>> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
        Ok(1024 * line.split_whitespace().nth(1).ok_or("no number")?.parse::<u64>()?)
    }

    /// Descriptors that are open, but for the store's own files: those grow with what is recorded.
    pub(crate) fn descriptors(&self) -> Result<usize, Box<dyn Error>> {
        let entries = fs::read_dir(format!("/proc/{}/fd", self.child.id()))?;
        let is_of_store = |path: &Path| path.starts_with(&self.data);
        let targets = entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
        Ok(targets.filter(|target| !is_of_store(target)).count())
    }

    /// What `wayside status --json` says.
    pub(crate) fn status(&self) -> Result<String, Box<dyn Error>> {
        let mut command = Command::new(&self.binary);
        let said = command.args(["status", "--json", "--data"]).arg(&self.data).output()?;
        Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned())
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.data);
    }
}
