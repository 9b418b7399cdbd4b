//! Listening sockets in good and bad moments.

use std::fs::File;
use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::*;

#[tokio::test]
async fn accepted_connections_do_not_delay_small_writes() {
    let listener = Bound::bind("127.0.0.1:0").unwrap().serve().unwrap();
    let client = TcpStream::connect(listener.address()).await.unwrap();
    let (stream, address) = listener.accept().await;
    assert!(stream.nodelay().unwrap());
    assert_eq!(address, client.local_addr().unwrap());
}

#[tokio::test]
async fn clones_accept_from_the_same_socket() {
    let bound = Bound::bind("localhost:0").unwrap();
    let clone = bound.try_clone().unwrap().serve().unwrap();
    let _client = TcpStream::connect(bound.address()).await.unwrap();
    clone.accept().await;
}

#[test]
fn an_address_in_use_is_told_with_a_way_out() {
    let taken = Bound::bind("127.0.0.1:0").unwrap();
    let error = Bound::bind(&taken.address().to_string()).unwrap_err();
    assert_eq!(error.to_string(), format!("could not listen on `{}`", taken.address()));
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.to_lowercase().contains("in use"), "{cause}");
    assert_eq!(error.hint().unwrap(), "choose another with `--listen ADDR`");
}

#[test]
fn what_is_no_address_is_told() {
    for seen in ["8443", "localhost", "127.0.0.1:", "127.0.0.1:99999", "::"] {
        let error = Bound::bind(seen).unwrap_err();
        assert!(matches!(error, Error::BadListenAddress { .. }), "{seen}: {error}");
    }
}

/// The limit on open files is the process's, so the body runs in a process of its own: this very
/// test, started again.
#[test]
fn accepting_goes_on_after_file_descriptors_ran_out() {
    const AGAIN: &str = "WAYSIDE_TEST_FEW_FILES";
    if std::env::var_os(AGAIN).is_some() {
        return run_out_of_files();
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "listen::tests::accepting_goes_on_after_file_descriptors_ran_out"])
        .env(AGAIN, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

#[tokio::main(flavor = "current_thread")]
async fn run_out_of_files() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), ..limit }).unwrap();
    tokio::time::pause();
    let listener = Bound::bind("127.0.0.1:0").unwrap().serve().unwrap();
    let client = TcpStream::connect(listener.address()).await.unwrap();
    let mut files: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    let relief = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(listener.struggling.load(Ordering::Relaxed));
        files.clear();
    };
    let ((_stream, address), ()) = tokio::join!(listener.accept(), relief);
    assert_eq!(address, client.local_addr().unwrap());
    assert!(!listener.struggling.load(Ordering::Relaxed));
}
