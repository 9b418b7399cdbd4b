//! The commands run: by a real `sh` with a curl that shows its arguments, and by the real curl
//! against a server that keeps every byte it is sent.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "support/exchange.rs"]
mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use support::exchange;
use wayside_formats::curl::{CurlCommand, CurlOptions, Script, command, script};

const SHOW: &str = "curl() { printf '%s\\0' \"$@\"; case \"$*\" in *@-*) cat ;; esac; }\n";

/// Runs `text` in a shell and gives what curl would have been called with.
fn arguments(text: &str, variables: &[(&str, &str)]) -> Vec<Vec<u8>> {
    let output = Command::new("sh")
        .arg("-c")
        .arg(format!("{SHOW}{text}"))
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && error.is_empty(), "{error}\n{text}");
    output.stdout.split(|&b| b == 0).map(<[u8]>::to_vec).collect()
}

fn after<'a>(arguments: &'a [Vec<u8>], flag: &str) -> Vec<&'a [u8]> {
    let pairs = arguments.windows(2).filter(|pair| pair[0] == flag.as_bytes());
    pairs.map(|pair| pair[1].as_slice()).collect()
}

/// Runs the command with the real curl against a server that answers once; gives what it was sent.
fn sent(request: &str, body: &[u8], options: &CurlOptions) -> (Vec<u8>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let request = request.replace("HOST", &host);
    let options = CurlOptions {
        to: options.to.clone().map(|to| to.replace("HOST", &host)),
        ..options.clone()
    };
    let folder = tempfile::tempdir().unwrap();
    let CurlCommand { text, files } = command(&exchange(request.as_bytes(), b""), body, &options);
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    std::fs::write(folder.path().join("script.sh"), &text).unwrap();
    let child = Command::new("sh")
        .arg("script.sh")
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    let mut received = Vec::new();
    let mut piece = [0; 16_384];
    while !is_whole(&received) {
        let read = stream.read(&mut piece).unwrap();
        assert!(read > 0, "curl went away after {:?}", String::from_utf8_lossy(&received));
        received.extend_from_slice(&piece[..read]);
    }
    stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").unwrap();
    drop(stream);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
    let received = String::from_utf8_lossy(&received).replace(&host, "HOST").into_bytes();
    (received, text.replace(&host, "HOST"))
}

fn is_whole(received: &[u8]) -> bool {
    let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&received[..end]).to_ascii_lowercase();
    if head.contains("transfer-encoding: chunked") {
        return received.ends_with(b"0\r\n\r\n");
    }
    let length = head
        .split("content-length: ")
        .nth(1)
        .map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
    received.len() >= end + 4 + length
}

#[test]
fn the_real_curl_sends_what_was_recorded_and_nothing_else() {
    for request in [
        "GET /items?page=2 HTTP/1.1\r\nHost: HOST\r\nuser-agent: x/1\r\nACCEPT: */*\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: HOST\r\n\r\n",
        "HEAD /a HTTP/1.1\r\nHost: HOST\r\nX-One: 1\r\nx-one: 2\r\nX-ONE:3\r\n\r\n",
        "DELETE /a HTTP/1.1\r\nHost: HOST\r\nX-Empty:\r\nX-Quote: it's \"$HOME\" `id` \\ !\r\n\r\n",
        "GET /a/../b/./c//d/%2e%2e/e HTTP/1.1\r\nHost: HOST\r\n\r\n",
        "GET /a[1-3]{x,y}?q[]=1&z={} HTTP/1.1\r\nHost: HOST\r\n\r\n",
        "GET //two//slashes? HTTP/1.1\r\nHost: HOST\r\n\r\n",
        "GET /caf\u{e9}|\"<>^`\\#frag HTTP/1.1\r\nHost: HOST\r\nX-Name: caf\u{e9}\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: HOST\r\n\r\n",
        "GET http://elsewhere/x?y HTTP/1.1\r\nHost: HOST\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: HOST\r\nAccept-Encoding: gzip, br\r\n\r\n",
        "GET /a'b HTTP/1.1\r\nHost: HOST\r\nX-At: @file\r\nCookie: a=1; b=2\r\nCookie: c=3\r\n\r\n",
        "POST /none HTTP/1.1\r\nHost: HOST\r\nAccept: a\r\n\r\n",
        "M-SEARCH /x HTTP/1.1\r\nHost: HOST\r\nReferer: http://a/\r\n\r\n",
    ] {
        let (received, text) = sent(request, b"", &CurlOptions::default());
        assert_eq!(String::from_utf8(received).unwrap(), request, "{text}");
    }
}

#[test]
fn bodies_arrive_byte_for_byte_whichever_way_they_go() {
    let binary: Vec<u8> = (0..=255).cycle().take(3000).collect();
    let long = "it's long\n".repeat(20_000).into_bytes();
    let bodies: [&[u8]; 7] = [
        b"",
        b"@file",
        b"{\"a\": \"it's\"}\n\n",
        "\u{202e}caf\u{e9}".as_bytes(),
        b"a\r\nb\0c",
        &binary,
        &long,
    ];
    for body in bodies {
        for files in [None, Some(String::new())] {
            let options = CurlOptions { files, ..CurlOptions::default() };
            let head = "POST /x HTTP/1.1\r\nHost: HOST\r\nContent-Type: a/b\r\n";
            let length = format!("Content-Length: {}\r\n\r\n", body.len());
            let (received, text) = sent(&format!("{head}{length}"), body, &options);
            let expected = [head.as_bytes(), length.as_bytes(), body].concat();
            assert_eq!(
                String::from_utf8_lossy(&received),
                String::from_utf8_lossy(&expected),
                "{text:.400}"
            );
        }
    }
}

#[test]
fn a_body_without_a_type_gets_none_and_a_chunked_one_stays_chunked() {
    let head = "PUT /x HTTP/1.1\r\nHost: HOST\r\n";
    let (received, _) =
        sent(&format!("{head}Content-Length: 2\r\n\r\n"), b"hi", &CurlOptions::default());
    assert_eq!(String::from_utf8(received).unwrap(), format!("{head}Content-Length: 2\r\n\r\nhi"));
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
    let (received, _) = sent(&chunked, b"hi", &CurlOptions::default());
    assert_eq!(String::from_utf8(received).unwrap(), format!("{chunked}2\r\nhi\r\n0\r\n\r\n"));
    let get = "GET /x HTTP/1.1\r\nHost: HOST\r\nContent-Length: 2\r\n\r\n";
    let (received, _) = sent(get, b"hi", &CurlOptions::default());
    assert_eq!(String::from_utf8(received).unwrap(), format!("{get}hi"));
}

#[test]
fn another_base_takes_path_and_host() {
    let options = CurlOptions { to: Some("http://HOST/v2/".into()), ..CurlOptions::default() };
    for target in ["/a?b", "http://shop/a?b"] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: shop\r\nA: b\r\n\r\n");
        let (received, text) = sent(&request, b"", &options);
        let expected = "GET /v2/a?b HTTP/1.1\r\nHost: HOST\r\nA: b\r\n\r\n";
        assert_eq!(String::from_utf8(received).unwrap(), expected, "{text}");
    }
}

#[test]
fn hop_by_hop_fields_stay_behind() {
    let request = "GET / HTTP/1.1\r\nHost: HOST\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n\
                   Keep-Alive: 5\r\nTE: trailers\r\nX-Stay: 1\r\n\r\n";
    let (received, _) = sent(request, b"", &CurlOptions::default());
    let expected = "GET / HTTP/1.1\r\nHost: HOST\r\nX-Stay: 1\r\n\r\n";
    assert_eq!(String::from_utf8(received).unwrap(), expected);
}

#[test]
fn a_command_reads_like_this() {
    let request =
        b"POST /orders?key=wayside-sealed-3f9a1c22d0e1 HTTP/1.1\r\nHost: shop.example\r\n\
        User-Agent: app/1\r\nAuthorization: Bearer wayside-sealed-0123456789ab\r\n\
        Cookie: a=wayside-sealed-0123456789ab; b=wayside-sealed-00000000000f\r\n\
        Content-Type: application/json\r\nContent-Length: 8\r\n\r\n";
    let exchange = exchange(request, b"HTTP/1.1 201 Created\r\n\r\n");
    let options = CurlOptions { cacert: Some("ca.pem".into()), ..CurlOptions::default() };
    let CurlCommand { text, files } = command(&exchange, b"{\"n\": 1}", &options);
    assert!(files.is_empty());
    assert_eq!(
        text,
        ": \"${WAYSIDE_URL_1:?set it to what wayside-sealed-3f9a1c22d0e1 stands for in URL}\"
: \"${WAYSIDE_AUTHORIZATION_1:?set it to what wayside-sealed-0123456789ab stands for in Authorization}\"
: \"${WAYSIDE_COOKIE_1:?set it to what wayside-sealed-00000000000f stands for in Cookie}\"
# 2026-11-18T11:06:40.123456Z key:3f9a1c22d0e1 201 12.3 ms ".to_owned()
            + &exchange.summary.id.to_string()
            + "
curl -sS --http1.1 --cacert 'ca.pem' 'http://shop.example/orders?key='\"$WAYSIDE_URL_1\" \\
  -H 'User-Agent: app/1' \\
  -H 'Authorization: Bearer '\"$WAYSIDE_AUTHORIZATION_1\" \\
  -H 'Cookie: a='\"$WAYSIDE_AUTHORIZATION_1\"'; b='\"$WAYSIDE_COOKIE_1\" \\
  -H 'Content-Type: application/json' \\
  -H 'Accept:' \\
  --data-raw '{\"n\": 1}'
"
    );
    let set = [
        ("WAYSIDE_URL_1", "k"),
        ("WAYSIDE_AUTHORIZATION_1", "a 'b' $c"),
        ("WAYSIDE_COOKIE_1", "2"),
    ];
    let arguments = arguments(&text, &set);
    assert_eq!(after(&arguments, "-H")[1], b"Authorization: Bearer a 'b' $c");
    assert!(arguments.contains(&b"http://shop.example/orders?key=k".to_vec()));
}

#[test]
fn a_secret_that_is_not_set_stops_the_script_and_is_named() {
    let exchange = exchange(
        b"GET / HTTP/1.1\r\nHost: h\r\nX-Api-Key: wayside-sealed-3f9a1c22d0e1\r\n\r\n",
        b"",
    );
    let text = command(&exchange, b"", &CurlOptions::default()).text;
    let output = Command::new("sh").arg("-c").arg(format!("{SHOW}{text}")).output().unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        error.contains("WAYSIDE_X_API_KEY_1: set it to what wayside-sealed-3f9a1c22d0e1"),
        "{error}"
    );
}

#[test]
fn a_session_is_a_script_in_order_with_variables_at_the_top() {
    let one = exchange(
        b"GET /1 HTTP/1.1\r\nHost: h\r\nX-Api-Key: wayside-sealed-3f9a1c22d0e1\r\n\r\n",
        b"",
    );
    let two = exchange(b"POST /2 HTTP/1.1\r\nHost: h\r\nX-Api-Key: wayside-sealed-3f9a1c22d0e1\r\nContent-Length: 2\r\n\r\n", b"");
    let options = CurlOptions { files: Some("bodies".into()), ..CurlOptions::default() };
    let whole = script(&[(&one, b""), (&two, b"\0\x01")], &options);
    assert!(
        whole.text.starts_with("#!/bin/sh\n# 2 recorded requests of key:3f9a1c22d0e1, from 2026-")
    );
    assert_eq!(whole.text.matches("WAYSIDE_X_API_KEY_1:?").count(), 1);
    assert!(whole.text.find("set -u").unwrap() < whole.text.find("curl").unwrap());
    let seen = arguments(&whole.text, &[("WAYSIDE_X_API_KEY_1", "k")]);
    let urls: Vec<_> = seen.iter().filter(|one| one.starts_with(b"http://")).collect();
    assert_eq!(urls, [b"http://h/1", b"http://h/2"]);
    let name = format!("{}-request.bin", two.summary.id);
    assert_eq!(whole.files, [(name.clone(), b"\0\x01".to_vec())]);
    assert_eq!(after(&seen, "--data-binary"), [format!("@bodies/{name}").as_bytes()]);
    let stepped = Script::new([&one, &two], options);
    assert!(whole.text.starts_with(&(stepped.opening() + &stepped.step(&one, b"").text)));
}

#[test]
fn a_failed_handshake_is_a_comment_and_a_hostile_name_stays_in_it() {
    let mut nothing = exchange(b"", b"");
    nothing.summary.client = "x\nrm -rf /\u{202e}\x1b[2J".into();
    let text = command(&nothing, b"", &CurlOptions::default()).text;
    assert!(text.lines().all(|line| line.starts_with('#')), "{text}");
    assert!(text.chars().all(|c| c == '\n' || c == ' ' || c.is_ascii_graphic()), "{text}");
}

#[test]
fn an_unknown_host_is_asked_for() {
    let text =
        command(&exchange(b"GET /a HTTP/1.0\r\n\r\n", b""), b"", &CurlOptions::default()).text;
    let seen = arguments(&text, &[("WAYSIDE_BASE", "http://b")]);
    assert!(seen.contains(&b"http://b/a".to_vec()), "{text}");
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        Just(b'\''),
        Just(b'"'),
        Just(b'$'),
        Just(b'\\'),
        Just(b'\t'),
        0x20_u8..0x7f,
        0x80_u8..=0xff,
        1_u8..0x20
    ];
    proptest::collection::vec(byte.prop_filter("line ends", |b| !b"\r\n".contains(b)), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn the_shell_gives_curl_the_exact_bytes(
        values in proptest::collection::vec(value(), 0..6),
        target in proptest::collection::vec(0x21_u8..=0xff, 0..30),
        text in prop_oneof![
            "[ -~\n\t\u{e9}\u{1f600}\u{202e}'\"$`\\\\]{0,80}".prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 0..80),
        ],
    ) {
        let lines: Vec<Vec<u8>> = values.iter().enumerate()
            .map(|(n, value)| [format!("X-{n}: ").as_bytes(), value.trim_ascii()].concat()).collect();
        let mut head = [b"POST /", &target[..], b" HTTP/1.1\r\nHost: h\r\n"].concat();
        head.extend(lines.iter().flat_map(|line| [&line[..], b"\r\n"].concat()));
        head.extend(format!("Content-Length: {}\r\n\r\n", text.len()).bytes());
        let text_only = command(&exchange(&head, b""), &text, &CurlOptions::default()).text;
        prop_assert!(text_only.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'));
        let seen = arguments(&text_only, &[]);
        let fields = after(&seen, "-H");
        for (n, line) in lines.iter().enumerate() {
            let empty = format!("X-{n};");
            let expected = if line.ends_with(b": ") { empty.as_bytes() } else { line };
            prop_assert_eq!(fields[n], expected);
        }
        let whole = [b"/", &target[..]].concat();
        let url = [b"http://h", &whole[..]].concat();
        prop_assert!(after(&seen, "--request-target") == [whole] || seen.contains(&url));
        if let Some(data) = after(&seen, "--data-raw").first() {
            prop_assert_eq!(*data, &text[..]);
        } else if !text.is_empty() {
            let output = seen.join(&0);
            prop_assert!(output.ends_with(&[b"@-\0", &text[..]].concat()));
        }
    }
}
