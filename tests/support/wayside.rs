//! The built `wayside` as a process: started on port 0, its printed addresses read, signalled, restarted on
//! the same data, and asked through its other verbs.

mod addresses;
mod asked;
mod said;

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::Output;
use addresses::Addresses;
pub use asked::{id, marks};
use said::{Said, Text};

const START: Duration = Duration::from_secs(30);
const END: Duration = Duration::from_mins(1);
/// What `record` says last when it starts.
const LAST_WORDS: &str = "(stop with Ctrl-C)";

/// The name that clients use for the proxy; it resolves to loopback by curl's `--resolve`.
const HOST: &str = "shop.test";

/// A running `wayside record`.
#[derive(Debug)]
pub struct Wayside {
    process: u32,
    ended: Receiver<ExitStatus>,
    status: Option<ExitStatus>,
    said: Arc<Said>,
    addresses: Addresses,
    data: PathBuf,
    /// Deletes the data folder at the end, unless the test brought its own.
    temporary: Option<TempDir>,
    upstream: String,
    arguments: Vec<String>,
}

/// A signal to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: drain and exit 0.
    Terminate,
    /// SIGINT: as from a keyboard.
    Interrupt,
    /// SIGHUP: reload certificates and configuration.
    Reload,
    /// SIGKILL: no chance to do anything.
    Kill,
    /// SIGSTOP: stand still.
    Stop,
    /// SIGCONT: go on.
    Continue,
}

impl Wayside {
    /// Starts `wayside record UPSTREAM` on free ports and a data folder of its own, with `arguments` added;
    /// returns when it has printed where it listens. A default that `arguments` name is left to them.
    #[track_caller]
    pub fn start(upstream: &str, arguments: &[&str]) -> Self {
        let temporary = TempDir::new().expect("a temporary folder");
        let data = temporary.path().join("data");
        Self::launch(&data, Some(temporary), upstream, arguments)
    }

    /// The same on the data folder `data`, which stays.
    #[track_caller]
    pub fn start_on(data: &Path, upstream: &str, arguments: &[&str]) -> Self {
        Self::launch(data, None, upstream, arguments)
    }

    /// The same as [`Wayside::start`], with everything that the log can say.
    #[track_caller]
    pub fn start_at_debug(upstream: &str, arguments: &[&str]) -> Self {
        let temporary = TempDir::new().expect("a temporary folder");
        let data = temporary.path().join("data");
        let mut starting = command();
        starting.env("WAYSIDE_LOG", "debug");
        Self::launch_with(&data, Some(temporary), upstream, arguments, starting)
    }

    /// The same as [`Wayside::start`] under strace, which writes the calls that put bytes somewhere to `trace`.
    #[track_caller]
    pub fn start_traced(upstream: &str, arguments: &[&str], trace: &Path) -> Self {
        let temporary = TempDir::new().expect("a temporary folder");
        let data = temporary.path().join("data");
        Self::launch_with(&data, Some(temporary), upstream, arguments, under_strace(trace))
    }

    /// The path of the built binary: `WAYSIDE_BIN`, or beside the running test.
    #[track_caller]
    pub fn binary() -> PathBuf {
        if let Some(named) = std::env::var_os("WAYSIDE_BIN") {
            return PathBuf::from(named);
        }
        let test = std::env::current_exe().expect("the path of this test");
        let profile = test.ancestors().nth(2).expect("target/PROFILE/deps/TEST");
        let built = profile.join("wayside");
        assert!(
            built.is_file(),
            "`{}` is missing: run `cargo build` first, or name another binary in WAYSIDE_BIN",
            built.display(),
        );
        built
    }

    /// The https listener.
    #[track_caller]
    pub fn https(&self) -> SocketAddr {
        self.addresses.https.unwrap_or_else(|| panic!("no https address:\n{}", self.output()))
    }

    /// The plain listener.
    #[track_caller]
    pub fn http(&self) -> SocketAddr {
        self.addresses.http.unwrap_or_else(|| panic!("no http address:\n{}", self.output()))
    }

    /// The console.
    #[track_caller]
    pub fn console(&self) -> SocketAddr {
        self.addresses.console.unwrap_or_else(|| panic!("no console address:\n{}", self.output()))
    }

    /// The console's address as printed.
    #[track_caller]
    pub fn console_url(&self) -> &str {
        let url = self.addresses.console_url.as_deref();
        url.unwrap_or_else(|| panic!("no console address:\n{}", self.output()))
    }

    /// `path` on the https listener, for [`Wayside::curl`].
    #[track_caller]
    pub fn https_url(&self, path: &str) -> String {
        format!("https://{HOST}:{}{path}", self.https().port())
    }

    /// `path` on the plain listener.
    #[track_caller]
    pub fn http_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http())
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The certificate of its own CA, to trust.
    #[track_caller]
    pub fn ca(&self) -> PathBuf {
        let file = self.data.join("keys").join("ca.pem");
        assert!(file.is_file(), "`{}` is missing", file.display());
        file
    }

    /// The process id.
    pub fn process(&self) -> u32 {
        self.process
    }

    /// All that it printed so far.
    pub fn output(&self) -> String {
        self.said.lines()
    }

    /// curl of `path` over https, trusting the CA, with `arguments` added.
    #[track_caller]
    pub fn curl(&self, path: &str, arguments: &[&str]) -> Output {
        let resolve = format!("{HOST}:{}:127.0.0.1", self.https().port());
        let mut all: Vec<&OsStr> =
            vec!["--resolve".as_ref(), resolve.as_ref(), "--cacert".as_ref()];
        let (ca, url) = (self.ca(), self.https_url(path));
        all.push(ca.as_os_str());
        all.extend(arguments.iter().map(OsStr::new));
        all.push(url.as_ref());
        crate::curl(all)
    }

    /// Runs another verb on the same data: `wayside VERB ... --data DATA`.
    #[track_caller]
    pub fn run<Arguments>(&self, arguments: Arguments) -> Output
    where
        Arguments: IntoIterator,
        Arguments::Item: AsRef<OsStr>,
    {
        Self::run_on(&self.data, arguments)
    }

    /// Runs a verb on the data folder `data`, with or without a recorder.
    #[track_caller]
    pub fn run_on<Arguments>(data: &Path, arguments: Arguments) -> Output
    where
        Arguments: IntoIterator,
        Arguments::Item: AsRef<OsStr>,
    {
        Output::of(command().args(arguments).arg("--data").arg(data))
    }

    /// The recorded exchanges that `filter` matches, once there are `count`: a record is stored after its
    /// answer has gone out, so a test asks until it is there.
    #[track_caller]
    pub fn exchanges(&self, filter: &str, count: usize) -> Vec<serde_json::Value> {
        let mut arguments = vec!["exchanges", "--json"];
        arguments.extend((!filter.is_empty()).then_some(filter));
        let mut exchanges = Vec::new();
        for _ in 0..100 {
            exchanges = self.run(&arguments).ok().json_lines();
            if exchanges.len() >= count {
                return exchanges;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("{} of {count} exchanges came:\n{exchanges:#?}\n{}", exchanges.len(), self.output());
    }

    /// Sends `signal`.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        assert!(self.status.is_none(), "the process has ended");
        let name = match signal {
            Signal::Terminate => "-TERM",
            Signal::Interrupt => "-INT",
            Signal::Reload => "-HUP",
            Signal::Kill => "-KILL",
            Signal::Stop => "-STOP",
            Signal::Continue => "-CONT",
        };
        crate::program("kill", [name, &self.process.to_string()]).ok();
    }

    /// Waits until it has printed `words`.
    #[track_caller]
    pub fn wait_for(&self, words: &str) {
        let found = self.said.wait(START, |text| text.lines.contains(words));
        assert!(found, "it never said `{words}`:\n{}", self.output());
    }

    /// Waits for the end of the process, for a minute at most.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        if let Some(status) = self.status {
            return status;
        }
        let Ok(status) = self.ended.recv_timeout(END) else {
            panic!("it did not end within a minute:\n{}", self.output());
        };
        self.status = Some(status);
        self.said.wait(END, |text| text.open == 0);
        status
    }

    /// SIGTERM, and its exit code.
    #[track_caller]
    pub fn stop(&mut self) -> i32 {
        self.signal(Signal::Terminate);
        self.wait().code().unwrap_or(-1)
    }

    /// Ends it with `signal` and starts it again on the same data with the same arguments, on new ports.
    #[track_caller]
    pub fn restart(mut self, signal: Signal) -> Self {
        self.signal(signal);
        self.wait();
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        Self::launch(&self.data, self.temporary.take(), &self.upstream, &arguments)
    }

    #[track_caller]
    fn launch(data: &Path, temporary: Option<TempDir>, upstream: &str, arguments: &[&str]) -> Self {
        Self::launch_with(data, temporary, upstream, arguments, command())
    }

    #[track_caller]
    fn launch_with(
        data: &Path,
        temporary: Option<TempDir>,
        upstream: &str,
        arguments: &[&str],
        mut starting: Command,
    ) -> Self {
        starting.arg("record").arg(upstream).arg("--data").arg(data);
        for listener in ["--listen", "--listen-http", "--console"] {
            let named = |argument: &&str| argument.split('=').next() == Some(listener);
            if !arguments.iter().any(named) {
                starting.args([listener, "127.0.0.1:0"]);
            }
        }
        starting.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            starting.spawn().unwrap_or_else(|error| panic!("could not run {starting:?}: {error}"));
        let said = Arc::new(Said::default());
        said.listen(child.stdout.take().expect("a pipe"));
        said.listen(child.stderr.take().expect("a pipe"));
        let mut wayside = Self {
            process: child.id(),
            ended: reap(child),
            status: None,
            addresses: Addresses::default(),
            data: data.to_owned(),
            temporary,
            upstream: upstream.to_owned(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            said,
        };
        // Its last words, on stderr: what it said before them, on either pipe, is here by then.
        let ready = |text: &Text| {
            Addresses::read(&text.lines, upstream).complete() && text.lines.contains(LAST_WORDS)
        };
        wayside.said.wait(START, |text| ready(text) || text.open == 0);
        wayside.addresses = Addresses::read(&wayside.output(), upstream);
        assert!(
            wayside.addresses.complete(),
            "it did not say where it listens:\n{}",
            wayside.output()
        );
        wayside
    }
}

impl Drop for Wayside {
    fn drop(&mut self) {
        if self.status.is_none() && matches!(self.ended.try_recv(), Err(TryRecvError::Empty)) {
            let _ = Command::new("kill").args(["-KILL", &self.process.to_string()]).status();
            let _ = self.ended.recv_timeout(END);
        }
        self.said.wait(Duration::from_secs(5), |text| text.open == 0);
        let output = self.output();
        if thread::panicking() {
            eprintln!("--- wayside said\n{output}---");
        } else {
            assert!(!output.contains("panicked at"), "wayside panicked:\n{output}");
        }
    }
}

/// The binary, free of what the surrounding shell may have set.
#[track_caller]
fn command() -> Command {
    let mut command = Command::new(Wayside::binary());
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("WAYSIDE_")) {
            command.env_remove(name);
        }
    }
    command
}

/// The binary under strace.
fn under_strace(trace: &Path) -> Command {
    let command = command();
    let mut traced = Command::new("strace");
    for (name, _) in command.get_envs() {
        traced.env_remove(name);
    }
    let calls = "trace=write,writev,sendto,sendmsg,pwrite64,pwritev,fsync,fdatasync";
    // With `-D` the recorder is the child, and strace beside it: what ends the child ends both.
    traced
        .args(["-D", "-f", "-y", "-s", "4096", "-e", calls, "-o"])
        .arg(trace)
        .arg(command.get_program());
    traced
}

/// Waits for `child` on a thread of its own, so that waiting can have a limit.
fn reap(mut child: Child) -> Receiver<ExitStatus> {
    let (ended, wait) = channel();
    thread::spawn(move || {
        if let Ok(status) = child.wait() {
            let _ = ended.send(status);
        }
    });
    wait
}
