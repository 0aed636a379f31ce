//! Every policy on every architecture, number by number, against what the data say: an oracle written apart
//! from the compiler.

use sandbox::model::{Errno, OnDeny};
use sandbox::seccomp::{
    Answer, Arch, Base, Basis, Ends, Entry, Grants, HostFiles, Instruction, NestedUserNamespaces,
    Policy, Standing, X86, argument_rules, basis, compile, groups, lacks, openings, syscall_name,
    syscall_number,
};

use crate::machine::{Call, assert_loadable, run};
use crate::policy::ask;

fn entries(names: &[&str]) -> Vec<Entry> {
    names
        .iter()
        .map(|name| name.parse().expect("a name"))
        .collect()
}

fn program(policy: &Policy<'_>, arch: Arch) -> Vec<Instruction> {
    let program = compile(policy, arch).expect("it compiles").program;
    assert_loadable(&program);
    program
}

/// Where the data put `name`, read again from the start.
fn standing(policy: &Policy<'_>, name: &str) -> Standing {
    let named = |entries: &[Entry]| entries.iter().any(|entry| entry.calls().contains(&name));
    let mut group = groups()
        .iter()
        .filter(|group| group.calls().any(|call| call == name));
    let group = group.next().expect("every call has a group").standing;
    let lacking = policy.base == Base::Strict
        && lacks()
            .iter()
            .any(|lack| lack.calls().any(|call| call == name));
    let granted = openings().iter().any(|opening| {
        use sandbox::seccomp::Key;
        opening.calls.contains(&name)
            && match opening.key {
                Key::Capability(key) => policy.grants.capabilities.contains(&key),
                Key::NestedUserNamespaces => {
                    policy.grants.nested_user_namespaces == NestedUserNamespaces::Allowed
                }
            }
    });
    let allowed = named(policy.allow) && !["openat2", "clone3"].contains(&name);
    let before = match group {
        Standing::Allowed if !lacking => Standing::Allowed,
        _ if granted || allowed => Standing::Allowed,
        Standing::Absent => Standing::Absent,
        Standing::Allowed | Standing::Refused => Standing::Refused,
    };
    match before {
        Standing::Allowed if named(policy.deny) => Standing::Refused,
        before => before,
    }
}

fn action(policy: &Policy<'_>, standing: Standing) -> u32 {
    match (standing, policy.on_deny) {
        (Standing::Allowed, _) => Answer::Allow,
        (Standing::Absent, _) => Answer::Errno(Errno::ENOSYS),
        (Standing::Refused, OnDeny::Errno(errno)) => Answer::Errno(errno),
        (Standing::Refused, OnDeny::Kill) => Answer::Kill,
        (Standing::Refused, OnDeny::Log) => Answer::Log,
    }
    .action()
}

/// What the data say of a number, where the arguments do not matter.
fn expected(policy: &Policy<'_>, arch: Arch, number: u32) -> Option<u32> {
    let Some(name) = syscall_name(arch, number) else {
        return Some(Answer::Errno(Errno::ENOSYS).action());
    };
    let basis = match arch {
        Arch::X86 => basis(name),
        Arch::X86_64 | Arch::Aarch64 => Basis::Like(name),
    };
    let standing = match basis {
        Basis::Like(name) => {
            let standing = standing(policy, name);
            // It works past the filter: a trial does not open it.
            if (name, standing, policy.on_deny)
                == ("io_uring_setup", Standing::Refused, OnDeny::Log)
            {
                return Some(Answer::Errno(Errno::EPERM).action());
            }
            let checked = argument_rules()
                .iter()
                .any(|rule| rule.calls.contains(&name));
            if checked && standing == Standing::Allowed {
                return None;
            }
            standing
        }
        Basis::Fixed(standing) => standing,
        Basis::Reaches(calls) => {
            let all = calls
                .iter()
                .all(|call| self::standing(policy, call) == Standing::Allowed);
            match (all, name) {
                (true, "socketcall") => return None,
                (true, _) => Standing::Allowed,
                (false, _) => Standing::Refused,
            }
        }
    };
    Some(action(policy, standing))
}

fn asked_all(policy: &Policy<'_>, native: Arch, arch: Arch) {
    let program = program(policy, native);
    let mut allowed = 0;
    for number in 0..1000 {
        let Some(expected) = expected(policy, arch, number) else {
            continue;
        };
        let name = syscall_name(arch, number);
        let answer = ask(&program, arch, number, [u64::MAX; 6]);
        assert_eq!(answer, expected, "{policy:?} {arch:?} {number} {name:?}");
        allowed += usize::from(answer == Answer::Allow.action());
    }
    assert!(allowed > 150);
}

#[test]
fn every_policy_answers_as_its_data_say() {
    let lists = [
        (vec![], vec![]),
        (
            entries(&["@debug", "io_uring_setup", "@aio", "clone3"]),
            vec![],
        ),
        (
            entries(&["@privileged"]),
            entries(&["@clock", "@ipc", "getpid"]),
        ),
        (vec![], entries(&["connect", "openat2", "ioctl", "shmget"])),
    ];
    let grants = [
        Grants::NONE,
        Grants {
            capabilities: &["CAP_SETUID", "CAP_SYS_PTRACE"],
            nested_user_namespaces: NestedUserNamespaces::Allowed,
        },
    ];
    let answers = ["errno:EPERM", "errno:EACCES", "errno:ENOSYS", "kill", "log"];
    let answers = answers.map(|text| text.parse::<OnDeny>().expect("an answer"));
    for base in [Base::Default, Base::Strict] {
        for (allow, deny) in &lists {
            for (grants, on_deny) in grants.iter().flat_map(|g| answers.map(|a| (g, a))) {
                for x86 in [X86::Killed, X86::Filtered] {
                    let policy = Policy {
                        base,
                        grants: *grants,
                        allow,
                        deny,
                        on_deny,
                        x86,
                    };
                    asked_all(&policy, Arch::X86_64, Arch::X86_64);
                    asked_all(&policy, Arch::Aarch64, Arch::Aarch64);
                    if x86 == X86::Filtered {
                        asked_all(&policy, Arch::X86_64, Arch::X86);
                    }
                }
            }
        }
    }
}

/// Without a list every known call runs with every argument, but for set-id modes (hardening rule 11).
#[test]
fn without_a_list_set_id_modes_alone_are_refused() {
    const EPERM: u32 = 0x0005_0001;
    const ALLOW: u32 = 0x7fff_0000;
    const KILL: u32 = 0x8000_0000;
    let absent = Answer::Errno(Errno::ENOSYS).action();
    for files in [HostFiles::Writable, HostFiles::Apart] {
        let policy = Policy {
            base: Base::None(files),
            x86: X86::Filtered,
            ..Policy::DEFAULT
        };
        for (native, arch) in [
            (Arch::X86_64, Arch::X86_64),
            (Arch::X86_64, Arch::X86),
            (Arch::Aarch64, Arch::Aarch64),
        ] {
            let program = program(&policy, native);
            for number in 0..1000 {
                let Some(name) = syscall_name(arch, number) else {
                    assert_eq!(ask(&program, arch, number, [0; 6]), absent);
                    continue;
                };
                let like = match (arch, basis(name)) {
                    (Arch::X86, Basis::Like(like)) => like,
                    _ => name,
                };
                let closed = match files {
                    HostFiles::Writable => ["openat2", "io_uring_setup"].contains(&like),
                    HostFiles::Apart => false,
                };
                let modes = argument_rules()
                    .iter()
                    .find(|rule| rule.calls.contains(&like) && rule.refused.contains("S_ISUID"));
                let expected = match (closed, like) {
                    (true, "openat2") => absent,
                    (true, _) => EPERM,
                    (false, _) => ALLOW,
                };
                let asked = |arguments| ask(&program, arch, number, arguments);
                assert_eq!(asked([0; 6]), expected, "{arch:?} {name}");
                let all = if modes.is_some() { EPERM } else { expected };
                assert_eq!(asked([u64::MAX; 6]), all, "{arch:?} {name}");
            }
        }
        let program = program(&policy, Arch::X86_64);
        assert_eq!(ask(&program, Arch::Aarch64, 56, [0; 6]), KILL);
        assert_eq!(ask(&program, Arch::X86_64, 0x4000_0101, [0; 6]), KILL);
    }
}

const X86_TOO: Policy<'static> = Policy {
    x86: X86::Filtered,
    ..Policy::DEFAULT
};

/// On `arch`, the first three arguments.
fn answer(policy: &Policy<'_>, arch: Arch, name: &str, [a, b, c]: [u64; 3]) -> u32 {
    let number = syscall_number(arch, name).expect("a call");
    ask(
        &program(policy, Arch::X86_64),
        arch,
        number,
        [a, b, c, 0, 0, 0],
    )
}

/// No rule over arguments has a way around it through 32-bit calls.
#[test]
fn arguments_are_checked_on_x86_too() {
    const EPERM: u32 = 0x0005_0001;
    const ALLOW: u32 = 0x7fff_0000;
    let ask = |name, arguments| answer(&X86_TOO, Arch::X86, name, arguments);
    assert_eq!(ask("chmod", [0, 0o4755, 0]), EPERM);
    assert_eq!(ask("open", [0, 0o101, 0o2755]), EPERM);
    assert_eq!(ask("mknodat", [0, 0, 0o104755]), EPERM);
    assert_eq!(ask("ioctl", [0, 0x5412, 0]), EPERM);
    assert_eq!(ask("ioctl", [0, 0x5401, 0]), ALLOW);
    assert_eq!(ask("clone", [0x1000_0011, 0, 0]), EPERM);
    assert_eq!(ask("clone", [0x003d_0f00, 0, 0]), ALLOW);
    assert_eq!(ask("unshare", [0x1000_0000, 0, 0]), EPERM);
    assert_eq!(ask("personality", [0x40_0000, 0, 0]), EPERM);
    assert_eq!(ask("prctl", [35, 0, 0]), EPERM);
    assert_eq!(
        ask("socket", [38, 5, 0]),
        Answer::Errno(Errno::EAFNOSUPPORT).action()
    );
    assert_eq!(ask("socket", [2, 1, 0]), ALLOW);
    // SYS_SOCKET, SYS_SOCKETPAIR, and all others.
    let absent = Answer::Errno(Errno::ENOSYS).action();
    for call in 0..=20 {
        let expected = if [1, 8].contains(&call) {
            absent
        } else {
            ALLOW
        };
        assert_eq!(ask("socketcall", [call, 0, 0]), expected, "{call}");
    }
    assert_eq!(ask("ipc", [1, 0, 0]), ALLOW);
    assert_eq!(ask("umount", [0, 0, 0]), EPERM);
    assert_eq!(ask("vm86", [0, 0, 0]), EPERM);
    assert_eq!(ask("clone3", [0, 0, 0]), absent);
    assert_eq!(ask("openat2", [0, 0, 0]), absent);
}

#[test]
fn x86_is_killed_unless_it_is_named_and_x32_always() {
    for (policy, program) in
        [Policy::DEFAULT, Policy::STRICT, X86_TOO].map(|p| (p, program(&p, Arch::X86_64)))
    {
        let call = |architecture, number| {
            run(
                &program,
                &Call {
                    number,
                    architecture,
                    arguments: [0; 6],
                },
            )
            .action
        };
        let getpid = call(Arch::X86.audit_number(), 20);
        let expected = match policy.x86 {
            X86::Killed => Answer::Kill,
            X86::Filtered => Answer::Allow,
        };
        assert_eq!(getpid, expected.action());
        for (architecture, number) in [
            (0xc000_003e, 0x4000_0027),
            (0x4000_0028, 1),
            (0xc000_00b7, 1),
        ] {
            assert_eq!(call(architecture, number), Answer::Kill.action());
        }
    }
    // On 64-bit ARM there is nothing that it could open.
    assert_eq!(
        compile(&X86_TOO, Arch::Aarch64).map(|f| f.program),
        compile(&Policy::DEFAULT, Arch::Aarch64).map(|f| f.program)
    );
}

/// What `on_deny` is for, and what it leaves: errors that programs fall back on, and arguments under `log`.
#[test]
fn refused_arguments_are_refused_by_every_answer() {
    let of = |text: &str, name, arguments| {
        let policy = Policy {
            on_deny: text.parse().expect("an answer"),
            ..Policy::DEFAULT
        };
        answer(&policy, Arch::X86_64, name, arguments)
    };
    let set_id = |text| of(text, "chmod", [0, 0o4755, 0]);
    assert_eq!(set_id("errno:EACCES"), 0x0005_000d);
    assert_eq!(set_id("kill"), Answer::Kill.action());
    assert_eq!(set_id("log"), 0x0005_0001);
    for text in ["errno:EACCES", "kill", "log"] {
        assert_eq!(of(text, "socket", [38, 5, 0]), 0x0005_0061, "{text}");
        assert_eq!(of(text, "socket", [2, 1, 262]), 0x0005_005d, "{text}");
        assert_eq!(of(text, "openat2", [0; 3]), 0x0005_0026, "{text}");
    }
}

/// A listener stands in the place of each refusal, of each end where it brings that about, and of nothing else.
#[test]
fn the_listened_program_differs_by_refusals_alone() {
    const REFUSED: u32 = 0x0005_0001;
    let killed = Answer::Kill.action();
    for (text, ends, replaced) in [
        ("errno:EPERM", Ends::ByKernel, vec![REFUSED]),
        ("errno:EPERM", Ends::ByListener, vec![REFUSED, killed]),
        ("kill", Ends::ByListener, vec![killed]),
    ] {
        for base in [Base::Default, Base::Strict] {
            let on_deny = text.parse().expect("an answer");
            let policy = Policy {
                base,
                on_deny,
                ..Policy::DEFAULT
            };
            let filter = compile(&policy, Arch::X86_64).expect("it compiles");
            let listened = filter.listened(ends).expect("there is something to hear");
            assert_eq!(listened.len(), filter.program.len());
            for (plain, heard) in filter.program.iter().zip(&listened) {
                let is_replaced = plain.code == 6 && replaced.contains(&plain.k);
                assert_eq!(is_replaced, plain != heard, "{text} {ends:?} {plain:?}");
                assert!(!is_replaced || heard.k == Answer::Notify.action());
            }
        }
    }
    for (text, ends) in [
        ("kill", Ends::ByKernel),
        ("log", Ends::ByKernel),
        ("log", Ends::ByListener),
    ] {
        let policy = Policy {
            on_deny: text.parse().expect("an answer"),
            ..Policy::DEFAULT
        };
        let filter = compile(&policy, Arch::X86_64).expect("it compiles");
        assert_eq!(filter.listened(ends), None, "{text} {ends:?}");
    }
}

#[test]
fn strict_has_sockets_of_unix_alone_until_they_are_opened() {
    let socket =
        |policy: &Policy<'_>, family| answer(policy, Arch::X86_64, "socket", [family, 1, 0]);
    let no_family = Answer::Errno(Errno::EAFNOSUPPORT).action();
    for family in [2, 10, 16, 38] {
        assert_eq!(socket(&Policy::STRICT, family), no_family);
    }
    assert_eq!(socket(&Policy::STRICT, 1), Answer::Allow.action());
    for name in ["socket", "@network-io"] {
        let opened = Policy {
            allow: &entries(&[name]),
            ..Policy::STRICT
        };
        assert_eq!(socket(&opened, 2), Answer::Allow.action());
        assert_eq!(socket(&opened, 38), no_family);
    }
}
