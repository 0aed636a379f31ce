//! Locks: what was read is written as it was, and what is said of them is safe to show.

use std::path::PathBuf;

use sandbox::diag::{Origin, Problems, Sources};
use sandbox::lock::{Detail, Lock, compare, parse, parse_tree, render as differences};
use sandbox::report::problems::{Style, render};

use crate::harness::{Target, kind, safe};

const LOCK: &str = "sandbox lock 1\nprofile dev\nnot-locked bind /home/user/project\nnot-locked volume /data\n\
    package bash:amd64 5.2.37-2 dpkg\npackage dash:all 0.5 apk\n/bin link usr/bin host\n/etc dir 0755\n\
    /etc/a\\x20b file 0644 12 sha256=abababababababababababababababababababababababababababababababab profile\n\
    /etc/passwd generated 0644\n/usr dir 0755\n/usr/bin dir 1777\n\
    /usr/bin/bash file 0755 1298416 sha256=0101010101010101010101010101010101010101010101010101010101010101 build-id=0123 package=bash:amd64\n\
    /usr/bin/rbash same /usr/bin/bash\n/usr/bin/sh link bash package=dash:all\n";

fn read(input: &[u8], before: &mut Lock) -> Vec<String> {
    let Ok(text) = std::str::from_utf8(input) else {
        return Vec::new();
    };
    let mut sources = Sources::default();
    let file = sources.add("x.lock", text);
    let mut problems = Problems::new();
    let lock = parse(file, text, &mut problems);
    assert_eq!(lock.is_none(), problems.has_errors());
    let problems = problems.sorted();
    for problem in &problems {
        if let Origin::Profile { span, .. } = &problem.label.origin {
            assert!(text.get(span.clone()).is_some(), "{span:?}");
        }
    }
    safe(&render(&problems, &sources, Style::PLAIN));
    if let Some(tree) = parse_tree(text) {
        assert_eq!(parse_tree(&tree.to_string()), Some(tree));
    }
    let Some(lock) = lock else {
        return problems
            .iter()
            .map(|problem| kind(&problem.message))
            .collect();
    };
    let written = lock.to_string();
    safe(&written);
    assert_eq!(
        parse(file, &written, &mut Problems::new()).as_ref(),
        Some(&lock)
    );
    for path in lock.tree.entries.keys() {
        assert!(
            path.is_absolute() && !path.components().any(|part| part.as_os_str() == ".."),
            "{path:?}"
        );
    }
    assert_eq!(compare(&lock, &lock), []);
    let different = compare(before, &lock);
    safe(&differences(&different, Detail::Whole));
    safe(&differences(&different, Detail::Lines(3)));
    *before = lock;
    let mut kinds: Vec<_> = different
        .iter()
        .map(|difference| kind(&difference.to_string()))
        .collect();
    kinds.truncate(3);
    kinds
}

#[test]
fn locks() {
    let trees = LOCK
        .split_once("package")
        .map(|(_, tree)| format!("package{tree}"));
    let conflict =
        format!("{LOCK}<<<<<<< HEAD\n/x dir 0755\n=======\n/y dir 0755\n>>>>>>> other\n");
    let target = Target {
        name: "locks",
        seeds: [LOCK.to_owned(), trees.unwrap(), conflict]
            .map(String::into_bytes)
            .to_vec(),
        dictionary: &[
            b" dir 0755\n",
            b" same /",
            b" link ",
            b" host\n",
            b" profile\n",
            b" package=",
            b" build-id=",
            b" sha256=",
            b"\\x20",
            b"\\x0a",
            b"\\xff",
            b"\\x2f",
            b"\\x5c",
            b"/..",
            b"//",
            b"/.",
            b"generated 0644",
            b"<<<<<<< ",
            b"=======\n",
            b">>>>>>> ",
        ],
        memory: 16 << 20,
    };
    let mut before = Lock::default();
    before
        .live
        .insert(PathBuf::from("/x"), sandbox::lock::LiveKind::Bind);
    target.run(|input| read(input, &mut before));
}
