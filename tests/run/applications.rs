//! The shipped profiles of programs, with these programs, for what they are there for.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use crate::display::Display;

use super::support::{Caller, Ended, Lab, Lack, finish, sandbox, skip};

const PAGE: &str =
    "<title>x</title><body><script>document.body.textContent = 'served ' + 'ok'</script></body>";

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles")
}

/// A user who has copied all shipped profiles, and stands in an empty directory.
pub fn lab(caller: Caller) -> Lab {
    let lab = Lab::new(caller);
    lab.keep_apart();
    for folder in ["", "/base"] {
        let shelf = format!("home/config/sandbox/profiles{folder}");
        lab.directory(&shelf);
        for entry in fs::read_dir(shipped().join(folder.trim_start_matches('/'))).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.file_name().unwrap().to_str().unwrap();
                lab.file(
                    &format!("{shelf}/{name}"),
                    &fs::read_to_string(&path).unwrap(),
                );
            }
        }
    }
    lab
}

pub fn command(lab: &Lab, arguments: &[&str]) -> Command {
    let mut command = lab.host(sandbox());
    command.env("XDG_CONFIG_HOME", lab.path("home/config"));
    command.args(arguments);
    command
}

/// The program in the sandbox of its profile, under the lab's own name.
fn up(lab: &Lab, program: &str, arguments: &[&str]) -> Ended {
    let start = ["up", "--name", &lab.name, program, "--"];
    finish(&mut command(lab, &[&start, arguments].concat()))
}

pub fn has(test: &str, program: &str) -> bool {
    let directories = ["/usr/local/bin", "/usr/bin", "/bin"];
    let found = directories
        .iter()
        .any(|place| Path::new(place).join(program).exists());
    if !found {
        skip(test, &Lack::Tool(&format!("`{program}` is not installed")));
    }
    found
}

/// Serves one page, whatever is asked for, as long as the test runs.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            // A client that leaves early is its own matter.
            let mut request = BufReader::new(&stream);
            request.read_line(&mut String::new()).ok();
            let length = PAGE.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            stream.write_all(format!("{head}{PAGE}").as_bytes()).ok();
        }
    });
    format!("http://{address}/page.html")
}

#[test]
fn git_commits_and_clones() {
    if !has("git_commits_and_clones", "git") {
        return;
    }
    for caller in Caller::all() {
        let lab = lab(caller);
        lab.file("work/file", "text\n");
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
        for words in [
            &["init", "-q"][..],
            &["add", "file"],
            &[&identity[..], &["commit", "-qm", "first"]].concat(),
            &["clone", "-q", ".", "copy"],
        ] {
            let ended = up(&lab, "git", words);
            assert_eq!(ended.code(), 0, "{caller:?}: {words:?}: {ended:?}");
        }
        assert_eq!(fs::read(lab.path("work/copy/file")).unwrap(), b"text\n");
        assert_eq!(up(&lab, "git", &["no-such-command"]).code(), 1);
        // Another checkout of the same user is out of reach.
        lab.file("home/secret", "of the user\n");
        let other = lab.text("home/secret");
        let ended = up(&lab, "git", &["diff", "--no-index", "/dev/null", &other]);
        assert!(!ended.out.contains("of the user"), "{ended:?}");
    }
}

#[test]
fn curl_and_wget_fetch_into_the_current_directory() {
    let page = serve();
    for (program, arguments) in [
        ("curl", ["-sSo", "page", &page]),
        ("wget", ["-qO", "page", &page]),
    ] {
        if !has("curl_and_wget_fetch_into_the_current_directory", program) {
            continue;
        }
        for caller in Caller::all() {
            let lab = lab(caller);
            let ended = up(&lab, program, &arguments);
            assert_eq!(ended.code(), 0, "{caller:?}: {program}: {ended:?}");
            assert_eq!(fs::read_to_string(lab.path("work/page")).unwrap(), PAGE);
        }
    }
}

/// What is written beside what is needed: the policy tests of each.
#[test]
fn the_profiles_of_programs_hold() {
    for caller in Caller::all() {
        for (profile, program) in [
            ("curl", "curl"),
            ("wget", "wget"),
            ("git", "git"),
            ("cargo", "true"),
        ] {
            if !has("the_profiles_of_programs_hold", program) {
                continue;
            }
            let lab = lab(caller);
            let ended = finish(&mut command(&lab, &["test", "--name", &lab.name, profile]));
            assert_eq!(ended.code(), 0, "{caller:?}: {profile}: {ended:?}");
        }
    }
}

/// With its own sandbox inside ours: nothing here says `--no-sandbox`.
#[test]
fn chromium_shows_a_page_of_the_network() {
    let name = "chromium_shows_a_page_of_the_network";
    if !has(name, "chromium") || !has(name, "Xvfb") {
        return;
    }
    // As root, chromium refuses to start with its sandbox.
    let lab = lab(Caller::Unprivileged);
    let display = Display::start(None);
    let page = serve();
    let mut command = command(&lab, &["up", "--name", &lab.name, "chromium", "--"]);
    command.env("DISPLAY", display.name());
    command.env("XDG_RUNTIME_DIR", lab.path("runtime"));
    let ended = finish(command.args(["--headless", "--disable-gpu", "--dump-dom", &page]));
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert!(ended.out.contains("served ok"), "{ended:?}");
    // Without a display of the caller's there is no socket to give, and nothing starts.
    let ended = up(&lab, "chromium", &["--version"]);
    assert_eq!(ended.code(), 125, "{ended:?}");
}
