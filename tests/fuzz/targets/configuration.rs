//! The configuration file: any text is settings, or a complaint that names the line or the key. The parser
//! is the command's own, taken in by its path: a program has no library to depend on.
#![no_main]
#![allow(dead_code)]

#[path = "../../../crates/wayside/src/config/file.rs"]
mod file;
#[path = "../../../crates/wayside/src/config/keys.rs"]
mod keys;

use libfuzzer_sys::fuzz_target;

use file::WrongFile;

fuzz_target!(|text: &str| {
    match file::parse(text) {
        Ok(contents) => {
            for (key, values) in contents.values {
                assert!(keys::Key::named(key.name).is_some());
                assert!(key.form == keys::Form::Many || values.len() == 1, "{}", key.name);
            }
        }
        Err(WrongFile::NotToml { line, .. }) => {
            assert!(line.is_none_or(|line| line >= 1 && line <= text.lines().count() + 1));
        }
        Err(WrongFile::Unknown { name, nearest }) => {
            assert!(keys::Key::named(&name).is_none());
            let tables = [file::CLIENTS, file::RULE];
            let is_known = |name| keys::Key::named(name).is_some() || tables.contains(&name);
            assert!(nearest.is_none_or(is_known));
        }
        Err(WrongFile::Kind { example, .. }) => assert!(file::parse(&example).is_ok(), "{example}"),
    }
});
