//! What several files come to: `tests/extends/merged-*/`.

use std::path::Path;

use super::{cases, said, sandbox};
use crate::plans::compare;

/// Every value, and the file, line and column that it came from.
#[test]
fn every_value_keeps_its_place() {
    let mut wrong = Vec::new();
    for case in cases() {
        if !is_merged(&case) {
            continue;
        }
        let told = sandbox(&case, &["explain", "main.toml"]);
        assert_eq!(told.status.code(), Some(0), "{}", said(&told));
        wrong.extend(compare(&case.join("effective.txt"), &said(&told)).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn is_merged(case: &Path) -> bool {
    let name = case.file_name().unwrap().to_str().unwrap();
    name.starts_with("merged-")
}
