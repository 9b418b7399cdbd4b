//! `wayside top` on a terminal of its own: what is seen, what keys do, and that the terminal is given back.

use std::thread;
use std::time::Duration;

use wayside_tests::{Echo, Wayside, curl, python};

/// Runs `wayside top` on a pseudo-terminal whose screen is kept by a terminal emulator, does what the steps say (`see
/// TEXT`, `key KEYS`, `size COLUMNS ROWS`, `signal NAME`), and prints the exit code and whether the terminal was given back.
const TERMINAL: &str = r#"
import fcntl, os, pty, select, signal, struct, sys, termios, time
import pyte
program, data, steps = sys.argv[1], sys.argv[2], sys.argv[3:]
screen = pyte.Screen(100, 24)
stream = pyte.ByteStream(screen)
child, terminal = pty.fork()
if child == 0:
    os.execve(program, [program, "top", "--data", data], dict(os.environ, TERM="xterm-256color"))
def size(columns, rows):
    screen.resize(rows, columns)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
size(100, 24)
before = termios.tcgetattr(terminal)
raw = b""
def read(limit):
    global raw
    if not select.select([terminal], [], [], limit)[0]:
        return True
    try:
        some = os.read(terminal, 65536)
    except OSError:
        return False
    raw += some
    stream.feed(some)
    return bool(some)
def see(text, there=True):
    until = time.monotonic() + 30
    while (text in "\n".join(screen.display)) != there:
        if time.monotonic() > until or not read(0.1):
            sys.exit(f"{'never' if there else 'still'} seen: {text}\n" + "\n".join(screen.display))
for step in steps:
    what, _, rest = step.partition(" ")
    if what == "see":
        see(rest)
    elif what == "gone":
        see(rest, False)
    elif what == "key":
        os.write(terminal, rest.encode().decode("unicode_escape").encode())
    elif what == "size":
        size(*map(int, rest.split()))
    elif what == "signal":
        os.kill(child, getattr(signal, rest))
while read(30):
    pass
_, status = os.waitpid(child, 0)
print("exit", os.waitstatus_to_exitcode(status))
print("given back", raw.rfind(b"\x1b[?1049l") > raw.rfind(b"\x1b[?1049h"))
print("bells", raw.count(b"\x07"))
"#;

#[test]
fn clients_routes_exchanges_and_an_exchange_are_a_key_apart() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    curl(["-u", "acme:secret", &wayside.http_url("/orders/[1-3]")]).ok();
    curl(["-u", "globex:secret", &wayside.http_url("/status/500?n=[1-30]")]).ok();
    curl(["-u", "\u{7}bell\u{1b}[2J:secret", &wayside.http_url("/")]).ok();
    wayside.ended("", 34);
    let steps = [
        "see basic:globex",
        "see 100 %",
        "see clients in a minute",
        "see >basic:globex",
        "key \\r",
        "see basic:globex: its routes",
        "see GET /status/{id}",
        "key \\r",
        "see basic:globex on GET /status/{id}: newest first",
        "see GET /status/500?n=30",
        "key \\r",
        "see HTTP/1.1 500",
        "key \\x1b",
        "see newest first",
        "size 60 12",
        "see Enter open",
        "key /status:200\\r",
        "see nothing matches",
        "key hhh",
        "size 100 24",
        "see basic:acme",
        "gone basic:globex",
        "key q",
    ];
    let ended = on_a_terminal(&wayside, &steps);
    assert_eq!(ended, "exit 0\ngiven back True\nbells 0\n");
}

#[test]
fn clients_have_the_names_that_they_are_given_and_turn_out_to_have() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("wayside.toml");
    let label = "[clients.\"Acme Ltd\"]\nmatch = [\"basic:acme\"]\n";
    std::fs::write(&file, label).expect("it is written");
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--config", file.to_str().expect("a path")]);
    // The cookie comes alone first, and then with the log-in that it belongs to.
    let cookie = "Cookie: session=0123456789abcdef";
    curl(["-H", cookie, &wayside.http_url("/status/500?n=[1-30]")]).ok();
    curl(["-H", cookie, "-u", "acme:secret", &wayside.http_url("/orders/[1-3]")]).ok();
    wayside.ended("", 33);
    let steps = ["see >Acme Ltd", "gone cookie:", "key \\r", "see Acme Ltd: its routes", "key q"];
    let ended = on_a_terminal(&wayside, &steps);
    assert_eq!(ended, "exit 0\ngiven back True\nbells 0\n");
}

#[test]
fn a_signal_gives_the_terminal_back_and_who_has_none_is_told() {
    let echo = Echo::start();
    let mut wayside = Wayside::start(&echo.url(), &[]);
    let ended = on_a_terminal(&wayside, &["see nothing matches", "signal SIGTERM"]);
    assert_eq!(ended, "exit 0\ngiven back True\nbells 0\n");
    let ended = on_a_terminal(&wayside, &["see nothing matches", "key \\x03"]);
    assert_eq!(ended, "exit 0\ngiven back True\nbells 0\n");
    let piped = wayside.run(["top"]).exits(2);
    assert!(piped.stderr.contains("needs a terminal"), "{}", piped.stderr);
    assert!(piped.stderr.contains("wayside clients --watch"), "{}", piped.stderr);
    assert_eq!(wayside.stop(), 0);
    let ended = on_a_terminal(&wayside, &["see no recorder runs"]);
    assert!(ended.starts_with("exit 3\n"), "{ended}");
}

#[test]
fn clients_are_printed_again_and_again_when_they_are_watched() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    curl(["-u", "acme:secret", &wayside.http_url("/")]).ok();
    wayside.ended("", 1);
    let data = wayside.data().to_owned();
    let watching = thread::spawn(move || {
        let binary = Wayside::binary().display().to_string();
        let limit = ["--signal=INT", "7", &binary, "clients", "--watch", "--data"];
        wayside_tests::program("timeout", limit.iter().map(AsRef::as_ref).chain([data.as_os_str()]))
    });
    thread::sleep(Duration::from_secs(1));
    curl(["-u", "globex:secret", &wayside.http_url("/")]).ok();
    let watched = watching.join().expect("it ends");
    let text = watched.text();
    assert!(text.matches("basic:acme").count() >= 2, "{text}");
    assert!(text.matches("basic:globex").count() < text.matches("basic:acme").count(), "{text}");
    assert!(text.contains("basic:globex") && !text.contains('\u{1b}'), "{text}");
}

fn on_a_terminal(wayside: &Wayside, steps: &[&str]) -> String {
    let (binary, data) = (Wayside::binary(), wayside.data());
    let words = [binary.as_os_str(), data.as_os_str()].into_iter();
    let ran = python(TERMINAL, words.chain(steps.iter().map(AsRef::as_ref))).ok();
    ran.text().to_owned()
}
