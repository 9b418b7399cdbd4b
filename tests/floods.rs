//! Floods: whatever one client sends, and however slowly, memory stays bounded and the others are served.

use std::io::Write as _;
use std::time::Duration;

use wayside_tests::{
    Backend, Echo, Ending, Frames, Message, Peer, Wayside, curl, eventually, id, python,
};

/// What a flood may cost in memory: the windows of its connections, and room for the build's own ways.
const ROOM: u64 = 48 << 20;
/// Frames of one flood; bounded, so that each takes a second.
const MANY: usize = 20_000;

/// Starts a proxy of one worker, lets `flood` loose on it, and looks at what it cost.
#[track_caller]
fn survives(arguments: &[&str], flood: impl FnOnce(&Wayside)) {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[&["--workers", "1"], arguments].concat());
    let ask = || curl([wayside.http_url("/others").as_str(), "-d", "served"]).ok();
    assert_eq!(ask().text(), "served");
    let before = wayside.peak_memory();
    flood(&wayside);
    assert_eq!(ask().text(), "served");
    let cost = wayside.peak_memory() - before;
    assert!(cost < ROOM, "it cost {} MiB", cost >> 20);
}

/// Sends `frames` over and over; false once the server has had enough.
fn repeat(client: &mut Frames, times: usize, mut frames: impl FnMut(u32) -> Vec<u8>) -> bool {
    let mut sent = Vec::new();
    for n in 0..times {
        sent.extend(frames(u32::try_from(2 * n + 1).expect("a stream")));
        if sent.len() > 16 << 10 || n + 1 == times {
            if !client.send_all(&sent) {
                return false;
            }
            sent.clear();
        }
    }
    true
}

/// `ENHANCE_YOUR_CALM`.
const CALM: u32 = 11;

#[test]
fn streams_that_are_opened_and_reset_end_the_connection_and_load_nobody() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--workers", "1"]);
    let mut client = Frames::connect(wayside.http());
    repeat(&mut client, MANY, |stream| {
        let mut frames = Frames::request(stream, "GET", "/delay/1000", true);
        frames.extend(Frames::frame(Frames::RESET, 0, stream, &8_u32.to_be_bytes()));
        frames
    });
    let ending = client.ending(0);
    assert!(matches!(ending, Ending::GoneAway(CALM) | Ending::Closed), "{ending:?}");
    assert_eq!(curl([wayside.http_url("/others").as_str(), "-d", "served"]).ok().text(), "served");
    assert!(echo.seen().len() < 1000, "{} requests reached the backend", echo.seen().len());
}

#[test]
fn streams_that_the_server_is_made_to_reset_end_the_connection_and_load_nobody() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--workers", "1"]);
    let mut client = Frames::connect(wayside.http());
    repeat(&mut client, MANY, |stream| {
        let mut frames = Frames::request(stream, "GET", "/delay/1000", true);
        // A window that grows beyond 2^31-1 is an error of the stream (RFC 9113 section 6.9.1).
        frames.extend(Frames::frame(Frames::WINDOW, 0, stream, &0x7fff_ffff_u32.to_be_bytes()));
        frames
    });
    let ending = client.ending(0);
    assert!(matches!(ending, Ending::GoneAway(CALM) | Ending::Closed), "{ending:?}");
    assert_eq!(curl([wayside.http_url("/others").as_str(), "-d", "served"]).ok().text(), "served");
    assert!(echo.seen().len() < 2000, "{} requests reached the backend", echo.seen().len());
}

#[test]
fn a_head_that_continues_without_end_is_cut() {
    survives(&[], |wayside| {
        let mut client = Frames::connect(wayside.http());
        let block = Frames::block(&[(b"x", &[b'v'; 8000])]);
        client.send(Frames::HEADERS, Frames::END, 1, &block);
        let piece = Frames::frame(Frames::CONTINUATION, 0, 1, &block);
        assert!(!repeat(&mut client, MANY, |_| piece.clone()), "160 MB of head were taken");
    });
}

#[test]
fn a_head_that_continues_with_nothing_is_cut() {
    survives(&[], |wayside| {
        let mut client = Frames::connect(wayside.http());
        client.send(Frames::HEADERS, Frames::END, 1, &[]);
        let nothing = Frames::frame(Frames::CONTINUATION, 0, 1, &[]);
        repeat(&mut client, MANY, |_| nothing.clone());
        assert_ne!(client.ending(1), Ending::Answered(200));
    });
}

#[test]
fn a_small_head_that_unpacks_to_a_huge_one_is_refused() {
    survives(&[], |wayside| {
        let mut client = Frames::connect(wayside.http());
        // One field goes into the table, and is then named by a byte each (RFC 7541 section 6.1).
        let mut block = vec![0x40, 1, b'x', 127, 0x81, 0x1e];
        block.extend([b'v'; 4000]);
        block.extend([0xbe; 12_000]);
        for stream in [1, 3, 5] {
            let mut frames = Frames::request(stream, "GET", "/others", true);
            frames[4] = Frames::END;
            frames.extend(Frames::frame(Frames::CONTINUATION, Frames::END_HEADERS, stream, &block));
            if !client.send_all(&frames) {
                return;
            }
            assert_ne!(client.ending(stream), Ending::Answered(200));
        }
    });
}

#[test]
fn frames_that_carry_nothing_cost_nothing() {
    let ping = Frames::frame(Frames::PING, 0, 0, &[7; 8]);
    let settings = Frames::frame(Frames::SETTINGS, 0, 0, &[0, 1, 0, 0, 0x10, 0]);
    let acknowledged = Frames::frame(Frames::SETTINGS, Frames::END, 0, &[]);
    let priority = Frames::frame(Frames::PRIORITY, 0, 1, &[0, 0, 0, 0, 1]);
    let window = Frames::frame(Frames::WINDOW, 0, 0, &1_u32.to_be_bytes());
    let unknown = Frames::frame(0xbb, 0, 0, &[0; 64]);
    for frame in [ping, settings, acknowledged, priority, window, unknown] {
        survives(&[], |wayside| {
            // Nothing is read: what the server would answer has nowhere to go.
            let mut client = Frames::connect(wayside.http());
            repeat(&mut client, 5 * MANY, |_| frame.clone());
        });
    }
}

#[test]
fn a_body_in_pieces_of_nothing_or_next_to_nothing_costs_no_more_than_its_window() {
    for (flags, piece) in [(0, &[][..]), (0, b"x"), (8, &[200; 201])] {
        // The backend takes the request and reads no further, so that nothing drains.
        let (sender, until) = std::sync::mpsc::channel::<()>();
        let until = std::sync::Mutex::new(until);
        let stalled = Backend::scripted(move |peer| {
            peer.head();
            // What was never read can be peeked at for ever, so no end of the connection is seen.
            let _ = until.lock().map(|until| until.recv());
        });
        // Dropped before the backend, which waits for its scripts.
        let over = sender;
        let wayside = Wayside::start(&stalled.url(), &["--workers", "1"]);
        let before = wayside.peak_memory();
        let mut client = Frames::connect(wayside.http());
        client.send_all(&Frames::request(1, "POST", "/stalled", false));
        let frame = Frames::frame(Frames::DATA, flags, 1, piece);
        repeat(&mut client, 5 * MANY, |_| frame.clone());
        let cost = wayside.peak_memory() - before;
        assert!(cost < ROOM, "pieces of {} bytes cost {} MiB", piece.len(), cost >> 20);
        drop((client, wayside, over));
    }
}

#[test]
fn an_http_2_client_that_says_no_more_is_let_go() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--idle-timeout", "1s"]);
    let limit = Duration::from_secs(30);
    let mut silent = Frames::connect(wayside.http());
    let mut half = Frames::connect(wayside.http());
    half.send(Frames::HEADERS, Frames::END, 1, &Frames::block(&[(b":method", b"GET")]));
    let mut cut = Frames::connect(wayside.http());
    cut.send_all(&[0, 0, 200, Frames::HEADERS]);
    assert!(silent.closes_within(limit), "one that is silent after its settings");
    assert!(half.closes_within(limit), "one whose head never ends");
    assert!(cut.closes_within(limit), "one whose frame never ends");
    eventually("they are gone", limit, || wayside.connections(wayside.http()) == 0);
}

#[test]
fn a_request_body_that_stops_coming_is_a_408_that_names_the_setting() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--body-timeout", "1s"]);
    for framing in
        ["Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"]
    {
        let mut peer = Peer::connect(wayside.http());
        peer.send(format!("POST /slow HTTP/1.1\r\nHost: a\r\n{framing}"));
        let said = String::from_utf8(peer.rest()).expect("text");
        assert!(said.starts_with("HTTP/1.1 408 ") && said.contains("--body-timeout"), "{said}");
    }
    let mut client = Frames::connect(wayside.http());
    client.send_all(&Frames::request(1, "POST", "/slow", false));
    client.send(Frames::DATA, 0, 1, b"abc");
    assert_eq!(client.ending(1), Ending::Answered(0));
    let refused = wayside.ended("status:408", 3);
    assert!(refused.iter().all(|exchange| exchange["outcome"] == "refused"), "{refused:#?}");
    assert!(echo.seen().is_empty());
}

#[test]
fn a_long_upload_that_makes_progress_is_not_cut_by_any_limit_on_waiting() {
    let echo = Echo::start();
    let limits = ["--body-timeout", "5s", "--response-timeout", "2s"];
    let wayside = Wayside::start(&echo.url(), &limits);
    let mut peer = Peer::connect(wayside.http());
    peer.send("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n");
    for _ in 0..40 {
        std::thread::sleep(Duration::from_millis(100));
        peer.send("x");
    }
    let head = peer.head().expect("an answer");
    assert!(head.starts_with(b"HTTP/1.1 200 "), "{}", head.escape_ascii());
    assert_eq!(peer.exactly(40), [b'x'; 40]);
}

/// A gzip body that unpacks to 128 MiB, in an eighth of a megabyte.
fn bomb() -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&vec![b'0'; 4 << 20]).expect("memory");
    // A gzip body may have any number of members (RFC 1952 section 2.2).
    packed.finish().expect("memory").repeat(32)
}

const MEASURED: &str = r"
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
";

#[test]
fn a_body_that_unpacks_to_a_huge_one_costs_little_to_show_search_and_export() {
    let body = bomb();
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\nContent-Length: ";
    let answer = [format!("{head}{}\r\n\r\n", body.len()).as_bytes(), &body].concat();
    let backend = Backend::answering(answer);
    let wayside = Wayside::start(&backend.url(), &["--workers", "1"]);
    curl([wayside.http_url("/bomb").as_str(), "-o", "/dev/null"]).ok();
    let exchange = id(&wayside.ended("", 1)[0]).to_owned();
    let before = wayside.peak_memory();
    let decoded = wayside.api(&format!("/api/exchanges/{exchange}/response/body?decoded=1")).ok();
    let most = body.len() * 100;
    assert!(decoded.stdout.len() <= most, "{} MiB of {}", decoded.stdout.len() >> 20, most >> 20);
    wayside.run(["exchanges", "body:needle"]).ok();
    let cost = wayside.peak_memory() - before;
    assert!(cost < 4 * ROOM, "the recorder took {} MiB", cost >> 20);
    let binary = Wayside::binary().display().to_string();
    let data = wayside.data().display().to_string();
    for verb in [
        &["show", &exchange][..],
        &["show", &exchange, "--body", "response"],
        &["export", &exchange, "--as", "har"],
        &["export", &exchange, "--as", "curl"],
    ] {
        let command = [&[binary.as_str()], verb, &["--data", &data]].concat();
        let said = python(MEASURED, command).ok();
        let (code, kibibytes) = said.text().trim().split_once(' ').expect("two figures");
        let mebibytes = kibibytes.parse::<u64>().expect("a figure") >> 10;
        // 3 says that there is more than was shown.
        assert!(["0", "3"].contains(&code), "{verb:?} ended with {code}");
        assert!(mebibytes < 192, "{verb:?} took {mebibytes} MiB");
    }
}

#[test]
fn many_clients_and_paths_cost_the_recorder_no_memory_of_their_own() {
    let backend = Backend::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let wayside = Wayside::start(&backend.url(), &["--workers", "1"]);
    let mut peer = Peer::connect(wayside.http());
    let mut ask = |numbers: std::ops::Range<usize>| {
        let numbers: Vec<usize> = numbers.collect();
        for some in numbers.chunks(50) {
            // A name of its own for client, path and session each.
            for number in some {
                let name = format!("{}{number}", "n".repeat(400));
                peer.send(format!("GET /{name} HTTP/1.1\r\nHost: a\r\nX-Api-Key: {name}\r\n\r\n"));
            }
            for _ in some {
                assert_eq!(Message::response(&mut peer, "GET").expect("an answer").status(), 200);
            }
        }
    };
    ask(0..2000);
    wayside.settled();
    let before = wayside.peak_memory();
    ask(2000..6000);
    wayside.settled();
    let cost = wayside.peak_memory() - before;
    assert!(cost < 16 << 20, "4000 clients more took {} KiB", cost >> 10);
    let one = wayside.run(["exchanges", "--json", "--limit", "1"]).ok().json_lines().remove(0);
    let client = one["client"].as_str().expect("a name");
    assert!(client.len() < 80, "{client}");
}
