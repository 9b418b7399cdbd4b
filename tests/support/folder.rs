//! What a folder holds, down to its last file.

use std::fs;
use std::path::Path;

/// Hands the path and content of every file below `folder` to `each`; says how many.
#[track_caller]
pub fn files_below(folder: &Path, each: &mut impl FnMut(&str, &[u8])) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            count += files_below(&path, each);
        } else if path.is_file() {
            each(&path.display().to_string(), &fs::read(&path).expect("it is readable"));
            count += 1;
        }
    }
    count
}
