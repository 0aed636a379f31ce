//! System calls past the filter: other architectures, namespaces, io_uring, mounts, families of sockets.

use super::super::support::{Caller, Lab};
use super::{ALL_RIGHTS, NO_FILTER, all_are, inside, outside, profile, says, verdict, work};

const KILLED: &str = "killed SIGSYS";

/// The numbers of 32-bit programs mean other calls, and `socketcall` has its arguments in memory.
#[cfg(target_arch = "x86_64")]
#[test]
fn attack_40_numbers_of_other_architectures_end_the_program() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        // getpid, unshare(NEWUSER), clone, mount, ptrace, keyctl, and an AF_INET and AF_ALG socket.
        let attacks: [&[&str]; 8] = [
            &["int80", "20"],
            &["int80", "310", "0x10000000"],
            &["int80", "120", "0x10000011"],
            &["int80", "21"],
            &["int80", "26"],
            &["int80", "288", "0", "-3"],
            &["int80-socket", "2", "1"],
            &["int80-socket", "38", "5"],
        ];
        let control = outside(&lab, &attacks[..2]);
        // A kernel without 32-bit programs answers SIGSEGV itself.
        let has_i386 = control == ["int80: worked", "int80: worked"];
        let expected = if has_i386 { KILLED } else { "killed SIGSEGV" };
        all_are(&inside(&lab, &profile(&lab, ""), &attacks), &[expected]);
        if has_i386 {
            let unfiltered = inside(&lab, &profile(&lab, NO_FILTER), &[attacks[0], attacks[6]]);
            all_are(&unfiltered, &["worked"]);
        }
        // getpid, unshare, ptrace, mount, io_uring_setup, keyctl of x32.
        for number in ["39", "272", "521", "165", "425", "250"] {
            let answer = says(&lab, &profile(&lab, ""), &["x32", number, "0x10000000"]);
            assert_eq!(verdict(&answer), KILLED, "{number}");
            // The rules over modes, which hold without a list too, would be open through them.
            let listless = profile(&lab, NO_FILTER);
            let answer = says(&lab, &listless, &["x32", number, "0x10000000"]);
            assert_eq!(verdict(&answer), KILLED, "{number}");
            let control = outside(&lab, &[&["x32", number, "0x10000000"]]);
            assert_ne!(verdict(&control[0]), KILLED, "{number}");
        }
    }
}

#[test]
fn cve_2022_0185_no_namespace_is_made_or_entered() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let user: [&[&str]; 3] = [
            &["unshare", "user"],
            &["clone", "user"],
            &["clone3", "user"],
        ];
        all_are(&outside(&lab, &user), &["worked"]);
        assert_eq!(
            inside(&lab, &profile(&lab, ""), &user),
            [
                "unshare: refused EPERM",
                "clone: refused EPERM",
                "clone3: refused ENOSYS"
            ]
        );
        for rest in [NO_FILTER, ALL_RIGHTS] {
            all_are(
                &inside(&lab, &profile(&lab, rest), &user),
                &["refused ENOSPC"],
            );
        }
        for kind in ["mount", "pid", "net", "ipc", "uts", "cgroup", "time"] {
            let attacks: [&[&str]; 2] = [&["unshare", kind], &["clone3", kind]];
            all_are(
                &inside(&lab, &profile(&lab, ""), &attacks),
                &["refused EPERM", "refused ENOSYS"],
            );
            all_are(
                &inside(&lab, &profile(&lab, NO_FILTER), &attacks),
                &["refused EPERM", "refused EINVAL"],
            );
        }
        for name in ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"] {
            let path = format!("/proc/self/ns/{name}");
            assert_eq!(
                says(&lab, &profile(&lab, ""), &["setns", &path]),
                "setns: refused EPERM"
            );
            let unfiltered = says(&lab, &profile(&lab, NO_FILTER), &["setns", &path]);
            assert!(
                ["setns: refused EPERM", "setns: refused EINVAL"].contains(&unfiltered.as_str()),
                "{name}: {unfiltered}"
            );
        }
    }
}

/// What it starts is done by the kernel, past every rule about system calls.
#[test]
fn cve_2022_29582_io_uring_is_refused() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let calls: [&[&str]; 3] = [
            &["io_uring_setup"],
            &["io_uring_enter"],
            &["io_uring_register"],
        ];
        for rest in ["", "security.capabilities = [\"CAP_SYS_ADMIN\"]\n"] {
            all_are(
                &inside(&lab, &profile(&lab, rest), &calls),
                &["refused EPERM"],
            );
        }
        // The control: without the filter the kernel answers itself.
        let control = outside(&lab, &calls);
        assert!(
            !control[1].contains("EPERM") && !control[2].contains("EPERM"),
            "{control:?}"
        );
        assert_eq!(inside(&lab, &profile(&lab, NO_FILTER), &calls), control);
    }
}

#[test]
fn cve_2021_3490_calls_into_the_depth_of_the_kernel_are_refused() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let mut calls: Vec<&[&str]> = vec![
            &["bpf"],
            &["perf_event_open"],
            &["userfaultfd"],
            &["ptrace-attach", "child"],
            &["process_vm_readv", "child"],
            &["process_vm_writev", "child"],
            &["kcmp", "child"],
            &["pidfd_getfd", "child", "1"],
            &["name_to_handle_at", "/"],
            &["open_by_handle_at", "/"],
            &["kexec_load"],
            &["init_module"],
            &["delete_module"],
            &["quotactl"],
            &["acct"],
            &["swapon"],
            &["reboot"],
            &["personality", "0x0400000"],
            &["fanotify_init"],
            &["lsm_list_modules"],
            &["move_pages"],
            &["migrate_pages"],
            &["syslog"],
            &["clock_settime"],
            &["vmsplice"],
            &["chroot", "/"],
            &["pivot_root", "/"],
            &["sethostname", "taken"],
        ];
        if cfg!(target_arch = "x86_64") {
            calls.extend([&["iopl"][..], &["modify_ldt"]]);
        }
        let capable = "security.capabilities = [\"CAP_SYS_ADMIN\", \"CAP_DAC_READ_SEARCH\"]\n";
        let answers = inside(&lab, &profile(&lab, ""), &calls);
        all_are(&answers, &["refused EPERM", "refused ENOSYS"]);
        // Capabilities over the sandbox's own namespaces open no more than they are for.
        let answers = inside(&lab, &profile(&lab, capable), &calls[..26]);
        let open: Vec<&String> = answers
            .iter()
            .filter(|answer| !["refused EPERM", "refused ENOSYS"].contains(&verdict(answer)))
            .collect();
        assert!(open.is_empty(), "{open:?}");
        // The control: for many of them the filter alone is what refuses.
        // Not those that would change the host.
        let control = outside(&lab, &calls[..25]);
        let free = control
            .iter()
            .filter(|answer| !answer.contains("EPERM"))
            .count();
        assert!(free > 8, "{control:?}");
    }
}

/// Without the filter the depth of the kernel is closed to who has no rights on the host.
#[test]
fn attack_43_without_a_filter_the_hosts_rights_are_missing() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let calls: [&[&str]; 9] = [
            &["open_by_handle_at", "/"],
            &["kexec_load"],
            &["init_module"],
            &["delete_module"],
            &["acct"],
            &["swapon"],
            &["reboot"],
            &["mknod", "/t/x", "1", "3"],
            &["mknod-block", "/t/y", "8", "0"],
        ];
        for rest in [NO_FILTER, ALL_RIGHTS] {
            let text = profile(&lab, &format!("{rest}[[mount]]\ntmpfs = \"/t\"\n"));
            all_are(
                &inside(&lab, &text, &calls),
                // Landlock stands before the kernel's rights.
                &["refused EPERM", "refused EACCES", "refused ENOSYS"],
            );
        }
        if caller == Caller::Root {
            let control = outside(&lab, &calls[..7]);
            assert!(
                control
                    .iter()
                    .filter(|answer| !answer.contains("EPERM"))
                    .count()
                    > 4,
                "{control:?}"
            );
        }
    }
}

/// Mounts by every interface: a read-only bind made writable, a mask taken away, anything new.
#[test]
fn attack_43_no_mount_by_any_interface() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        lab.file("work/file", "as it was");
        let attacks: [&[&str]; 18] = [
            &["mount-tmpfs", "/t"],
            &["mount-bind", "/w", "/t"],
            &["mount-bind", "/proc", "/t"],
            &["mount-move", "/w", "/t"],
            &["mount-overlay", "/t", "lowerdir=/w:/etc"],
            &["mount-proc", "/t"],
            &["mount-shared", "/"],
            &["remount", "/w"],
            &["remount", "/"],
            &["remount", "/proc/sys"],
            &["remount-whole", "/dev"],
            &["umount", "/w"],
            &["umount", "/proc/kallsyms"],
            &["umount", "/proc/sys"],
            &["open_tree", "/w"],
            &["mount_setattr", "/w"],
            &["fsopen", "tmpfs", "/t"],
            &["fspick", "/w"],
        ];
        let mounts = format!(
            "rootfs.writes = \"deny\"\n{{}}{}[[mount]]\ntmpfs = \"/t\"\n",
            work(&lab, "ro")
        );
        for rest in ["security.capabilities = [\"CAP_SYS_ADMIN\"]\n", NO_FILTER] {
            let text = profile(&lab, &mounts.replace("{}", rest));
            for answer in inside(&lab, &text, &attacks) {
                // Who may not mount at all is told before anything else.
                assert!(
                    ["refused EPERM", "refused ENOSYS"].contains(&verdict(&answer)),
                    "{rest}: {answer}"
                );
            }
            let writes: [&[&str]; 3] = [
                &["open-write", "/w/file"],
                &["create", "/w/new"],
                &["map-writable", "/w/file"],
            ];
            all_are(
                &inside(&lab, &text, &writes),
                &["refused EROFS", "refused EACCES"],
            );
        }
        // The control: who is given both, the capability and every call, undoes what the profile says of mounts.
        let text = profile(&lab, &mounts.replace("{}", ALL_RIGHTS));
        let undone: [&[&str]; 3] = [
            &["remount", "/w"],
            &["create", "/w/new"],
            &["mount-tmpfs", "/t"],
        ];
        all_are(&inside(&lab, &text, &undone), &["worked"]);
    }
}

#[test]
fn cve_2017_6074_families_of_sockets_are_an_allow_list() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        // AX.25, IPX, NETFILTER, KEY, PACKET, RDS, LLC, CAN, TIPC, BLUETOOTH, RXRPC, ALG, VSOCK, KCM, SMC, XDP.
        for family in [
            "3", "4", "15", "17", "21", "26", "29", "30", "31", "33", "38", "40", "41", "43", "44",
        ] {
            for kind in ["1", "2", "3", "5"] {
                let answers = inside(
                    &lab,
                    &profile(&lab, ""),
                    &[
                        &["socket", family, kind, "0"],
                        &["socketpair", family, kind],
                    ],
                );
                all_are(&answers, &["refused EAFNOSUPPORT"]);
            }
        }
        // DCCP, SCTP, MPTCP, UDP-Lite, raw; then what netlink has beside routes.
        let refused: [&[&str]; 9] = [
            &["socket", "2", "6", "33"],
            &["socket", "2", "1", "132"],
            &["socket", "2", "5", "132"],
            &["socket", "2", "1", "262"],
            &["socket", "10", "1", "132"],
            &["socket", "2", "3", "1"],
            &["socket", "16", "3", "12"],
            &["socket", "16", "3", "15"],
            &["socket", "16", "3", "16"],
        ];
        for answer in inside(&lab, &profile(&lab, ""), &refused) {
            assert!(verdict(&answer).starts_with("refused"), "{answer}");
        }
        // The control: the usual ones are there.
        let allowed: [&[&str]; 6] = [
            &["socket", "1", "1", "0"],
            &["socket", "2", "1", "0"],
            &["socket", "2", "0x80802", "17"],
            &["socket", "10", "1", "6"],
            &["socket", "16", "3", "0"],
            &["socketpair", "1", "1"],
        ];
        all_are(&inside(&lab, &profile(&lab, ""), &allowed), &["worked"]);
        let free = outside(
            &lab,
            &[
                &["socket", "16", "3", "12"],
                &["socket", "16", "3", "15"],
                &["socket", "2", "1", "262"],
            ],
        );
        assert!(
            free.iter().any(|answer| answer.ends_with("worked")),
            "{free:?}"
        );
    }
}
