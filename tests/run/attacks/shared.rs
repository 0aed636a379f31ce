//! What processes share beside files: keys, sockets without a path, System V and POSIX objects, networks.

use std::fs;
use std::os::unix::net::UnixListener;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::super::support::{Caller, Lab, finish, sandbox, within};
use super::{NO_FILTER, all_are, inside, outside, probe, profile, says};

const KEYRING_CALLS: [&[&str]; 3] = [&["keyctl"], &["add_key"], &["request_key"]];

#[test]
fn cve_2016_0728_keyrings_are_refused() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        all_are(
            &inside(&lab, &profile(&lab, ""), &KEYRING_CALLS),
            &["refused EPERM"],
        );
        // By the gate of 32-bit programs: keyctl is 288 there, add_key 286, request_key 287.
        #[cfg(target_arch = "x86_64")]
        for number in ["286", "287", "288"] {
            let answer = says(&lab, &profile(&lab, ""), &["int80", number]);
            assert!(
                ["int80: killed SIGSYS", "int80: killed SIGSEGV"].contains(&answer.as_str()),
                "{answer}"
            );
        }
        let answer = says(&lab, &profile(&lab, NO_FILTER), &["read", "/proc/keys"]);
        assert!(!answer.contains("keyring"), "{answer}");
        // The control: nothing but the filter is in the way.
        let control = outside(&lab, &KEYRING_CALLS);
        assert_eq!(
            inside(&lab, &profile(&lab, NO_FILTER), &KEYRING_CALLS),
            control
        );
        assert_eq!(control[1], "add_key: worked");
    }
}

/// Without a filter too, the keys of the caller's session are not the program's (rule 18).
#[test]
fn attack_29_the_callers_keys_are_not_found() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let key = format!("key-of-{}", lab.name);
        let with_key =
            |line: &[String]| finish(lab.host(probe()).args(["with-key", &key]).args(line));
        let control = with_key(&[probe(), "key-find", &key].map(str::to_owned));
        assert_eq!(control.out, "key-find: worked\n", "{control:?}");
        for rest in [NO_FILTER, super::ALL_RIGHTS] {
            let mut line = vec![sandbox().to_str().unwrap().to_owned()];
            line.extend(lab.up_arguments(&profile(&lab, rest), &["/probe", "key-find", &key]));
            let ended = with_key(&line);
            assert_eq!(
                ended.out, "key-find: refused ENOKEY\n",
                "{caller:?}: {ended:?}"
            );
        }
    }
}

/// Around the sandbox there may be a filter that refuses a keyring of its own: then it starts only where that filter
/// lets nobody inside reach a key either.
#[test]
fn attack_29_no_half_filter_around_leaves_the_callers_keys() {
    let half = libc::SYS_keyctl.to_string();
    let whole = [libc::SYS_keyctl, libc::SYS_add_key, libc::SYS_request_key];
    let whole = whole.map(|number| number.to_string()).join(",");
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let under = |numbers: &str| {
            let mut line = lab.host(probe());
            line.args(["refusing", numbers, sandbox().to_str().unwrap()]);
            line.args(lab.up_arguments(&profile(&lab, NO_FILTER), &["/probe", "request_key"]));
            finish(&mut line)
        };
        let ended = under(&half);
        assert_eq!(ended.code(), 125, "{caller:?}: {ended:?}");
        assert!(ended.err.contains("new session keyring"), "{ended:?}");
        let ended = under(&whole);
        assert_eq!(ended.out, "request_key: refused EPERM\n", "{ended:?}");
    }
}

/// Something of the host's that listens until it is dropped.
struct Listener(Child);

impl Listener {
    fn new(lab: &Lab, kind: &str, name: &str) -> Listener {
        let mut command = lab.host(probe());
        command.args([kind, name]).stdout(Stdio::null());
        let listener = Listener(command.spawn().unwrap());
        let connect = kind.replace("listen", "connect");
        let up = within(Duration::from_secs(5), || {
            outside(lab, &[&[&connect, name]]) == [format!("{connect}: worked")]
        });
        assert!(up, "{kind} {name}");
        listener
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn cve_2020_15257_no_abstract_socket_of_the_host() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let _listener = Listener::new(&lab, "listen-abstract", &lab.name);
        for rest in ["", NO_FILTER, super::ALL_RIGHTS] {
            let answer = says(&lab, &profile(&lab, rest), &["connect-abstract", &lab.name]);
            assert_eq!(answer, "connect-abstract: refused ECONNREFUSED");
        }
    }
}

/// Sockets by path are where the tree is not, and of the hypervisor's there is none.
#[test]
fn attack_32_no_control_socket_is_reached() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let path = lab.text("runtime/socket");
        let _listener = Listener::new(&lab, "listen-unix", &path);
        let known = [
            "/run/docker.sock",
            "/var/run/docker.sock",
            "/run/dbus/system_bus_socket",
            "/run/systemd/private",
            "/run/containerd/containerd.sock",
        ];
        let mut attacks: Vec<[&str; 2]> = vec![["connect-unix", &path]];
        attacks.extend(known.map(|path| ["connect-unix", path]));
        let attacks: Vec<&[&str]> = attacks.iter().map(|attack| &attack[..]).collect();
        all_are(
            &inside(&lab, &profile(&lab, NO_FILTER), &attacks),
            &["refused ENOENT"],
        );
        let listed = says(&lab, &profile(&lab, NO_FILTER), &["list", "/run"]);
        assert!(
            ["", "list: refused ENOENT"].contains(&listed.as_str()),
            "{listed}"
        );
        let vsock = says(&lab, &profile(&lab, ""), &["socket", "40", "1", "0"]);
        assert_eq!(vsock, "socket: refused EAFNOSUPPORT");
    }
}

/// A socket in a directory that is bound is a matter of the profile: the control of the one above.
#[test]
fn attack_32_a_bound_directory_brings_its_sockets() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        lab.directory("work");
        let _listener = UnixListener::bind(lab.path("work/socket")).unwrap();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        fs::set_permissions(lab.path("work/socket"), open).unwrap();
        let profile = profile(&lab, &super::work(&lab, "rw"));
        assert_eq!(
            says(&lab, &profile, &["connect-unix", "/w/socket"]),
            "connect-unix: worked"
        );
    }
}

/// Keys that no other test and no other run has.
fn ipc_key() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    (0x5a00_0000 + std::process::id() * 16 + number).to_string()
}

#[test]
fn cve_2024_3056_objects_of_ipc_are_not_shared() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let key = ipc_key();
        let finds: [&[&str]; 3] = [
            &["shm-find", &key],
            &["msg-find", &key],
            &["sem-find", &key],
        ];
        let makes: [&[&str]; 3] = [
            &["shm-make", &key],
            &["msg-make", &key],
            &["sem-make", &key],
        ];
        let removes: [&[&str]; 3] = [
            &["shm-remove", &key],
            &["msg-remove", &key],
            &["sem-remove", &key],
        ];
        all_are(&outside(&lab, &makes), &["worked"]);
        let control = outside(&lab, &finds);
        let found =
            [NO_FILTER, super::ALL_RIGHTS].map(|rest| inside(&lab, &profile(&lab, rest), &finds));
        // The other way round: what is made inside is not found outside.
        let removed = outside(&lab, &removes);
        let made = inside(&lab, &profile(&lab, ""), &makes);
        let after = outside(&lab, &finds);
        all_are(&removed, &["worked"]);
        all_are(&control, &["worked"]);
        found
            .iter()
            .for_each(|found| all_are(found, &["refused ENOENT"]));
        all_are(&made, &["worked"]);
        all_are(&after, &["refused ENOENT"]);

        // POSIX: files of /dev/shm, queues where they are mounted.
        let marker = format!("/dev/shm/{}", lab.name);
        fs::write(&marker, "host").unwrap();
        let mqueue = profile(&lab, "system.mqueue = true\n");
        let answers = inside(
            &lab,
            &mqueue,
            &[
                &["read", &marker],
                &["list", "/dev/shm"],
                &["list", "/dev/mqueue"],
                &["overwrite", &marker, "inside"],
            ],
        );
        let left = fs::read_to_string(&marker).unwrap();
        fs::remove_file(&marker).unwrap();
        assert_eq!(answers, ["read: refused ENOENT", "overwrite: worked"]);
        assert_eq!(left, "host");
    }
}

#[test]
fn attack_47_the_network_is_lo_alone() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let attacks: [&[&str]; 6] = [
            &["connect", "169.254.169.254", "80"],
            &["connect", "169.254.169.254", "80", "udp"],
            &["connect", "1.1.1.1", "443"],
            &["connect", "8.8.8.8", "53", "udp"],
            &["connect", "10.0.0.1", "22"],
            &["connect", "255.255.255.255", "9", "udp"],
        ];
        for rest in ["", NO_FILTER, super::ALL_RIGHTS] {
            let profile = profile(&lab, rest);
            assert_eq!(says(&lab, &profile, &["interfaces"]), "lo");
            all_are(&inside(&lab, &profile, &attacks), &["refused ENETUNREACH"]);
            let own = says(&lab, &profile, &["connect", "127.0.0.1", &port]);
            assert_eq!(own, "connect: refused ECONNREFUSED");
        }
        // The control: the host's network reaches the host's listener.
        assert_eq!(
            outside(&lab, &[&["connect", "127.0.0.1", &port]]),
            ["connect: worked"]
        );
        let shared = profile(&lab, "network.mode = \"host\"\n");
        assert_eq!(
            says(&lab, &shared, &["connect", "127.0.0.1", &port]),
            "connect: worked"
        );
    }
}
