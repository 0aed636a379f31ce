//! The table of numbers against libc's constants and the kernel's headers.

use std::collections::BTreeMap;
use std::process::Command;

use sandbox::seccomp::{Arch, groups, syscall_number};

use crate::skip::{Lack, skip};

/// Names and numbers as libc has them.
macro_rules! numbers {
    ($($name:ident)*) => { vec![$((stringify!($name), libc::$name)),*] };
}

fn libc_numbers() -> Vec<(&'static str, libc::c_long)> {
    let mut numbers = numbers! {
        SYS_accept SYS_accept4 SYS_acct SYS_add_key SYS_adjtimex SYS_bind SYS_bpf SYS_brk
        SYS_capget SYS_capset SYS_chdir SYS_chroot SYS_clock_adjtime SYS_clock_getres
        SYS_clock_gettime SYS_clock_nanosleep SYS_clock_settime SYS_clone SYS_clone3 SYS_close
        SYS_close_range SYS_connect SYS_copy_file_range SYS_delete_module SYS_dup SYS_dup3
        SYS_epoll_create1 SYS_epoll_ctl SYS_epoll_pwait SYS_epoll_pwait2 SYS_eventfd2 SYS_execve
        SYS_execveat SYS_exit SYS_exit_group SYS_faccessat SYS_faccessat2 SYS_fadvise64
        SYS_fallocate SYS_fanotify_init SYS_fanotify_mark SYS_fchdir SYS_fchmod SYS_fchmodat
        SYS_fchown SYS_fchownat SYS_fcntl SYS_fdatasync SYS_fgetxattr SYS_finit_module
        SYS_flistxattr SYS_flock SYS_fremovexattr SYS_fsconfig SYS_fsetxattr SYS_fsmount
        SYS_fsopen SYS_fspick SYS_fstat SYS_fstatfs SYS_fsync SYS_ftruncate SYS_futex
        SYS_futex_waitv SYS_get_mempolicy SYS_get_robust_list SYS_getcpu SYS_getcwd
        SYS_getdents64 SYS_getegid SYS_geteuid SYS_getgid SYS_getgroups SYS_getitimer
        SYS_getpeername SYS_getpgid SYS_getpid SYS_getppid SYS_getpriority SYS_getrandom
        SYS_getresgid SYS_getresuid SYS_getrlimit SYS_getrusage SYS_getsid SYS_getsockname
        SYS_getsockopt SYS_gettid SYS_gettimeofday SYS_getuid SYS_getxattr SYS_init_module
        SYS_inotify_add_watch SYS_inotify_init1 SYS_inotify_rm_watch SYS_io_cancel
        SYS_io_destroy SYS_io_getevents SYS_io_setup SYS_io_submit SYS_io_uring_enter
        SYS_io_uring_register SYS_io_uring_setup SYS_ioctl SYS_ioprio_get SYS_ioprio_set
        SYS_kcmp SYS_kexec_file_load SYS_kexec_load SYS_keyctl SYS_kill SYS_landlock_add_rule
        SYS_landlock_create_ruleset SYS_landlock_restrict_self SYS_lgetxattr SYS_linkat
        SYS_listen SYS_listxattr SYS_llistxattr SYS_lookup_dcookie SYS_lremovexattr SYS_lseek
        SYS_lsetxattr SYS_madvise SYS_mbind SYS_membarrier SYS_memfd_create SYS_memfd_secret
        SYS_migrate_pages SYS_mincore SYS_mkdirat SYS_mknodat SYS_mlock SYS_mlock2 SYS_mlockall
        SYS_mmap SYS_mount SYS_mount_setattr SYS_move_mount SYS_move_pages SYS_mprotect
        SYS_mq_getsetattr SYS_mq_notify SYS_mq_open SYS_mq_timedreceive SYS_mq_timedsend
        SYS_mq_unlink SYS_mremap SYS_mseal SYS_msgctl SYS_msgget SYS_msgrcv SYS_msgsnd SYS_msync
        SYS_munlock SYS_munlockall SYS_munmap SYS_name_to_handle_at SYS_nanosleep SYS_newfstatat
        SYS_nfsservctl SYS_open_by_handle_at SYS_open_tree SYS_openat SYS_openat2
        SYS_perf_event_open SYS_personality SYS_pidfd_getfd SYS_pidfd_open SYS_pidfd_send_signal
        SYS_pipe2 SYS_pivot_root SYS_pkey_alloc SYS_pkey_free SYS_pkey_mprotect SYS_ppoll
        SYS_prctl SYS_pread64 SYS_preadv SYS_preadv2 SYS_prlimit64 SYS_process_madvise
        SYS_process_mrelease SYS_process_vm_readv SYS_process_vm_writev SYS_pselect6 SYS_ptrace
        SYS_pwrite64 SYS_pwritev SYS_pwritev2 SYS_quotactl SYS_quotactl_fd SYS_read
        SYS_readahead SYS_readlinkat SYS_readv SYS_reboot SYS_recvfrom SYS_recvmmsg SYS_recvmsg
        SYS_remap_file_pages SYS_removexattr SYS_renameat SYS_renameat2 SYS_request_key
        SYS_restart_syscall SYS_rseq SYS_rt_sigaction SYS_rt_sigpending SYS_rt_sigprocmask
        SYS_rt_sigqueueinfo SYS_rt_sigreturn SYS_rt_sigsuspend SYS_rt_sigtimedwait
        SYS_rt_tgsigqueueinfo SYS_sched_get_priority_max SYS_sched_get_priority_min
        SYS_sched_getaffinity SYS_sched_getattr SYS_sched_getparam SYS_sched_getscheduler
        SYS_sched_rr_get_interval SYS_sched_setaffinity SYS_sched_setattr SYS_sched_setparam
        SYS_sched_setscheduler SYS_sched_yield SYS_seccomp SYS_semctl SYS_semget SYS_semop
        SYS_semtimedop SYS_sendfile SYS_sendmmsg SYS_sendmsg SYS_sendto SYS_set_mempolicy
        SYS_set_mempolicy_home_node SYS_set_robust_list SYS_set_tid_address SYS_setdomainname
        SYS_setfsgid SYS_setfsuid SYS_setgid SYS_setgroups SYS_sethostname SYS_setitimer
        SYS_setns SYS_setpgid SYS_setpriority SYS_setregid SYS_setresgid SYS_setresuid
        SYS_setreuid SYS_setrlimit SYS_setsid SYS_setsockopt SYS_settimeofday SYS_setuid
        SYS_setxattr SYS_shmat SYS_shmctl SYS_shmdt SYS_shmget SYS_shutdown SYS_sigaltstack
        SYS_signalfd4 SYS_socket SYS_socketpair SYS_splice SYS_statfs SYS_statx SYS_swapoff
        SYS_swapon SYS_symlinkat SYS_sync SYS_sync_file_range SYS_syncfs SYS_sysinfo SYS_syslog
        SYS_tee SYS_tgkill SYS_timer_create SYS_timer_delete SYS_timer_getoverrun
        SYS_timer_gettime SYS_timer_settime SYS_timerfd_create SYS_timerfd_gettime
        SYS_timerfd_settime SYS_times SYS_tkill SYS_truncate SYS_umask SYS_umount2 SYS_uname
        SYS_unlinkat SYS_unshare SYS_userfaultfd SYS_utimensat SYS_vhangup SYS_vmsplice
        SYS_wait4 SYS_waitid SYS_write SYS_writev
    };
    #[cfg(target_arch = "x86_64")]
    numbers.extend(numbers! {
        SYS__sysctl SYS_access SYS_afs_syscall SYS_alarm SYS_arch_prctl SYS_chmod SYS_chown
        SYS_creat SYS_dup2 SYS_epoll_create SYS_epoll_ctl_old SYS_epoll_wait SYS_epoll_wait_old
        SYS_eventfd SYS_fchmodat2 SYS_fork SYS_futimesat SYS_get_thread_area SYS_getdents
        SYS_getpgrp SYS_getpmsg SYS_inotify_init SYS_ioperm SYS_iopl SYS_lchown SYS_link
        SYS_lstat SYS_mkdir SYS_mknod SYS_modify_ldt SYS_open SYS_pause SYS_pipe SYS_poll
        SYS_putpmsg SYS_readlink SYS_rename SYS_rmdir SYS_security SYS_select
        SYS_set_thread_area SYS_signalfd SYS_stat SYS_symlink SYS_sysfs SYS_time SYS_tuxcall
        SYS_unlink SYS_uselib SYS_ustat SYS_utime SYS_utimes SYS_vfork SYS_vserver
    });
    numbers.sort_unstable();
    numbers
}

#[test]
fn the_table_agrees_with_libc() {
    let arch = Arch::native().expect("tests run where policies exist");
    let numbers = libc_numbers();
    assert!(numbers.len() > 300);
    for (name, number) in numbers {
        let name = name.trim_start_matches("SYS_");
        let ours = syscall_number(arch, name).map(libc::c_long::from);
        assert_eq!(ours, Some(number), "{name}");
    }
}

/// What the headers are asked for: the second as arch/arm64 does it.
const X86_64_HEADER: &str = "#include <asm/unistd_64.h>\n";
const AARCH64_HEADER: &str = "#define __ARCH_WANT_RENAMEAT\n#define __ARCH_WANT_NEW_STAT\n\
    #define __ARCH_WANT_SET_GET_RLIMIT\n#define __ARCH_WANT_TIME32_SYSCALLS\n\
    #define __ARCH_WANT_SYS_CLONE3\n#define __ARCH_WANT_MEMFD_SECRET\n\
    #include <asm-generic/unistd.h>\n";
/// Of the generic header: how many calls there are, where those of an architecture begin, and the
/// spellings of 32-bit architectures.
const NOT_CALLS: &[&str] = &[
    "syscalls",
    "arch_specific_syscall",
    "fstatat64",
    "fstat64",
    "fadvise64_64",
    "fcntl64",
    "fstatfs64",
    "ftruncate64",
    "llseek",
    "mmap2",
    "sendfile64",
    "statfs64",
    "truncate64",
    "stat64",
    "lstat64",
];

/// Every call that a header defines. None without a C compiler or without the header.
fn header_numbers(source: &str) -> Option<BTreeMap<String, u32>> {
    let folder = tempfile_folder();
    let file = folder.join("calls.h");
    std::fs::write(&file, source).expect("a scratch file");
    let output = Command::new("cc").args(["-E", "-dM"]).arg(&file).output();
    std::fs::remove_dir_all(&folder).expect("the scratch folder goes");
    let output = output.ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).expect("macros are ASCII");
    let defines: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("#define ")?.split_once(' '))
        .collect();
    let mut numbers = BTreeMap::new();
    for (name, value) in &defines {
        let Some(call) = name.strip_prefix("__NR_") else {
            continue;
        };
        let value = defines.get(value).unwrap_or(value);
        if let Ok(number) = value.parse()
            && !NOT_CALLS.contains(&call)
        {
            numbers.insert(call.to_owned(), number);
        }
    }
    Some(numbers)
}

fn tempfile_folder() -> std::path::PathBuf {
    let name = format!(
        "sandbox-table-{}-{:?}",
        std::process::id(),
        std::thread::current().id()
    );
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir(&folder).expect("a scratch folder");
    folder
}

/// Numbers by name: x86-64, and 64-bit ARM where it has the call.
type Rows = BTreeMap<String, (u32, Option<u32>)>;

fn rows() -> Rows {
    let calls = groups().iter().flat_map(|group| group.calls());
    calls
        .map(|call| {
            let x86_64 = syscall_number(Arch::X86_64, call).expect("every call is x86-64's");
            (
                call.to_owned(),
                (x86_64, syscall_number(Arch::Aarch64, call)),
            )
        })
        .collect()
}

#[test]
fn the_table_agrees_with_the_kernel_headers() {
    let (Some(x86_64), Some(aarch64)) = (
        header_numbers(X86_64_HEADER),
        header_numbers(AARCH64_HEADER),
    ) else {
        let reason = "no C compiler, or no kernel headers for x86-64";
        skip(
            "the_table_agrees_with_the_kernel_headers",
            &Lack::Tool(reason),
        );
        return;
    };
    assert!(x86_64.len() > 300 && aarch64.len() > 280);
    let ours = rows();
    let mut merged = ours.clone();
    for (name, number) in &x86_64 {
        merged.entry(name.clone()).or_insert((*number, None)).0 = *number;
    }
    for (name, number) in &aarch64 {
        let row = merged
            .get_mut(name)
            .expect("x86-64 has every call of 64-bit ARM");
        row.1 = Some(*number);
    }
    if std::env::var_os("BLESS").is_some() {
        bless(&merged);
    }
    assert_eq!(
        ours, merged,
        "rewrite the table: BLESS=1 cargo test --test seccomp table"
    );
}

/// Writes the rows of `src/seccomp/table.rs` anew; each new call still needs its group.
fn bless(rows: &Rows) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/seccomp/table.rs");
    let old = std::fs::read_to_string(path).expect("the table is there");
    let head = "TABLE: &[Row] = &[\n";
    let (before, _) = old.split_once(head).expect("the table begins");
    let body: String = rows
        .iter()
        .map(|(name, numbers)| match numbers {
            (x86_64, Some(aarch64)) => format!("    both(\"{name}\", {x86_64}, {aarch64}),\n"),
            (x86_64, None) => format!("    x86_64(\"{name}\", {x86_64}),\n"),
        })
        .collect();
    std::fs::write(path, format!("{before}{head}{body}];\n")).expect("the table is written");
}

const X86_HEADER: &str = "#include <asm/unistd_32.h>\n";
/// From here on the numbers are those of every architecture.
const SHARED: u32 = 424;

#[test]
fn the_numbers_of_x86_agree_with_the_kernel_header() {
    let Some(mut theirs) = header_numbers(X86_HEADER) else {
        let reason = "no C compiler, or no kernel headers for x86";
        skip(
            "the_numbers_of_x86_agree_with_the_kernel_header",
            &Lack::Tool(reason),
        );
        return;
    };
    // Spellings of 32-bit machines, which the other headers have for something else.
    for name in NOT_CALLS {
        if let Some(number) = syscall_number(Arch::X86, name) {
            theirs.insert((*name).to_owned(), number);
        }
    }
    assert!(theirs.len() > 400);
    if std::env::var_os("BLESS").is_some() {
        bless_x86(&theirs);
        return;
    }
    for (name, number) in &theirs {
        let rewrite = "BLESS=1 cargo test --test seccomp table";
        assert_eq!(
            syscall_number(Arch::X86, name),
            Some(*number),
            "{name}: {rewrite}"
        );
    }
}

fn bless_x86(numbers: &BTreeMap<String, u32>) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/seccomp/x86/numbers.rs");
    let old = std::fs::read_to_string(path).expect("the numbers are there");
    let head = "NUMBERS: &[(&str, u32)] = &[\n";
    let (before, rest) = old.split_once(head).expect("they begin");
    let (_, after) = rest.split_once("];\n").expect("they end");
    let own = numbers.iter().filter(|(_, number)| **number < SHARED);
    let body: String = own
        .map(|(name, number)| format!("    (\"{name}\", {number}),\n"))
        .collect();
    std::fs::write(path, format!("{before}{head}{body}];\n{after}")).expect("it is written");
}
