//! What every listing promises: order, limits, the live tail, quiet pipes, and no raw control characters.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use wayside_tests::{Backend, Echo, Peer, Wayside, curl, id, program};

#[test]
fn people_see_the_newest_fifty_and_how_many_more_there_are() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    let urls: Vec<String> =
        (0..60).map(|number| wayside.http_url(&format!("/n{number:02}"))).collect();
    curl(&urls).ok();
    wayside.ended("", 60);
    let table = wayside.run(["exchanges"]).ok();
    assert!(!table.text().contains("/n09 ") && table.text().contains("/n10 "), "{}", table.text());
    assert!(table.text().find("/n10 ") < table.text().find("/n59 "), "the newest stand last");
    assert!(table.stderr.contains("60"), "how many there are: {}", table.stderr);
    let five = wayside.run(["exchanges", "--limit", "5"]).ok();
    assert!(!five.text().contains("/n54 ") && five.text().contains("/n55 "), "{}", five.text());
    let more = "the newest 5 exchanges; there are more with a greater `--limit`, all with `--json`";
    assert!(five.stderr.contains(more), "{}", five.stderr);
    let enough = wayside.run(["exchanges", "--limit", "60"]).ok();
    assert!(!enough.stderr.contains("more"), "{}", enough.stderr);

    let all = wayside.run(["exchanges", "--json"]).ok().json_lines();
    assert_eq!(all.len(), 60);
    assert!(all.windows(2).all(|pair| id(&pair[0]) < id(&pair[1])), "oldest first");
    let newest = wayside.run(["exchanges", "--json", "--limit", "5"]).ok().json_lines();
    assert_eq!(newest, all[55..], "the newest five, oldest of them first");
}

#[test]
fn nothing_is_said_in_words() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    for noun in ["exchange", "session", "client"] {
        let verb = format!("{noun}s");
        let empty = wayside.run([verb.as_str()]).ok();
        assert_eq!(empty.text(), "");
        assert!(empty.stderr.contains(&format!("no {noun} yet")), "{}", empty.stderr);
        let none = wayside.run([verb.as_str(), "status:404"]).ok();
        assert!(none.stderr.contains(&format!("no {noun} matches")), "{}", none.stderr);
        assert_eq!(wayside.run([verb.as_str(), "--json"]).ok().text(), "");
    }
}

#[test]
fn following_shows_an_exchange_as_it_ends() {
    let echo = Echo::start();
    let mut wayside = Wayside::start(&echo.url(), &[]);
    curl([wayside.http_url("/before")]).ok();
    wayside.ended("", 1);
    let follow = |filter: &str| {
        let mut following = Command::new(Wayside::binary())
            .args(["exchanges", "--follow", "--json", filter, "--data"])
            .arg(wayside.data())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut said = BufReader::new(following.stderr.take().expect("a pipe"));
        let mut line = String::new();
        said.read_line(&mut line).expect("it says that it waits");
        assert!(line.contains("waiting"), "{line}");
        let lines = BufReader::new(following.stdout.take().expect("a pipe"));
        (following, lines, said)
    };
    let (mut following, mut lines, _said) = follow("path:/seen");
    curl([wayside.http_url("/other")]).ok();
    curl([wayside.http_url("/seen")]).ok();
    let mut line = String::new();
    lines.read_line(&mut line).expect("a line");
    let exchange: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(exchange["path"], "/seen");
    assert_eq!(exchange, wayside.exchanges("path:/seen", 1)[0]);

    assert_eq!(wayside.stop(), 0);
    line.clear();
    assert_eq!(lines.read_line(&mut line).expect("an end"), 0, "{line}");
    assert_eq!(following.wait().expect("it ends").code(), Some(0), "the recorder stopped");
    let late = wayside.run(["exchanges", "--follow"]).exits(3);
    assert!(late.stderr.contains("no recorder runs"), "{}", late.stderr);
}

#[test]
fn control_characters_of_recorded_traffic_never_come_out_raw() {
    let backend = Backend::answering(
        "HTTP/1.1 200 O\u{9b}K\r\nX-Evil: \u{202e}gnp.exe \u{9b}2J\r\nContent-Type: text/plain\r\n\
         Content-Length: 16\r\n\r\n\x1b[2J\x1b]0;own\x07\nab\r\0",
    );
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peer = Peer::connect(wayside.http());
    peer.send(
        "GET /a\u{202e}b HTTP/1.1\r\nHost: x\r\nUser-Agent: evil\u{9b}31m/1\r\nX-Request: \u{200b}\u{2066}\r\n\r\n",
    );
    peer.head().expect("an answer");
    let exchange = &wayside.exchanges("", 1)[0];
    let client = exchange["client"].as_str().expect("a name").to_owned();
    for verb in [
        vec!["exchanges"],
        vec!["sessions"],
        vec!["clients"],
        vec!["clients", "show", &client],
        vec!["show", id(exchange)],
        vec!["show", exchange["session"].as_str().expect("a session")],
        vec!["export", id(exchange), "--as", "curl"],
        vec!["replay", id(exchange), "--to", "http://127.0.0.1:1", "--dry-run"],
        vec!["replay", id(exchange), "--to", "http://127.0.0.1:1", "--dry-run", "--json"],
        vec!["export", id(exchange), "--as", "har"],
        vec!["exchanges", "--json"],
        vec!["sessions", "--json"],
        vec!["clients", "--json"],
        vec!["clients", "show", &client, "--json"],
        vec!["show", id(exchange), "--json"],
    ] {
        let output = wayside.run(&verb).ok();
        for text in [output.text(), &output.stderr] {
            let hostile = |letter: char| {
                letter.is_control() && letter != '\n' && letter != '\t'
                    || "\u{202e}\u{2066}\u{200b}\u{2028}".contains(letter)
            };
            let found = text.chars().find(|letter| hostile(*letter));
            assert_eq!(found, None, "{verb:?} printed {}", text.escape_debug());
        }
    }
}

#[test]
fn a_reader_that_leaves_ends_a_listing_quietly() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    let filler = format!("x-filler: {}", "f".repeat(4000));
    let mut arguments = vec!["-H".to_owned(), filler];
    arguments.extend((0..200).map(|number| wayside.http_url(&format!("/{number}"))));
    curl(&arguments).ok();
    wayside.ended("", 200);
    let script = format!(
        "set -o pipefail; '{}' exchanges --json --data '{}' | head -n 1",
        Wayside::binary().display(),
        wayside.data().display()
    );
    let output = program("bash", ["-c", &script]).ok();
    assert_eq!(output.text().lines().count(), 1);
    assert_eq!(output.stderr, "");
}
