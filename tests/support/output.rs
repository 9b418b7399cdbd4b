//! Programs run to their end, and what they said.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a program printed and how it ended.
#[derive(Debug, Clone)]
pub struct Output {
    /// The exit code; -1 when a signal ended it.
    pub code: i32,
    /// The bytes on stdout.
    pub stdout: Vec<u8>,
    /// The text on stderr.
    pub stderr: String,
}

/// Runs curl, silent but for errors, for a minute at most.
#[track_caller]
pub fn curl<Arguments>(arguments: Arguments) -> Output
where
    Arguments: IntoIterator,
    Arguments::Item: AsRef<OsStr>,
{
    Output::of(Command::new("curl").args(["-sS", "--max-time", "60"]).args(arguments))
}

/// Runs `name` with `arguments` to its end.
#[track_caller]
pub fn program<Arguments>(name: &str, arguments: Arguments) -> Output
where
    Arguments: IntoIterator,
    Arguments::Item: AsRef<OsStr>,
{
    Output::of(Command::new(name).args(arguments))
}

/// Runs the Python `script` with the packages that `tests/run` installed.
#[track_caller]
pub fn python<Arguments>(script: &str, arguments: Arguments) -> Output
where
    Arguments: IntoIterator,
    Arguments::Item: AsRef<OsStr>,
{
    let python = tool("TESTS_PYTHON", "venv/bin/python");
    Output::of(Command::new(python).args(["-c", script]).args(arguments))
}

/// A program of the Python packages that `tests/run` installed, such as `mitmdump`.
#[track_caller]
pub fn python_program(name: &str) -> PathBuf {
    tool("TESTS_PYTHON", "venv/bin/python").with_file_name(name)
}

/// The `node_modules` folder that `tests/run` filled.
#[track_caller]
pub fn node_modules() -> PathBuf {
    tool("TESTS_NODE_MODULES", "node/node_modules")
}

/// What `tests/run` names in `variable`, or installed earlier as `path` in its usual cache folder.
#[track_caller]
fn tool(variable: &str, path: &str) -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let usual = cache.map(|cache| cache.join("wayside-tests").join(path));
    let tool = std::env::var_os(variable).map(PathBuf::from).or(usual).unwrap_or_default();
    assert!(tool.exists(), "`{}` is missing: `tests/run` installs it", tool.display());
    tool
}

impl Output {
    /// Runs `command` to its end, with no stdin.
    #[track_caller]
    pub fn of(command: &mut Command) -> Self {
        let output = command
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("could not run {command:?}: {error}"));
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Itself, if the exit code is 0.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.exits(0)
    }

    /// Itself, if the exit code is `code`.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            code,
            "wrong exit code\n--- stdout\n{}\n--- stderr\n{}",
            String::from_utf8_lossy(&self.stdout),
            self.stderr,
        );
        self
    }

    /// stdout as text.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("stdout is UTF-8")
    }

    /// stdout as one JSON value.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| {
            panic!("no JSON ({error}): {}", String::from_utf8_lossy(&self.stdout))
        })
    }

    /// stdout as one JSON value a line.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        let lines = self.text().lines().filter(|line| !line.is_empty());
        lines
            .map(|line| {
                serde_json::from_str(line)
                    .unwrap_or_else(|error| panic!("no JSON ({error}): {line}"))
            })
            .collect()
    }
}
