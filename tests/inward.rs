//! Nothing let in: who may look into the console and from where, and where the proxy and a replay never go.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, ToSocketAddrs as _, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use wayside_tests::{Backend, Echo, Message, Output, Peer, Wayside, curl, eventually, id, program};

/// The token of a recorder's printed link.
fn token(wayside: &Wayside) -> String {
    let (_, token) = wayside.console_url().split_once("token=").expect("a token in the link");
    token.to_owned()
}

/// The status that the console answers to a request with `headers`.
fn status(wayside: &Wayside, method: &str, path: &str, headers: &[&str]) -> u16 {
    let mut peer = Peer::connect(wayside.console());
    peer.send(format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", wayside.console()));
    for header in headers {
        peer.send(format!("{header}\r\n"));
    }
    peer.send("\r\n");
    Message::response(&mut peer, "HEAD").expect("an answer").status()
}

#[test]
fn a_page_that_is_not_the_console_s_gets_nothing_whatever_cookie_goes_with_it() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    let own = format!("Origin: http://{}", wayside.console());
    let cookie = format!("Cookie: wayside_token={}", token(&wayside));
    let bearer = format!("Authorization: Bearer {}", token(&wayside));
    let elsewhere = "Origin: http://evil.test";
    let neighbour = "Origin: http://127.0.0.1:3000";
    let (live, all) = ("/api/exchanges?follow=1", "/api/exchanges");
    let page = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document";
    for (method, path, headers, expected) in [
        ("GET", all, &[cookie.as_str()][..], 200),
        ("GET", all, &[&cookie, &own], 200),
        ("GET", all, &[&cookie, elsewhere], 403),
        ("GET", all, &[&cookie, neighbour], 403),
        ("GET", all, &[&cookie, "Origin: null"], 403),
        ("GET", all, &[&bearer, elsewhere], 403),
        ("GET", live, &[&cookie, &own], 200),
        ("GET", live, &[&cookie, elsewhere], 403),
        ("GET", live, &[&cookie, neighbour], 403),
        ("GET", live, &[&cookie, "Sec-Fetch-Site: same-site"], 403),
        ("GET", live, &[&cookie, "Sec-Fetch-Site: same-origin"], 200),
        ("GET", "/", &[&cookie, "Sec-Fetch-Site: cross-site"], 403),
        ("GET", "/", &[&cookie, "Sec-Fetch-Site: cross-site", page], 200),
        ("GET", "/", &[&cookie, "Sec-Fetch-Site: none", page], 200),
        // Nothing can be changed yet; what could be asked gets as far as to be told so.
        ("POST", all, &[&cookie], 403),
        ("DELETE", all, &[&cookie, neighbour], 403),
        ("POST", all, &[&cookie, "Sec-Fetch-Site: cross-site", page], 403),
        ("POST", all, &[&cookie, &own], 405),
        ("POST", all, &[&bearer], 405),
    ] {
        assert_eq!(
            status(&wayside, method, path, headers),
            expected,
            "{method} {path} {headers:?}"
        );
    }
}

#[test]
fn the_command_opens_a_browser_with_a_link_that_opens_once() {
    let echo = Echo::start();
    let mut wayside = Wayside::start(&echo.url(), &[]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (browser, seen) = (folder.path().join("browser"), folder.path().join("seen"));
    let script = format!("#!/bin/sh\nprintf '%s\\n' \"$@\" > '{}'\n", seen.display());
    fs::write(&browser, script).expect("a file");
    fs::set_permissions(&browser, fs::Permissions::from_mode(0o700)).expect("our file");
    let opened = |data: &Path, browser: &Path| {
        let mut command = Command::new(Wayside::binary());
        Output::of(command.arg("console").arg("--data").arg(data).env("BROWSER", browser))
    };
    let printed = opened(wayside.data(), &browser).ok();
    assert!(!printed.text().contains("token="), "{}", printed.text());
    eventually("the browser has started", Duration::from_secs(20), || seen.exists());
    let link = fs::read_to_string(&seen).expect("a link").trim().to_owned();
    assert!(link.starts_with(&format!("http://{}/?token=", wayside.console())), "{link}");
    assert!(
        !link.contains(&token(&wayside)),
        "the arguments of a program are no place for the token"
    );
    let visit = || curl(["-i", "-o", "-", &link]).ok().text().to_owned();
    let entered = visit();
    let cookie = format!("set-cookie: wayside_token={}", token(&wayside));
    assert!(entered.starts_with("HTTP/1.1 303") && entered.contains(&cookie), "{entered}");
    assert!(visit().starts_with("HTTP/1.1 401"), "it opens once");

    let printed = wayside.run(["console", "--print"]).ok();
    assert_eq!(printed.text().trim(), wayside.console_url());
    assert!(wayside.api("/control/link").ok().text().contains("nothing at"), "over TCP");
    opened(wayside.data(), Path::new("/nowhere/browser")).exits(3);
    assert_eq!(wayside.stop(), 0);
    let none = wayside.run(["console"]).exits(3);
    assert!(none.stderr.contains("no recorder runs"), "{}", none.stderr);
}

#[test]
fn the_token_is_in_no_log_and_in_no_file() {
    let echo = Echo::start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (log, said, data) =
        (folder.path().join("log"), folder.path().join("said"), folder.path().join("data"));
    let file = |path: &Path| Stdio::from(fs::File::create(path).expect("a file"));
    let mut recorder = Command::new(Wayside::binary())
        .args(["record", &echo.url(), "--listen", "127.0.0.1:0", "--console", "127.0.0.1:0"])
        .arg("--data")
        .arg(&data)
        .env("WAYSIDE_LOG", "trace")
        .stdout(file(&said))
        .stderr(file(&log))
        .spawn()
        .expect("it starts");
    let mut link = String::new();
    eventually("it has said where the console is", Duration::from_secs(30), || {
        let text = fs::read_to_string(&said).unwrap_or_default();
        let word = text.split_whitespace().find(|word| word.contains("token="));
        link = word.unwrap_or_default().to_owned();
        text.ends_with('\n') && !link.is_empty()
    });
    let (base, token) = link.split_once("/?token=").expect("a token");
    assert!(token.len() >= 32, "128 bits take 32 digits: {token}");
    for arguments in [
        vec!["-i", &link],
        vec!["-H", &format!("Authorization: Bearer {token}"), &format!("{base}/api/status")],
        vec!["-b", &format!("wayside_token={token}"), &format!("{base}/api/exchanges")],
        vec![&format!("{base}/nowhere?token={token}")],
        vec!["-H", "Host: evil.test", &link],
    ] {
        curl(arguments).ok();
    }
    program("kill", ["-TERM", &recorder.id().to_string()]).ok();
    recorder.wait().expect("it ends");
    let log = fs::read_to_string(&log).expect("a log");
    assert!(log.contains("draining") && !log.contains(token), "{log}");
    let found = Output::of(Command::new("grep").args(["-rlaF", token]).arg(&data));
    assert_eq!((found.code, found.text()), (1, ""));
}

#[test]
fn the_console_cannot_be_reached_through_the_proxy() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    let (console, token) = (wayside.console(), token(&wayside));
    for target in [
        format!("http://{console}/api/status"),
        format!("http://localhost:{}/api/status", console.port()),
        "/api/status".to_owned(),
        format!("//{console}/api/status"),
        format!("/@{console}/api/status"),
    ] {
        for host in [console.to_string(), "shop.test".to_owned()] {
            let mut peer = Peer::connect(wayside.http());
            let auth = format!("Authorization: Bearer {token}\r\nCookie: wayside_token={token}");
            peer.send(format!(
                "POST {target} HTTP/1.1\r\nHost: {host}\r\n{auth}\r\nContent-Length: 4\r\n\r\necho"
            ));
            let answer = Message::response(&mut peer, "POST").expect("an answer");
            assert_eq!((answer.status(), &*answer.payload), (200, &b"echo"[..]), "{target} {host}");
        }
    }
    assert_eq!(echo.seen().len(), 10, "all of it went to the backend");
}

/// Names of a listener on `ip`, each of which leads to it.
fn spellings(ip: &str) -> Vec<String> {
    let names: &[&str] = match ip {
        "127.0.0.1" => &[
            "localhost",
            "LOCALHOST",
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "0",
            "0.0.0.0",
            "0x7f.1",
            "0x7f000001",
            "017700000001",
            "2130706433",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::ffff:0.0.0.0]",
            "[0:0:0:0:0:ffff:7f00:0001]",
        ],
        "::1" => &["[::1]", "[0:0:0:0:0:0:0:1]", "[::]"],
        _ => &["127.0.0.1", "localhost", "127.9.9.9", "0.0.0.0", "[::ffff:127.0.0.1]"],
    };
    let mut names: Vec<String> = names.iter().map(ToString::to_string).collect();
    if ip == "0.0.0.0" {
        // The address that this machine would send from, found without sending anything.
        let outward = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
            socket.connect("192.0.2.1:9")?;
            socket.local_addr()
        });
        names.extend(outward.ok().map(|address| address.ip().to_string()));
        // Whatever this machine is called, if that leads here.
        let hostname = program("hostname", [""; 0]).stdout;
        let hostname = String::from_utf8_lossy(&hostname).trim().to_owned();
        let leads_here = |name: &str| {
            (name, 0).to_socket_addrs().is_ok_and(|mut found| {
                found.any(|address| address.is_ipv4() && TcpListener::bind(address).is_ok())
            })
        };
        names.extend((!hostname.is_empty() && leads_here(&hostname)).then_some(hostname));
    }
    names
}

#[test]
fn an_upstream_that_is_one_of_our_own_listeners_is_refused_at_the_start_by_every_name() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (flag, listener, ip) in [
        ("--console", "127.0.0.1:8081", "127.0.0.1"),
        ("--listen", "127.0.0.1:8081", "127.0.0.1"),
        ("--listen-http", "127.0.0.1:8081", "127.0.0.1"),
        ("--listen-http", "[::1]:8081", "::1"),
        ("--listen", "0.0.0.0:8081", "0.0.0.0"),
    ] {
        for name in spellings(ip) {
            let upstream = format!("http://{name}:8081");
            let mut arguments = vec!["record", upstream.as_str(), flag, listener];
            for other in ["--listen", "--console"].into_iter().filter(|other| *other != flag) {
                arguments.extend([other, "127.0.0.1:0"]);
            }
            let refused = Wayside::run_on(&folder.path().join("data"), arguments).exits(2);
            let said = format!("the upstream `{}` is ", upstream.to_lowercase());
            let named = refused.stderr.contains(&said) || name.starts_with('[');
            assert!(named && refused.stderr.contains(flag), "{name}: {}", refused.stderr);
        }
    }
    assert!(!folder.path().join("data").exists(), "nothing was begun");
}

#[test]
fn a_replay_never_goes_to_the_recorder_itself() {
    let backend = Backend::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let wayside = Wayside::start(&backend.url(), &[]);
    curl([wayside.http_url("/a")]).ok();
    let exchange = id(&wayside.ended("", 1)[0]).to_owned();
    for (scheme, listener) in
        [("http", wayside.http()), ("https", wayside.https()), ("http", wayside.console())]
    {
        for name in spellings("127.0.0.1") {
            let to = format!("{scheme}://{name}:{}", listener.port());
            let refused = wayside.run(["replay", &exchange, "--to", &to]).exits(2);
            assert!(refused.stderr.contains("is the recorder itself"), "{to}: {}", refused.stderr);
        }
    }
    assert_eq!(wayside.settled()["forwarded"], 1);
}

#[test]
fn a_replay_goes_to_link_local_addresses_only_when_told_so() {
    let backend = Backend::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let wayside = Wayside::start(&backend.url(), &[]);
    curl([wayside.http_url("/latest/meta-data/")]).ok();
    let exchange = id(&wayside.ended("", 1)[0]).to_owned();
    for host in [
        "169.254.169.254",
        "169.254.1.1",
        "0xa9fea9fe",
        "2852039166",
        "[::ffff:169.254.169.254]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "100.100.100.200",
    ] {
        let to = format!("http://{host}");
        let asked = ["replay", exchange.as_str(), "--to", to.as_str()];
        for asked in [asked.to_vec(), [&asked[..], &["--dry-run"]].concat()] {
            let refused = wayside.run(&asked).exits(2);
            assert!(refused.stderr.contains("--allow-link-local"), "{to}: {}", refused.stderr);
        }
        // Only planned: nothing is sent there.
        wayside.run([&asked[..], &["--dry-run", "--allow-link-local"]].concat()).ok();
    }
}

#[test]
fn hostile_words_come_out_raw_in_no_tail_comparison_log_or_error() {
    const EVIL: &str = "\u{202e}\u{9b}31m\u{7f}\u{200b}";
    let answer = "HTTP/1.1 200 O\u{9b}K\r\nX-A: \u{202e}\r\nContent-Length: 6\r\n\r\n\x1b[2J\u{9b}";
    let backend = Backend::scripted(move |peer| {
        while let Some(head) = peer.head() {
            let text = String::from_utf8_lossy(&head).into_owned();
            let broken = text.starts_with("GET /broken");
            peer.send(if broken { "HTTP/1.1 2\u{9b}00\r\nX\x1b[2J: a\r\n\r\n" } else { answer });
            if broken {
                break;
            }
        }
    });
    let mut wayside = Wayside::start(&backend.url(), &[]);
    let mut following = Command::new(Wayside::binary())
        .args(["exchanges", "--follow", "--data"])
        .arg(wayside.data())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut said = BufReader::new(following.stderr.take().expect("a pipe"));
    said.read_line(&mut String::new()).expect("it says that it waits");
    for request in [
        format!("GET /a{EVIL}?q={EVIL} HTTP/1.1\r\nHost: x\r\nUser-Agent: {EVIL}\r\n\r\n")
            .replace('\u{7f}', ""),
        format!("GET /broken{EVIL} HTTP/1.1\r\nHost: x\r\nX-Api-Key: {EVIL}\r\n\r\n")
            .replace('\u{7f}', ""),
        format!("GET /refused{EVIL} HTTP/1.1\r\nHost: {EVIL}\x1b[2J\r\n\r\n"),
        format!("POST /refused HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {EVIL}\r\n\r\n"),
    ] {
        let mut peer = Peer::connect(wayside.http());
        peer.send(request);
        assert!(peer.head().is_some());
    }
    Peer::connect(wayside.https()).send(format!("\x16\x03\x01{EVIL}\r\n\r\n"));
    let recorded = wayside.ended("", 5);
    let typed = format!("status:{EVIL}");
    let mut outputs = vec![
        wayside.run(["status"]),
        wayside.run(["exchanges", &typed]),
        wayside.run(["clients", "show", EVIL]),
        wayside.run(["show", EVIL]),
        wayside.run(["export", EVIL, "--as", "curl"]),
        wayside.run(["replay", id(&recorded[0]), "--to", &format!("http://{EVIL}")]),
    ];
    for exchange in &recorded {
        for json in [&[][..], &["--json"]] {
            let url = backend.url();
            let replay = ["replay", id(exchange), "--to", &url, "--pace", "max", "--allow-writes"];
            outputs.push(wayside.run([&replay[..], json].concat()));
        }
    }
    assert_eq!(wayside.stop(), 0);
    let followed = following.wait_with_output().expect("it ends with the recorder");
    let followed = String::from_utf8(followed.stdout).expect("text");
    assert!(followed.lines().count() >= 3, "{followed}");
    outputs.push(Output { code: 0, stdout: followed.into_bytes(), stderr: wayside.output() });
    let hostile =
        |c: char| c.is_control() && !"\n\t".contains(c) || "\u{202e}\u{200b}\u{2028}".contains(c);
    for output in outputs {
        for text in [output.text(), &output.stderr] {
            assert!(!text.contains(hostile), "{}", text.escape_debug());
        }
    }
}
