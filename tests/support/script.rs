//! A Python script that serves while a test runs: its first line says where.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::python_program;

/// A running script; it ends with this handle.
#[derive(Debug)]
pub struct Script {
    child: Child,
    first: String,
}

impl Script {
    /// Runs `script` and waits for the first line that it prints.
    #[track_caller]
    pub fn start(script: &str) -> Self {
        let mut child = Command::new(python_program("python"))
            .args(["-u", "-c", script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python");
        let mut first = String::new();
        let out = child.stdout.take().expect("a pipe");
        BufReader::new(out).read_line(&mut first).expect("a line");
        assert!(!first.trim().is_empty(), "the script said nothing:\n{script}");
        Self { child, first: first.trim().to_owned() }
    }

    /// `http://127.0.0.1:PORT`, for a script that prints its port.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.first)
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
