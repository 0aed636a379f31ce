//! `[[mount]] socket`: one socket of the host by its path, and nothing else of the host.

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixListener;
use std::thread;

use super::support::{Caller, Lab, attack};

/// A server of the caller's that greets whoever connects, as long as the test runs.
fn serve(lab: &Lab, name: &str) {
    let path = lab.path(name);
    drop(fs::remove_file(&path));
    let listener = UnixListener::bind(&path).unwrap();
    let owner = Some(lab.caller.uid());
    std::os::unix::fs::chown(&path, owner, owner).unwrap();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            client.write_all(b"hello").unwrap_or_default();
        }
    });
}

fn profile(lab: &Lab, socket: &str, rest: &str) -> String {
    lab.profile(&format!(
        "[[mount]]\nsocket = \"{socket}\"\ntarget = \"/run/s\"\n{rest}"
    ))
}

#[test]
fn a_socket_can_be_talked_to_and_not_changed() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        serve(&lab, "work/s");
        let profile = profile(&lab, &lab.text("work/s"), "");
        assert_eq!(
            lab.attack(&profile, &["connect", "/run/s"]),
            "hello",
            "{caller:?}"
        );
        let before = fs::symlink_metadata(lab.path("work/s")).unwrap();
        assert_eq!(lab.attack(&profile, &["chmod", "/run/s", "777"]), "EROFS");
        assert_eq!(lab.attack(&profile, &["unlink", "/run/s"]), "EBUSY");
        let line = lab.script(
            &profile,
            "while read -r line; do echo \"$line\"; done < /proc/self/mountinfo",
        );
        let line = line.lines().find(|line| line.contains(" /run/s ")).unwrap();
        for option in ["ro", "nosuid", "nodev", "noexec"] {
            let options = line.split(' ').nth(5).unwrap();
            assert!(options.split(',').any(|found| found == option), "{line}");
        }
        let after = fs::symlink_metadata(lab.path("work/s")).unwrap();
        let kept = |status: &fs::Metadata| {
            use std::os::unix::fs::MetadataExt;
            (status.ino(), status.mode(), status.uid(), status.ctime())
        };
        assert_eq!(kept(&before), kept(&after));
        // The same attack works where the mount could be written.
        let bind = format!(
            "[[mount]]\nbind = \"{}\"\ntarget = \"/w\"\naccess = \"rw\"\n",
            lab.text("work")
        );
        assert_eq!(
            lab.attack(&lab.profile(&bind), &["chmod", "/w/s", "777"]),
            "worked"
        );
    }
}

#[test]
fn without_the_mount_there_is_no_way_to_a_socket() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        serve(&lab, "work/s");
        let path = lab.text("work/s");
        assert_eq!(lab.unguarded(&["connect", &path]).trim_end(), "hello");
        assert_eq!(lab.attack(&lab.profile(""), &["connect", &path]), "ENOENT");
    }
}

#[test]
fn a_socket_that_leads_out_wants_a_reason() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        serve(&lab, "runtime/bus");
        lab.link("work/link", lab.path("runtime/bus"));
        let bus = profile(&lab, "${XDG_RUNTIME_DIR}/bus", "");
        let ended = lab.run(&bus, &[attack(), "connect", "/run/s"]);
        assert_eq!((ended.code(), ended.out.as_str()), (125, ""), "{ended:?}");
        assert!(ended.err.contains("mount.control-socket"), "{ended:?}");
        let reason = profile(
            &lab,
            "${XDG_RUNTIME_DIR}/bus",
            "dangerous = \"it asks for notifications\"\n",
        );
        let ended = lab.run(&reason, &[attack(), "connect", "/run/s"]);
        assert_eq!(
            (ended.out.as_str(), ended.err.as_str()),
            ("hello\n", ""),
            "{ended:?}"
        );
        let empty = profile(&lab, "${XDG_RUNTIME_DIR}/bus", "dangerous = \"\"\n");
        assert!(lab.run(&empty, &["true"]).err.contains("value.empty"));
    }
}

#[test]
fn what_is_no_socket_is_refused_and_what_is_optional_left_out() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        lab.file("work/file", "text");
        let ended = lab.run(
            &profile(&lab, &lab.text("work/file"), ""),
            &["cat", "/run/s"],
        );
        assert_eq!((ended.code(), ended.out.as_str()), (125, ""), "{ended:?}");
        assert!(ended.err.contains("mount.socket-kind"), "{ended:?}");
        let absent = lab.text("work/absent");
        let ended = lab.run(&profile(&lab, &absent, ""), &["true"]);
        assert!(ended.err.contains("mount.source-missing"), "{ended:?}");
        lab.script(&profile(&lab, &absent, "optional = true\n"), "true");
        assert!(
            lab.report()["left_out"][0]
                .as_str()
                .unwrap()
                .contains("socket")
        );
    }
}

/// A server that starts anew makes another socket, which a running sandbox does not see.
#[test]
fn the_socket_is_the_one_of_the_start() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        serve(&lab, "work/s");
        let bind = format!(
            "[[mount]]\nbind = \"{}\"\ntarget = \"/w\"\naccess = \"rw\"\n",
            lab.text("work")
        );
        let profile = profile(&lab, &lab.text("work/s"), &bind);
        // The program removes the socket by another way, as a server does that starts anew.
        let script = format!("rm /w/s; {0} connect /w/s; {0} connect /run/s", attack());
        let ended = lab.run(&profile, &["sh", "-c", &script]);
        assert!(ended.out.starts_with("ENOENT\n"), "{ended:?}");
    }
}
