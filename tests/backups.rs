//! A copy made while the recorder runs is a recording like any other.

use wayside_tests::{Echo, Wayside, id};

#[test]
fn a_backup_of_a_running_recorder_opens_verifies_and_grows_with_the_next() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    for n in 0..10 {
        let url = wayside.http_url(&format!("/orders/{n}"));
        wayside_tests::curl([url.as_str(), "-d", "a body", "-H", "x-api-key: secret-key"]).ok();
    }
    let recorded = wayside.exchanges("", 10);
    wayside.settled();
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("copy");
    let into = copy.to_str().expect("a path");
    let said = wayside.run(["backup", into]).ok();
    assert!(said.text().contains("holds 10 exchanges in 1 segment"), "{}", said.text());
    assert!(said.stderr.contains("without its keys"), "{}", said.stderr);

    assert_eq!(Wayside::run_on(&copy, ["exchanges", "--json"]).ok().json_lines(), recorded);
    let verified = Wayside::run_on(&copy, ["verify"]).ok();
    let text = verified.text();
    assert!(text.contains("all whole") && text.contains("0 exchanges lost"), "{text}");
    let reveal = ["show", id(&recorded[0]), "--reveal"];
    Wayside::run_on(&copy, reveal).exits(3);

    wayside_tests::curl([wayside.http_url("/orders/10")]).ok();
    wayside.exchanges("", 11);
    let made = wayside.run(["backup", into, "--with-keys", "--json"]).ok().json();
    assert_eq!((&made["exchanges"], &made["with_keys"]), (&11.into(), &true.into()));
    assert!(Wayside::run_on(&copy, reveal).ok().text().contains("secret-key"));
    // It can be recorded into, which says that nothing is lost.
    let again = Wayside::start_on(&copy, &echo.url(), &[]);
    assert!(!again.output().contains("exchanges lost"), "{}", again.output());
    wayside.run(["backup", into]).exits(3);
    let data = wayside.data().to_str().expect("a path");
    assert!(wayside.run(["backup", data]).exits(3).stderr.contains("is the store itself"));
}
