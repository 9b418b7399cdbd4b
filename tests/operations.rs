//! The verbs around the recording: status, verify, doctor, config, completions, demo.

use std::fs;
use std::process::Command;

use serde_json::json;
use wayside_tests::{Echo, Output, Wayside, curl};

#[test]
fn the_status_says_how_the_recorder_does_while_it_runs_and_after() {
    let echo = Echo::start();
    let mut wayside = Wayside::start(&echo.url(), &[]);
    curl([wayside.http_url("/x")]).ok();
    let status = wayside.settled();
    for (key, value) in
        [("recording", json!(true)), ("forwarded", json!(1)), ("recorded", json!(1))]
    {
        assert_eq!(status[key], value, "{key} in {status}");
    }
    for key in ["marked", "lost", "recorded_through", "durable_through", "queue_bytes", "disk"] {
        assert!(status.get(key).is_some(), "no `{key}` in {status}");
    }
    assert!(status["disk"]["used"].as_u64() > Some(0) && status["disk"]["free"].as_u64() > Some(0));
    let text = wayside.run(["status"]).ok();
    for words in ["recording into", "1 exchange", "forwarded", "lost", "none", "durable"] {
        assert!(text.text().contains(words), "no `{words}` in {}", text.text());
    }
    let listening = [
        format!("https://{}", wayside.https()),
        format!("http://{}", wayside.http()),
        format!("http://{}", wayside.console()),
    ];
    assert_eq!(status["listening"], json!(listening));
    assert_eq!(wayside.stop(), 0);
    let after = wayside.status();
    assert_eq!((&after["recording"], &after["stored"]), (&false.into(), &1.into()));
    assert_eq!(after["recorded_through"], after["durable_through"], "a clean stop is durable");
    let text = wayside.run(["status"]).ok();
    assert!(text.text().contains("no recorder runs") && text.text().contains("1 exchange"));
}

#[test]
fn verify_finds_nothing_wrong_and_names_what_is() {
    let echo = Echo::start();
    let mut wayside = Wayside::start(&echo.url(), &[]);
    for number in 0..5 {
        curl([wayside.http_url(&format!("/bytes/{}", 1000 + number))]).ok();
    }
    wayside.ended("", 5);
    let running = wayside.run(["verify"]).ok();
    assert!(running.text().contains("5 exchanges in") && running.text().contains("all whole"));
    assert!(running.text().contains("0 exchanges lost"), "{}", running.text());
    let busy = wayside.run(["verify", "--rebuild"]).exits(3);
    assert!(busy.stderr.contains("a recorder runs"), "{}", busy.stderr);
    assert_eq!(wayside.stop(), 0);
    wayside.run(["verify", "--rebuild"]).ok();

    let segments = fs::read_dir(wayside.data().join("segments")).expect("segments");
    let segment = segments.map(|entry| entry.expect("an entry").path()).min().expect("a segment");
    let whole = fs::read(&segment).expect("it is readable");
    // In the first block, and in the last one, which no crash has torn: it was a clean stop.
    for place in [200, whole.len() - 20] {
        let mut bytes = whole.clone();
        bytes[place] ^= 0xff;
        fs::write(&segment, bytes).expect("it is written");
        let damaged = wayside.run(["verify"]).exits(1);
        assert!(damaged.text().contains("damaged: `"), "at {place}: {}", damaged.text());
        assert!(damaged.text().contains(&segment.display().to_string()), "{}", damaged.text());
        let json = wayside.run(["verify", "--json"]).exits(1).json();
        let blocks = json["damaged"].as_array().expect("blocks");
        assert!(!blocks.is_empty() && blocks[0]["offset"].as_u64() <= Some(place as u64), "{json}");
    }
    fs::write(&segment, whole).expect("it is written");
    wayside.run(["verify"]).ok();
}

#[test]
fn without_a_data_folder_every_reading_verb_says_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("nothing-here");
    for verb in [
        &["exchanges"][..],
        &["sessions"],
        &["clients"],
        &["show", "0q7x"],
        &["status"],
        &["verify"],
        &["export", "status:200", "--as", "curl"],
        &["replay", "status:200", "--to", "http://127.0.0.1:1"],
    ] {
        let output = Wayside::run_on(&data, verb).exits(3);
        assert!(output.stderr.contains("nothing-here"), "{verb:?}: {}", output.stderr);
        assert!(output.stderr.contains("hint: "), "{verb:?}: {}", output.stderr);
        assert!(output.stdout.is_empty() && !data.exists(), "{verb:?}");
    }
}

#[test]
fn a_data_folder_may_lie_deeper_than_a_socket_address_is_long() {
    let echo = Echo::start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("deep".repeat(20)).join("down".repeat(20)).join("data");
    let mut wayside = Wayside::start_on(&data, &echo.url(), &[]);
    curl([wayside.http_url("/x")]).ok();
    assert_eq!(wayside.exchanges("", 1)[0]["path"], "/x");
    assert_eq!(wayside.status()["recording"], true, "the recorder answers");
    assert_eq!(wayside.stop(), 0);
    assert_eq!(wayside.status()["recording"], false);
}

#[test]
fn what_stands_in_the_way_of_a_start_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("it is made");
    fs::write(data.join("control.sock"), "no socket").expect("it is written");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (any, taken) = ("127.0.0.1:0", listener.local_addr().expect("an address").to_string());
    let taken = taken.as_str();
    let file = folder.path().join("file");
    fs::write(&file, "no folder").expect("it is written");
    for (data, listen, console, words) in [
        (&data, any, any, "control.sock"),
        (&folder.path().join("other"), taken, any, taken),
        (&folder.path().join("third"), any, taken, taken),
        (&file, any, any, "file"),
    ] {
        let record = ["record", "http://127.0.0.1:1", "--listen", listen, "--console", console];
        let output = Wayside::run_on(data, record).exits(3);
        assert!(output.stderr.starts_with("error: "), "{}", output.stderr);
        assert!(output.stderr.contains(words), "no `{words}` in {}", output.stderr);
    }
}

#[test]
fn the_doctor_names_what_is_wrong_and_what_to_do() {
    let echo = Echo::start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let free = ["--listen", "127.0.0.1:0", "--console", "127.0.0.1:0"];
    let url = echo.url();
    let well = Wayside::run_on(&data, ["doctor", &url].iter().chain(&free)).ok();
    assert!(well.text().contains("ok  ") && !well.text().contains("fail"), "{}", well.text());
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("a bound socket").to_string()
    };
    let closed = format!("http://{nobody}");
    let wrong = Wayside::run_on(&data, ["doctor", &closed].iter().chain(&free)).exits(1);
    assert!(wrong.text().contains("fail") && wrong.text().contains(&nobody), "{}", wrong.text());
    assert!(wrong.text().contains("hint: "), "{}", wrong.text());
    let wayside = Wayside::start_on(&data, &echo.url(), &[]);
    let running = wayside.run(["doctor", &echo.url()]).ok();
    assert!(running.text().contains("recorder"), "{}", running.text());
}

#[test]
fn a_flag_beats_a_variable_the_variable_the_file_and_the_file_the_default() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("some.toml");
    fs::write(&file, "drain = \"5s\"\nqueue = \"1MiB\"\nidle-session = \"7m\"\n")
        .expect("it is written");
    let mut config = Command::new(Wayside::binary());
    config.args(["config", "--json", "--drain", "9s", "--config"]).arg(&file);
    config.env("WAYSIDE_DRAIN", "8s").env("WAYSIDE_QUEUE", "2MiB").current_dir(folder.path());
    let json = Output::of(&mut config).ok().json();
    let text = json.to_string();
    for words in ["9s", "2MiB", "7m", "WAYSIDE_QUEUE", "some.toml", "flag", "default"] {
        assert!(text.contains(words), "no `{words}` in {text}");
    }
    for words in ["8s", "5s", "1MiB"] {
        assert!(!text.contains(&format!("\"{words}\"")), "`{words}` was beaten: {text}");
    }
    let mut config = Command::new(Wayside::binary());
    let shown =
        Output::of(config.args(["config", "--drain", "9s"]).current_dir(folder.path())).ok();
    let line =
        shown.text().lines().find(|line| line.trim_start().starts_with("drain")).expect("drain");
    assert!(line.contains("9s") && line.contains("flag"), "{line}");
}

#[test]
fn unknown_keys_and_wrong_values_are_pointed_at() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("some.toml");
    let config = |content: &str, arguments: &[&str]| {
        fs::write(&file, content).expect("it is written");
        let mut config = Command::new(Wayside::binary());
        config.arg("config").args(arguments).arg("--config").arg(&file);
        Output::of(config.current_dir(folder.path())).exits(2).stderr
    };
    let unknown = config("drian = \"5s\"\n", &[]);
    assert!(unknown.contains("`drian`") && unknown.contains("`drain`"), "{unknown}");
    assert!(unknown.contains("some.toml"), "{unknown}");
    let torn = config("drain = [\n", &[]);
    assert!(torn.contains("not TOML") && torn.contains("some.toml"), "{torn}");
    let flag = config("", &["--drian", "5s"]);
    assert!(flag.contains("--drain"), "{flag}");
    let mut record = Command::new(Wayside::binary());
    record
        .args(["record", "http://127.0.0.1:1", "--drain", "soon", "--data"])
        .arg(folder.path().join("d"));
    let wrong = Output::of(&mut record).exits(2).stderr;
    assert!(wrong.contains("`--drain`") && wrong.contains("soon"), "{wrong}");
}

#[test]
fn completions_are_written_for_every_shell() {
    for (shell, words) in [
        ("bash", "complete -F _wayside"),
        ("zsh", "#compdef wayside"),
        ("fish", "complete -c wayside"),
        ("powershell", "Register-ArgumentCompleter"),
        ("elvish", "edit:completion"),
    ] {
        let script = Output::of(Command::new(Wayside::binary()).args(["completions", shell])).ok();
        assert!(script.text().contains(words), "no `{words}` for {shell}");
    }
    let bash = Output::of(Command::new(Wayside::binary()).args(["completions", "bash"])).ok();
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(file.path(), bash.stdout).expect("it is written");
    wayside_tests::program("bash", ["-n", &file.path().display().to_string()]).ok();
}

#[test]
fn the_demo_ends_by_itself_with_a_summary_and_five_clients() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let arguments = ["demo", "--for", "5s", "--listen", "127.0.0.1:0", "--console", "127.0.0.1:0"];
    let demo = Wayside::run_on(&data, arguments).ok();
    for seen in ["POST /orders", "GET /products/", "bearer:umbrella-web", "basic:globex-batch"] {
        assert!(demo.text().contains(seen), "live traffic: {}", demo.text());
    }
    let table = demo.text();
    let table = table.split_once("CLIENT").expect("a table of clients at the end").1;
    assert!(table.contains("errors on") && table.contains("at which to escalate"), "{table}");
    assert!(demo.stderr.contains("5 clients got "), "{}", demo.stderr);
    assert!(demo.stderr.contains("wayside clients"), "what to type next: {}", demo.stderr);
    let clients = Wayside::run_on(&data, ["clients", "--json"]).ok().json_lines();
    // A log-in comes before there is anything to know its client by.
    let known = clients.iter().filter(|client| client["requests"].as_u64() > Some(3));
    assert_eq!(known.count(), 5, "{clients:#?}");
    let requests: u64 = clients.iter().filter_map(|client| client["requests"].as_u64()).sum();
    let stored = Wayside::run_on(&data, ["exchanges", "--json"]).ok().json_lines().len() as u64;
    assert_eq!(requests, stored);
    assert!(stored > 20, "{stored}");
    Wayside::run_on(&data, ["verify"]).ok();
}

#[test]
fn a_wrong_verb_or_flag_is_a_misuse_and_help_is_not() {
    let run = |arguments: &[&str]| Output::of(Command::new(Wayside::binary()).args(arguments));
    run(&["recrod"]).exits(2);
    run(&["exchanges", "--jsno"]).exits(2);
    run(&[]).exits(2);
    let help = run(&["--help"]).ok();
    for verb in ["record", "demo", "clients", "sessions", "exchanges", "show", "replay", "export"] {
        assert!(help.text().contains(verb), "{verb}");
    }
    assert!(run(&["--version"]).ok().text().starts_with("wayside "));
}
