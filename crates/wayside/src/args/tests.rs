//! What can be typed.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use clap::CommandFactory as _;

use super::*;

fn parsed(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split(' '))
}

#[test]
fn the_command_is_consistent_and_its_settings_clash_with_no_argument() {
    Cli::command().debug_assert();
}

#[test]
fn every_verb_of_the_manual_parses() {
    for line in [
        "wayside record http://127.0.0.1:3000 --listen 127.0.0.1:0 --console off --drain 5s",
        "wayside record https://a --cert a --key b --cert c --key d --upstream-insecure --via",
        "wayside demo --for 30s --listen 127.0.0.1:0 --data d",
        "wayside --data d clients",
        "wayside clients client:acme status:>=500 --json --limit 5",
        "wayside clients show key:3f9a --json --data d",
        "wayside sessions since:2h --data d",
        "wayside exchanges --follow --json status:500",
        "wayside exchanges not status:200",
        "wayside show 0q7x --body response --raw",
        "wayside show 0q7x --reveal --json",
        "wayside export s0q7x --as curl --to http://127.0.0.1:1 -o d --cacert ca.pem --reveal",
        "wayside export status:500 --as har",
        "wayside replay s0q7x --to http://127.0.0.1:1 --pace 2x --dry-run --allow-writes",
        "wayside replay x --to https://b --with-credentials --credentials-to b --ca ca.pem --json",
        "wayside backup /mnt/copy --with-keys --json",
        "wayside pin",
        "wayside pin s0q7x",
        "wayside pin client:acme status:>=500 --json",
        "wayside unpin --all",
        "wayside unpin s0q7x --data d",
        "wayside erase client key:3f9a --yes",
        "wayside erase host:old.example --json",
        "wayside console --print",
        "wayside status --json",
        "wayside certs",
        "wayside certs --pem",
        "wayside certs trust firefox",
        "wayside certs export --der -o ca.cer",
        "wayside certs make certs",
        "wayside verify --rebuild",
        "wayside doctor http://127.0.0.1:3000 --listen 127.0.0.1:0",
        "wayside config --drain 5s --json",
        "wayside completions zsh",
    ] {
        assert!(parsed(line).is_ok(), "{line}: {}", parsed(line).unwrap_err());
    }
}

#[test]
fn what_makes_no_sense_is_a_misuse() {
    for line in [
        "wayside",
        "wayside rekord",
        "wayside export 0q7x",
        "wayside export 0q7x --as pdf",
        "wayside replay 0q7x",
        "wayside replay 0q7x --to http://a --pace fast",
        "wayside replay 0q7x --to http://a --credentials-to a",
        "wayside replay 0q7x --to http://a --insecure --ca f",
        "wayside exchanges --limit 0",
        "wayside exchanges --limit 3 --follow",
        "wayside backup",
        "wayside erase",
        "wayside unpin s0q7x --all",
        "wayside show 0q7x --body both",
        "wayside certs --pem --der",
    ] {
        assert!(parsed(line).unwrap_err().use_stderr(), "{line}");
    }
}

#[test]
fn the_folder_may_stand_before_or_after_the_verb() {
    for line in ["wayside --data d status", "wayside status --data d"] {
        assert_eq!(parsed(line).unwrap().everywhere.data, Some(PathBuf::from("d")));
    }
}
