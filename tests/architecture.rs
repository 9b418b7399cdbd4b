//! The tree is the architecture: floors, fences and the shape of files, read from `cargo metadata` and from
//! the files themselves. When a test fails here, the change is in the wrong place more often than the test.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Each crate's floor; a crate uses lower floors only. `examples`, `tests` and `benches` stand beside the house.
const FLOORS: [(&str, u8); 12] = [
    ("wayside-exchange", 0),
    ("wayside-transport", 1),
    ("wayside-store", 1),
    ("wayside-identity", 1),
    ("wayside-analytics", 1),
    ("wayside-formats", 1),
    ("wayside-proxy", 2),
    ("wayside-recorder", 2),
    ("wayside-replay", 2),
    ("wayside-alerts", 2),
    ("wayside-console", 3),
    ("wayside", 4),
];

/// Dependencies that only the named crates of ours may hold.
const FENCES: [(&str, &[&str]); 6] = [
    ("sled", &["wayside-store"]),
    ("rustls", &["wayside-transport"]),
    ("tokio-rustls", &["wayside-transport"]),
    ("rcgen", &["wayside-transport"]),
    ("clap", &["wayside"]),
    ("anyhow", &["wayside", "wayside-tests"]),
];

/// Crates without sockets, wall clock and runtime, and what would bring those.
const PURE: [&str; 4] =
    ["wayside-exchange", "wayside-identity", "wayside-analytics", "wayside-formats"];
const IMPURE: [&str; 6] = ["tokio", "hyper", "hyper-util", "socket2", "mio", "axum"];

/// What stands beside the house: no floor to stand on.
const BESIDE: [&str; 3] = ["wayside-examples", "wayside-tests", "wayside-benches"];

const FORBIDDEN_NAMES: [&str; 6] = ["util", "common", "core", "helper", "manager", "misc"];

#[test]
fn dependencies_point_down_the_floors() {
    let floors = BTreeMap::from(FLOORS);
    let wrong = edges(|package, dependency, kind| {
        let upper = *floors.get(package)?;
        if BESIDE.contains(&dependency) {
            let allowed = kind == "dev" || (package, dependency) == ("wayside", "wayside-examples");
            return (!allowed).then(|| format!("`{package}` depends on `{dependency}`"));
        }
        let lower = *floors.get(dependency)?;
        (lower >= upper).then(|| {
            format!("`{package}` (floor {upper}) depends on `{dependency}` (floor {lower})")
        })
    });
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn the_proxy_never_meets_the_store() {
    let ours: BTreeMap<String, Value> = packages()
        .into_iter()
        .map(|package| (text(&package, "name").to_owned(), package))
        .collect();
    let mut reached = vec!["wayside-proxy".to_owned()];
    let mut next = 0;
    while let Some(package) = reached.get(next).and_then(|name| ours.get(name)) {
        for dependency in package["dependencies"].as_array().expect("a list") {
            let name = text(dependency, "name").to_owned();
            if ours.contains_key(&name) && dependency["kind"].is_null() && !reached.contains(&name)
            {
                reached.push(name);
            }
        }
        next += 1;
    }
    assert!(!reached.contains(&"wayside-store".to_owned()), "through {reached:?}");
}

#[test]
fn examples_stand_on_nothing_of_ours() {
    let wrong = edges(|package, dependency, _| {
        let ours = dependency.starts_with("wayside");
        (package == "wayside-examples" && ours)
            .then(|| format!("`{package}` depends on `{dependency}`"))
    });
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn fenced_dependencies_stay_behind_their_fences() {
    let fences = BTreeMap::from(FENCES);
    let wrong = edges(|package, dependency, _| {
        let holders = fences.get(dependency)?;
        (!holders.contains(&package)).then(|| format!("`{package}` depends on `{dependency}`"))
    });
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn the_pure_crates_know_no_runtime_and_no_sockets() {
    let wrong = edges(|package, dependency, _| {
        let breaks = PURE.contains(&package) && IMPURE.contains(&dependency);
        breaks.then(|| format!("`{package}` depends on `{dependency}`"))
    });
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn every_folder_of_crates_is_a_member_named_after_it() {
    let packages = packages();
    let mut wrong = Vec::new();
    for folder in children(&root().join("crates")) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let expected = if name == "wayside" { name.clone() } else { format!("wayside-{name}") };
        let manifest = folder.join("Cargo.toml");
        let member =
            packages.iter().find(|package| Path::new(text(package, "manifest_path")) == manifest);
        match member {
            None => wrong.push(format!("`crates/{name}` is no member")),
            Some(package) if text(package, "name") != expected => {
                wrong.push(format!("`crates/{name}` is called `{}`", text(package, "name")));
            }
            Some(_) if !FLOORS.iter().any(|(known, _)| *known == expected) => {
                wrong.push(format!("`{expected}` has no floor in {}", file!()));
            }
            Some(_) => {}
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn every_test_file_is_declared() {
    let manifest = read(&root().join("tests/Cargo.toml"));
    let wrong: Vec<String> = children(&root().join("tests"))
        .into_iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
        .map(|file| file.file_name().unwrap_or_default().to_string_lossy().into_owned())
        .filter(|name| !manifest.contains(&format!("path = \"{name}\"")))
        .collect();
    assert_eq!(wrong, [""; 0], "these have no [[test]] in tests/Cargo.toml, so they never run");
}

#[test]
fn every_source_file_says_what_it_owns() {
    let wrong: Vec<String> = sources()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(wrong, [""; 0], "the first line of these is no `//!`");
}

#[test]
fn file_names_say_what_is_in_them() {
    let wrong: Vec<String> = sources()
        .into_iter()
        .map(|(path, _)| path)
        .filter(|path| {
            let parts = path.split(['/', '.', '_']);
            path.ends_with("/mod.rs")
                || parts.map(singular).any(|part| FORBIDDEN_NAMES.contains(&part))
        })
        .collect();
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here, or this file would find itself.
    let marks = ["TO".to_owned() + "DO", "FIX".to_owned() + "ME", "#[ig".to_owned() + "nore"];
    let wrong: Vec<String> = sources()
        .into_iter()
        .flat_map(|(path, text)| {
            let lines: Vec<String> = text
                .lines()
                .enumerate()
                .filter(|(_, line)| marks.iter().any(|mark| line.contains(mark)))
                .map(|(number, line)| format!("{path}:{}: {}", number + 1, line.trim()))
                .collect();
            lines
        })
        .collect();
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn links_between_our_pages_lead_somewhere() {
    let mut pages = vec![
        root().join("README.md"),
        root().join("ARCHITECTURE.md"),
        root().join("CHANGELOG.md"),
        root().join("certs/README.md"),
        root().join("examples/README.md"),
    ];
    if root().join("docs").is_dir() {
        pages.extend(children(&root().join("docs")));
    }
    let mut wrong = Vec::new();
    for page in pages.into_iter().filter(|page| page.extension().is_some_and(|end| end == "md")) {
        let Ok(text) = fs::read_to_string(&page) else { continue };
        let folder = page.parent().unwrap_or(Path::new("/"));
        for link in links(&text) {
            if !folder.join(&link).exists() {
                wrong.push(format!("{}: `{link}`", below_root(&page)));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}

/// What `judge` says of the direct dependencies of our packages: package, dependency, kind (`normal`, `dev`,
/// `build`).
fn edges(judge: impl Fn(&str, &str, &str) -> Option<String>) -> Vec<String> {
    let packages = packages();
    assert!(packages.len() >= FLOORS.len(), "cargo names only {} packages", packages.len());
    let mut said = Vec::new();
    for package in &packages {
        for dependency in package["dependencies"].as_array().expect("a list") {
            let kind = dependency["kind"].as_str().unwrap_or("normal");
            said.extend(judge(text(package, "name"), text(dependency, "name"), kind));
        }
    }
    said
}

/// Our packages as `cargo metadata` describes them.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let members = metadata["workspace_members"].as_array().expect("a list").clone();
    let packages = metadata["packages"].as_array().expect("a list");
    packages.iter().filter(|package| members.contains(&package["id"])).cloned().collect()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("`{key}` is no text in {value}"))
}

/// Every Rust file of ours, by its path below the root.
fn sources() -> Vec<(String, String)> {
    let mut folders =
        ["crates", "examples", "tests", "benches"].map(|folder| root().join(folder)).to_vec();
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in children(&folder) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push((below_root(&path), read(&path)));
            }
        }
    }
    assert!(sources.len() > FLOORS.len(), "only {} files found", sources.len());
    sources.sort();
    sources
}

/// The targets of Markdown links to files: no address, no anchor, no title.
fn links(text: &str) -> Vec<String> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next())
        .filter(|link| !link.contains("://") && !link.starts_with("mailto:"))
        .filter_map(|link| link.split('#').next())
        .filter(|link| !link.is_empty())
        .map(str::to_owned)
        .collect()
}

fn singular(part: &str) -> &str {
    part.strip_suffix('s').unwrap_or(part)
}

/// What is in `folder`, less what git does not keep.
fn children(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut children: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            !name.starts_with('.')
                && !["target", "node_modules", "__pycache__"].contains(&name.as_str())
        })
        .collect();
    children.sort();
    children
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn below_root(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests/ lies in the workspace").to_owned()
}
