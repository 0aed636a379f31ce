//! Whose file it is, by the databases of Debian, Alpine and Arch on roots that are made up.

use crate::made_up::Host;

fn debian() -> Host {
    let host = Host::new();
    for dir in ["usr/bin", "usr/lib/x86_64-linux-gnu"] {
        std::fs::create_dir_all(host.path(dir)).unwrap();
    }
    host.link("bin", "usr/bin");
    host.link("lib", "usr/lib");
    host.file(
        "var/lib/dpkg/status",
        "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2.15-2+b8\n\
         Description: shell\n Version: 9.9 of something else\n\n\
         Package: libc6\nStatus: install ok installed\nMulti-Arch: same\nArchitecture: amd64\nVersion: 2.36-9\n\n\
         Package: libc6\nStatus: install ok installed\nMulti-Arch: same\nArchitecture: i386\nVersion: 2.36-8\n\n\
         Package: gone\nStatus: deinstall ok not-installed\nArchitecture: all\nVersion: 1\n\n\
         Package: old\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1:0.9~rc1-1\n\n\
         Package: dash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 0.5\n",
    );
    for (name, list) in [
        (
            "bash.list",
            "/.\n/bin\n/bin/bash\n/bin/rbash\n/usr\n/usr/bin\n/usr/bin/bashbug\n",
        ),
        (
            "libc6:amd64.list",
            "/lib/x86_64-linux-gnu/libc.so.6\n/usr/share/doc/libc6/copyright\n",
        ),
        (
            "libc6:i386.list",
            "/lib/i386-linux-gnu/libc.so.6\n/usr/share/doc/libc6/copyright\n",
        ),
        ("gone.list", "/usr/bin/gone\n"),
        ("old.list", "/etc/old.conf\n"),
        ("dash.list", "/bin/dash\n/bin/sh\n"),
        ("unknown.list", "/usr/bin/unknown\n"),
        ("bash.md5sums", "0123  usr/bin/other\n"),
    ] {
        host.file(&format!("var/lib/dpkg/info/{name}"), list);
    }
    host
}

#[test]
fn dpkg_lists_files_by_the_links_of_the_root() {
    let asked = [
        "/usr/bin/bash",
        "/usr/bin/bashbug",
        "/usr/bin/other",
        "/usr/bin/gone",
        "/usr/bin/unknown",
        "/usr/lib/x86_64-linux-gnu/libc.so.6",
        "/usr/lib/i386-linux-gnu/libc.so.6",
        "/etc/old.conf",
        "/opt/bash",
    ];
    assert_eq!(
        debian().owners(&asked),
        [
            "/etc/old.conf: dpkg old all 1:0.9~rc1-1",
            "/usr/bin/bash: dpkg bash amd64 5.2.15-2+b8",
            "/usr/bin/bashbug: dpkg bash amd64 5.2.15-2+b8",
            "/usr/lib/i386-linux-gnu/libc.so.6: dpkg libc6 i386 2.36-8",
            "/usr/lib/x86_64-linux-gnu/libc.so.6: dpkg libc6 amd64 2.36-9",
        ]
    );
}

#[test]
fn of_two_owners_the_answer_is_always_the_same() {
    assert_eq!(
        debian().owners(&["/usr/share/doc/libc6/copyright"]),
        ["/usr/share/doc/libc6/copyright: dpkg libc6 amd64 2.36-9"]
    );
}

#[test]
fn a_diverted_file_is_where_it_went() {
    let host = debian();
    host.file(
        "var/lib/dpkg/diversions",
        "/bin/sh\n/bin/sh.distrib\nbash\n/bin/rbash\n/bin/rbash.local\n:\n",
    );
    host.file("var/lib/dpkg/info/bash.list", "/bin/sh\n/bin/rbash\n");
    assert_eq!(
        host.owners(&[
            "/usr/bin/sh",
            "/usr/bin/sh.distrib",
            "/usr/bin/rbash",
            "/usr/bin/rbash.local"
        ]),
        [
            "/usr/bin/rbash.local: dpkg bash amd64 5.2.15-2+b8",
            "/usr/bin/sh: dpkg bash amd64 5.2.15-2+b8",
            "/usr/bin/sh.distrib: dpkg dash amd64 0.5",
        ]
    );
}

#[test]
fn a_distroless_image_has_a_file_a_package() {
    let host = Host::new();
    host.file(
        "var/lib/dpkg/status.d/libssl3",
        "Package: libssl3\nArchitecture: amd64\nVersion: 3.0.15-1~deb12u1\n",
    );
    host.file(
        "var/lib/dpkg/status.d/libssl3.md5sums",
        "d41d8cd98f00b204e9800998ecf8427e  usr/lib/x86_64-linux-gnu/libssl.so.3\n",
    );
    host.file(
        "var/lib/dpkg/status.d/tzdata",
        "Package: tzdata\nVersion: 1\n",
    );
    assert_eq!(
        host.owners(&[
            "/usr/lib/x86_64-linux-gnu/libssl.so.3",
            "/usr/share/zoneinfo/UTC"
        ]),
        ["/usr/lib/x86_64-linux-gnu/libssl.so.3: dpkg libssl3 amd64 3.0.15-1~deb12u1"]
    );
}

const APK: &str = "C:Q1abc=\nP:musl\nV:1.2.5-r9\nA:x86_64\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\n\n\
                   C:Q1def=\nP:busybox\nV:1.37.0-r12\nA:x86_64\nM:1\nF:\nR:init\nF:bin\nM:0:0:755\nR:busybox\n\
                   F:etc/network\nR:if-up\n\nP:broken\nF:bin\nR:broken\n\nP:last\nV:1\nA:noarch\nF:bin\nR:last\n";

#[test]
fn apk_lists_directories_and_names() {
    for place in ["lib/apk/db/installed", "usr/lib/apk/db/installed"] {
        let host = Host::new();
        host.file(place, APK);
        assert_eq!(
            host.owners(&[
                "/lib/ld-musl-x86_64.so.1",
                "/bin/busybox",
                "/bin/broken",
                "/bin/last",
                "/init",
                "/etc/network/if-up",
                "/bin/if-up"
            ]),
            [
                "/bin/busybox: apk busybox x86_64 1.37.0-r12",
                "/bin/last: apk last noarch 1",
                "/etc/network/if-up: apk busybox x86_64 1.37.0-r12",
                "/init: apk busybox x86_64 1.37.0-r12",
                "/lib/ld-musl-x86_64.so.1: apk musl x86_64 1.2.5-r9",
            ]
        );
    }
}

#[test]
fn pacman_has_a_directory_a_package() {
    let host = Host::new();
    let local = "var/lib/pacman/local";
    host.link("usr/sbin", "bin");
    host.file(&format!("{local}/ALPM_DB_VERSION"), "9\n");
    host.file(
        &format!("{local}/iproute2-6.12-1/desc"),
        "%NAME%\niproute2\n\n%VERSION%\n6.12-1\n\n%ARCH%\nx86_64\n\n%DEPENDS%\n%NAME%\n",
    );
    host.file(
        &format!("{local}/iproute2-6.12-1/files"),
        "%FILES%\nusr/\nusr/sbin/\nusr/sbin/ip\n\n%BACKUP%\netc/iproute2\n",
    );
    host.file(
        &format!("{local}/half-1-1/files"),
        "%FILES%\nusr/bin/half\n",
    );
    assert_eq!(
        host.owners(&["/usr/bin/ip", "/etc/iproute2", "/usr/bin/half"]),
        ["/usr/bin/ip: pacman iproute2 x86_64 6.12-1"]
    );
}

#[test]
fn a_host_without_databases_has_no_owners_and_needs_no_note() {
    assert_eq!(Host::new().owners(&["/usr/bin/bash"]), [""; 0]);
    assert_eq!(debian().owners(&[]), [""; 0]);
}

#[test]
fn what_cannot_be_read_is_told() {
    let host = debian();
    let status = host.path("var/lib/dpkg/status");
    std::fs::remove_file(&status).unwrap();
    std::fs::create_dir(&status).unwrap();
    let owners = host.ask(&["/usr/bin/bash"]);
    assert!(owners.packages.is_empty());
    let notes: Vec<String> = owners.notes.iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        ["package database `/var/lib/dpkg/status` cannot be read: it is not a regular file"]
    );
}

#[test]
fn nonsense_is_no_package() {
    let host = Host::new();
    let text = b"P:evil\x1b[31m\nV:1\nA:x\nF:bin\nR:a\n\nP:\nV:1\nA:x\nF:bin\nR:b\n\nP:c\nV:1 2\nA:x\nF:bin\nR:c\n";
    host.file("lib/apk/db/installed", text);
    assert_eq!(host.owners(&["/bin/a", "/bin/b", "/bin/c"]), [""; 0]);
}

/// Three thousand packages with a hundred files each, as on a large desktop.
#[test]
fn a_large_database_is_read_in_little_time() {
    let host = Host::new();
    let mut status = String::new();
    for package in 0..3000 {
        status.push_str(&format!(
            "Package: p{package}\nStatus: install ok installed\nArchitecture: all\nVersion: {package}\n\n"
        ));
        let files: Vec<String> = (0..100)
            .map(|file| format!("/usr/share/p{package}/{file}\n"))
            .collect();
        host.file(
            &format!("var/lib/dpkg/info/p{package}.list"),
            files.concat(),
        );
    }
    host.file("var/lib/dpkg/status", status);
    let start = std::time::Instant::now();
    assert_eq!(
        host.owners(&["/usr/share/p2999/99"]),
        ["/usr/share/p2999/99: dpkg p2999 all 2999"]
    );
    // A hundred times of what it takes.
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}
