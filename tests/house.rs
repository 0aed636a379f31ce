//! The rules of the house: who may import whom, where unsafe code is, how long a file grows.

use std::path::{Path, PathBuf};

/// Each module and what it may import.
const IMPORTS: &[(&str, &[&str])] = &[
    ("sys", &[]),
    ("diag", &[]),
    ("model", &[]),
    ("profile", &["diag", "model"]),
    ("language", &["model"]),
    ("format", &["language"]),
    // The control files of each limit stand in the manual.
    ("manual", &["cgroup", "language"]),
    ("seccomp", &["diag", "model"]),
    ("archive", &["model"]),
    ("elf", &["model"]),
    ("packages", &["model"]),
    ("oci", &["archive", "model"]),
    // What an image says of its program is a fact of the host.
    ("host", &["oci", "sys", "model"]),
    ("plan", &["profile", "seccomp", "model", "diag"]),
    (
        "rootfs",
        &["plan", "archive", "elf", "oci", "sys", "model", "diag"],
    ),
    ("kept", &["plan", "sys", "model", "diag"]),
    (
        "lock",
        &["rootfs", "elf", "packages", "plan", "model", "diag"],
    ),
    ("cgroup", &["plan", "sys", "model", "diag"]),
    ("launch", &["plan", "sys", "model"]),
    ("supervise", &["launch", "cgroup", "plan", "sys", "model"]),
    ("wrap", &[]),
    ("review", &["plan", "seccomp", "model", "diag"]),
    // The progress bar performs a trait of `rootfs`; changes are of `kept`, findings of `review`.
    (
        "report",
        &[
            "plan", "rootfs", "kept", "review", "language", "model", "diag",
        ],
    ),
];

/// What allocates, formats or panics has no place after the clone.
const BANNED_AFTER_CLONE: &[&str] = &[
    "format!",
    "String::",
    "unwrap(",
    "expect(",
    "panic!",
    "println!",
    "eprintln!",
    "Box::",
    "vec!",
    "to_owned(",
    "to_string(",
    "Vec::new",
    "std::io::stdin",
];

const AFTER_CLONE: &[&str] = &[
    "init.rs",
    "landlock.rs",
    "magic.rs",
    "mounts.rs",
    "overlay.rs",
    "parts.rs",
    "probe/limits.rs",
    "probe/mod.rs",
    "probe/paths.rs",
    "program.rs",
    "reap.rs",
];

const LONGEST_FILE: usize = 500;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}

fn source_files() -> Vec<(String, PathBuf, String)> {
    let src = root().join("src");
    let module = |path: &Path| {
        let inside = path.strip_prefix(&src).unwrap();
        let first = inside.components().next().unwrap().as_os_str();
        first.to_string_lossy().trim_end_matches(".rs").to_owned()
    };
    let files = rust_files(&src).into_iter();
    files
        .map(|path| {
            (
                module(&path),
                path.clone(),
                std::fs::read_to_string(path).unwrap(),
            )
        })
        .collect()
}

/// The code without comments and without its tests.
fn code(text: &str) -> String {
    let text = text
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default();
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_module_imports_only_from_its_row() {
    let mut wrong = Vec::new();
    for (module, path, text) in source_files() {
        let Some((_, allowed)) = IMPORTS.iter().find(|(name, _)| *name == module) else {
            continue;
        };
        let code = code(&text);
        for rest in code.split("crate::").skip(1) {
            let name = |c: &char| c.is_alphanumeric() || *c == '_';
            let imported: String = rest.chars().take_while(name).collect();
            if imported != module && !allowed.contains(&imported.as_str()) {
                wrong.push(format!("{}: {imported}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_module_has_a_row_in_the_table() {
    let known = |module: &str| IMPORTS.iter().any(|(name, _)| *name == module);
    let unknown: Vec<String> = source_files()
        .into_iter()
        .map(|(module, ..)| module)
        .filter(|module| !known(module) && !["cli", "lib", "main"].contains(&module.as_str()))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn unsafe_code_is_in_sys_alone_and_says_why() {
    for (module, path, text) in source_files() {
        let code = code(&text);
        if module != "sys" {
            let blocks = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"];
            let found = blocks.iter().find(|word| code.contains(**word));
            assert!(found.is_none(), "{} holds {found:?}", path.display());
        }
    }
}

#[test]
fn nothing_after_the_clone_allocates() {
    for name in AFTER_CLONE {
        let path = root().join("src/launch").join(name);
        let code = code(&std::fs::read_to_string(&path).unwrap());
        for word in BANNED_AFTER_CLONE {
            assert!(!code.contains(word), "{} holds `{word}`", path.display());
        }
    }
}

#[test]
fn no_file_grows_too_long() {
    let files = ["src", "tests", "benches"].map(|dir| rust_files(&root().join(dir)));
    for path in files.into_iter().flatten() {
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(
            lines <= LONGEST_FILE,
            "{} has {lines} lines",
            path.display()
        );
    }
}

#[test]
fn main_stays_thin() {
    let text = std::fs::read_to_string(root().join("src/main.rs")).unwrap();
    assert!(text.lines().count() < 25);
}

#[test]
fn the_top_level_holds_what_it_should() {
    const KNOWN: &[&str] = &[
        "Cargo.toml",
        "Cargo.lock",
        "README.md",
        "CHANGELOG.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "src",
        "profiles",
        "schemas",
        "tests",
        "man",
        "benches",
        "target",
    ];
    for entry in std::fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(
            name.starts_with('.') || KNOWN.contains(&name.as_str()),
            "`{name}` at the top"
        );
    }
}
