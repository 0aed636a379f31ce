//! Real work under `profiles/dev.toml`: a build, a script, the history of a checkout.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::{Caller, Ended, Lab, Lack, finish, skip};

fn dev() -> String {
    let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/dev.toml");
    fs::read_to_string(profile).unwrap()
}

/// A checkout of the caller's with one commit.
fn checkout(caller: Caller) -> Lab {
    let lab = Lab::new(caller);
    lab.keep_apart();
    lab.file("work/README", "a checkout\n");
    let identity = ["-c", "user.name=A", "-c", "user.email=a@example.com"];
    let commands: [&[&str]; 3] = [
        &["init", "--quiet"],
        &["add", "README"],
        &["commit", "--quiet", "--message=the first"],
    ];
    for command in commands {
        let ended = finish(lab.host("git").args(identity).args(command));
        assert_eq!(ended.code(), 0, "{ended:?}");
    }
    lab
}

/// Every file below belongs to the caller.
#[track_caller]
fn all_belong_to_the_caller(lab: &Lab, directory: &Path) {
    let mut left = vec![directory.to_owned()];
    let mut count = 0;
    while let Some(path) = left.pop() {
        let status = fs::symlink_metadata(&path).unwrap();
        assert_eq!(status.uid(), lab.caller.uid(), "{path:?}");
        count += 1;
        if status.is_dir() {
            left.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
    }
    assert!(count > 1, "{directory:?}");
}

#[test]
fn the_history_of_the_checkout_is_read_and_written() {
    for caller in Caller::all() {
        let lab = checkout(caller);
        let script = "git log --format=%s && echo more >> README && git -c user.name=B -c user.email=b@example.com commit --quiet --all --message=second && git status --short && git log --format=%s";
        let refused = lab.run(
            &dev(),
            &["bash", "-c", "git log --format=%s; git add README"],
        );
        assert_eq!(refused.out, "the first\n", "{refused:?}");
        assert!(refused.err.contains("Read-only file system"), "{refused:?}");
        // As the comments of the profile say.
        let open = dev().replace("read_only = [\"?.git\"]\n", "");
        let ended = lab.run(&open, &["bash", "-c", script]);
        assert_eq!(
            (ended.code(), ended.out.as_str()),
            (0, "the first\nsecond\nthe first\n"),
            "{caller:?}: {ended:?}"
        );
        let outside = finish(lab.host("git").args(["log", "--format=%s"]));
        assert_eq!(outside.out, "second\nthe first\n", "{outside:?}");
        all_belong_to_the_caller(&lab, &lab.path("work"));
    }
}

#[test]
fn only_the_checkout_can_be_written_and_no_secret_is_seen() {
    for caller in Caller::all() {
        let lab = checkout(caller);
        lab.directory("home/.ssh");
        lab.file("home/.ssh/id", "secret");
        lab.file("home/.netrc", "secret");
        let home = lab.text("home");
        let script = format!(
            "pwd; ls -A {home}; cat {home}/.ssh/id {home}/.netrc /etc/shadow 2>/dev/null; : > {home}/new; : > /usr/new; env | grep -c SECRET"
        );
        let mut up = lab.up(&dev(), &["bash", "-c", &script]);
        let ended = finish(up.env("SECRET_TOKEN", "x"));
        assert_eq!(ended.out, format!("{}\n0\n", lab.text("work")), "{ended:?}");
        assert!(
            ended.err.contains("/usr/new: Read-only file system"),
            "{ended:?}"
        );
        assert!(
            !lab.path("home/new").exists(),
            "what is written there is gone"
        );
    }
}

#[test]
fn python_has_its_libraries_and_starts_programs() {
    let name = "python_has_its_libraries_and_starts_programs";
    let needed = Command::new("/usr/bin/python3")
        .args(["-c", "import ssl, sqlite3"])
        .output();
    if !needed.is_ok_and(|output| output.status.success()) {
        return skip(
            name,
            &Lack::Tool("no /usr/bin/python3 with ssl and sqlite3"),
        );
    }
    let script = r#"
import sqlite3, ssl, subprocess, tempfile, multiprocessing, socket, threading
db = sqlite3.connect("data.db")
db.execute("create table t (x)"); db.execute("insert into t values (42)"); db.commit()
print(db.execute("select x from t").fetchone()[0])
print(len(ssl.create_default_context().get_ca_certs()) > 0 or ssl.OPENSSL_VERSION.startswith("OpenSSL"))
print(subprocess.run("echo from | cat", shell=True, capture_output=True, text=True).stdout.strip())
with tempfile.TemporaryFile() as file: file.write(b"x")
with multiprocessing.get_context("fork").Pool(2) as pool: print(pool.map(abs, [-1, -2]))
server = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=lambda: server.accept()[0].sendall(b"hello")).start()
print(socket.create_connection(server.getsockname()).recv(5).decode())
"#;
    for caller in Caller::all() {
        let lab = checkout(caller);
        lab.file("work/script.py", script);
        let ended = lab.run(&dev(), &["/usr/bin/python3", "script.py"]);
        assert_eq!(
            ended.out, "42\nTrue\nfrom\n[1, 2]\nhello\n",
            "{caller:?}: {ended:?}"
        );
        assert_eq!(
            fs::metadata(lab.path("work/data.db")).unwrap().uid(),
            caller.uid()
        );
    }
}

/// A crate with a dependency that is vendored, as `cargo vendor` leaves one.
fn make_crate(lab: &Lab) {
    for directory in ["work/src", "work/vendor/helper/src", "work/.cargo"] {
        lab.directory(directory);
    }
    lab.file("work/.cargo/config.toml", "[source.crates-io]\nreplace-with = \"vendored\"\n[source.vendored]\ndirectory = \"vendor\"\n");
    lab.file("work/Cargo.toml", "[package]\nname = \"small\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nhelper = \"1\"\n");
    lab.file("work/src/main.rs", "fn main() { println!(\"{}\", helper::answer()); }\n#[test]\nfn it_answers() { assert_eq!(helper::answer(), 42); }\n");
    lab.file(
        "work/vendor/helper/Cargo.toml",
        "[package]\nname = \"helper\"\nversion = \"1.0.0\"\nedition = \"2021\"\n",
    );
    lab.file(
        "work/vendor/helper/src/lib.rs",
        "pub fn answer() -> u32 { 42 }\n",
    );
    lab.file("work/vendor/helper/.cargo-checksum.json", "{\"files\":{},\"package\":\"0000000000000000000000000000000000000000000000000000000000000000\"}");
}

/// The toolchain is that of whoever runs the tests: another user does not reach it.
#[test]
fn cargo_builds_and_tests_a_crate_without_a_network() {
    let name = "cargo_builds_and_tests_a_crate_without_a_network";
    let caller = Caller::all()[0];
    let lab = checkout(caller);
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .unwrap_or_default();
    let has_cargo = home.join(".cargo/bin/cargo").exists() || Path::new("/usr/bin/cargo").exists();
    if !has_cargo {
        return skip(name, &Lack::Tool("no cargo in ~/.cargo/bin or /usr/bin"));
    }
    make_crate(&lab);
    let cargo = |arguments: &[&str]| -> Ended {
        let mut command = vec!["cargo"];
        command.extend(arguments);
        let mut up = lab.up(&dev(), &command);
        finish(up.env("HOME", &home).env("TERM", "dumb"))
    };
    let built = cargo(&["build", "--offline", "--quiet"]);
    assert_eq!(built.code(), 0, "{built:?}");
    let program = finish(&mut lab.host(lab.path("work/target/debug/small")));
    assert_eq!(program.out, "42\n");
    let tested = cargo(&["test", "--offline", "--quiet"]);
    assert!(
        tested.code() == 0 && tested.out.contains("1 passed"),
        "{tested:?}"
    );
    all_belong_to_the_caller(&lab, &lab.path("work/target"));
}

/// With another environment the state of the same user lies elsewhere: no sandbox sees it there either.
#[test]
fn the_state_of_another_environment_is_out_of_reach() {
    let lab = Lab::new(Caller::Unprivileged);
    lab.directory("home/.local/state/sandbox/run/other");
    lab.file("home/.local/state/sandbox/run/other/desk", "secret");
    let home = lab.path("home");
    let profile = lab.profile(&format!(
        "[[mount]]\nbind = \"{0}\"\ntarget = \"/w\"\naccess = \"rw\"\n",
        home.display()
    ));
    let script = "ls -A /w/.local/state; ls -A /w/.local/state/sandbox; echo x > /w/.local/state/sandbox/x || true";
    let mut up = lab.up(&profile, &["sh", "-c", script]);
    let ended = super::support::finish(up.env("HOME", &home));
    assert_eq!(ended.out, "sandbox\n", "{ended:?}");
    assert!(!home.join(".local/state/sandbox/x").exists());
}
