//! The programs, run number by number in a machine of the test's own.

use std::collections::BTreeMap;

use sandbox::model::Errno;
use sandbox::seccomp::{
    Answer, Arch, CompileError, Grants, Instruction, Key, NestedUserNamespaces, Policy, Standing,
    argument_rules, compile, groups, openings, syscall_name, syscall_number,
};

use crate::machine::{Call, assert_loadable, run};

const ARCHES: [Arch; 2] = [Arch::X86_64, Arch::Aarch64];
const EPERM: Answer = Answer::Errno(Errno::EPERM);
const ENOSYS: Answer = Answer::Errno(Errno::ENOSYS);

const NESTED: Grants<'static> = Grants {
    capabilities: &[],
    nested_user_namespaces: NestedUserNamespaces::Allowed,
};
const ALL: Grants<'static> = Grants {
    capabilities: &[
        "CAP_NET_RAW",
        "CAP_SYS_ADMIN",
        "CAP_SYS_BOOT",
        "CAP_SYS_CHROOT",
        "CAP_SYS_NICE",
        "CAP_SYS_PTRACE",
        "CAP_SYS_TTY_CONFIG",
    ],
    nested_user_namespaces: NestedUserNamespaces::Allowed,
};

pub fn program(arch: Arch, grants: &Grants<'_>) -> Vec<Instruction> {
    let policy = Policy {
        grants: *grants,
        ..Policy::DEFAULT
    };
    compile(&policy, arch).expect("the policy compiles").program
}

pub fn ask(program: &[Instruction], arch: Arch, number: u32, arguments: [u64; 6]) -> u32 {
    let architecture = arch.audit_number();
    run(
        program,
        &Call {
            number,
            architecture,
            arguments,
        },
    )
    .action
}

/// The first three arguments of `name`, low words first in doubt.
fn answer(grants: &Grants<'_>, name: &str, arguments: [u64; 3]) -> u32 {
    let [a, b, c] = arguments;
    let number = syscall_number(Arch::X86_64, name).expect("a call");
    ask(
        &program(Arch::X86_64, grants),
        Arch::X86_64,
        number,
        [a, b, c, 0, 0, 0],
    )
}

fn is_checked(name: &str) -> bool {
    argument_rules()
        .iter()
        .any(|rule| rule.calls.contains(&name))
}

/// What the data of the policy says of a call whose arguments do not matter.
fn expected(grants: &Grants<'_>, name: &str) -> Answer {
    let opened = openings().iter().any(|opening| {
        opening.calls.contains(&name)
            && match opening.key {
                Key::Capability(key) => grants.capabilities.contains(&key),
                Key::NestedUserNamespaces => {
                    grants.nested_user_namespaces == NestedUserNamespaces::Allowed
                }
            }
    });
    let mut of = groups()
        .iter()
        .filter(|group| group.calls().any(|call| call == name));
    match of.next().expect("every call has a group").standing {
        Standing::Allowed => Answer::Allow,
        _ if opened => Answer::Allow,
        Standing::Refused => EPERM,
        Standing::Absent => ENOSYS,
    }
}

#[test]
fn every_number_gets_the_answer_of_its_group() {
    for (arch, grants) in ARCHES
        .iter()
        .flat_map(|arch| [Grants::NONE, NESTED, ALL].map(|g| (*arch, g)))
    {
        let program = program(arch, &grants);
        assert_loadable(&program);
        let mut seen = 0;
        for number in 0..2000 {
            let expected = match syscall_name(arch, number) {
                None => ENOSYS,
                Some(name) if is_checked(name) => continue,
                Some(name) => expected(&grants, name),
            };
            seen += usize::from(expected != ENOSYS);
            let action = ask(&program, arch, number, [u64::MAX; 6]);
            assert_eq!(
                action,
                expected.action(),
                "{arch:?} {number} {:?}",
                syscall_name(arch, number)
            );
        }
        assert!(seen > 250);
    }
}

#[test]
fn foreign_architectures_and_x32_end_the_process() {
    const I386: u32 = 0x4000_0003;
    const ARM: u32 = 0x4000_0028;
    for arch in ARCHES {
        let program = program(arch, &Grants::NONE);
        let other = ARCHES
            .into_iter()
            .find(|other| *other != arch)
            .expect("two")
            .audit_number();
        for architecture in [I386, ARM, other, 0, u32::MAX] {
            for number in (0..600).chain([0x4000_0000, u32::MAX]) {
                let call = Call {
                    number,
                    architecture,
                    arguments: [0; 6],
                };
                assert_eq!(run(&program, &call).action, Answer::Kill.action());
            }
        }
    }
    let program = program(Arch::X86_64, &ALL);
    for number in [
        0x4000_0000,
        0x4000_0027,
        0x4000_0208,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_fffe,
    ] {
        assert_eq!(
            ask(&program, Arch::X86_64, number, [0; 6]),
            Answer::Kill.action()
        );
    }
}

#[test]
fn numbers_of_no_call_answer_enosys() {
    for arch in ARCHES {
        let program = program(arch, &ALL);
        // -1 is what a tracer writes; 512 to 547 are x32's even without its bit.
        for number in (472..2048).chain([u32::MAX, 0x3fff_ffff]) {
            assert_eq!(ask(&program, arch, number, [0; 6]), ENOSYS.action());
        }
    }
}

const NO_PROTOCOL: Answer = Answer::Errno(Errno::EPROTONOSUPPORT);
const NO_FAMILY: Answer = Answer::Errno(Errno::EAFNOSUPPORT);

/// Calls, their first three arguments, and the answer.
const CASES: &[(&str, [u64; 3], Answer)] = &[
    ("chmod", [0, 0o755, 0], Answer::Allow),
    ("chmod", [0, 0o1777, 0], Answer::Allow),
    ("chmod", [0, 0o4755, 0], EPERM),
    ("fchmod", [0, 0o2755, 0], EPERM),
    ("fchmodat", [0, 0, 0o4755], EPERM),
    ("fchmodat", [0, 0o4755, 0o755], Answer::Allow),
    ("fchmodat2", [0, 0, 0o6755], EPERM),
    ("creat", [0, 0o4644, 0], EPERM),
    ("mkdir", [0, 0o2755, 0], EPERM),
    ("mkdirat", [0, 0, 0o2755], EPERM),
    ("mknod", [0, 0o104755, 0], EPERM),
    ("mknodat", [0, 0, 0o102755], EPERM),
    ("mknodat", [0, 0, 0o100755], Answer::Allow),
    ("open", [0, 0o101, 0o4755], EPERM),
    ("open", [0, 0o1, 0o4755], Answer::Allow),
    ("open", [0, 0o20_200_001, 0o4755], EPERM),
    ("open", [0, 0o200_000, 0o7777], Answer::Allow),
    ("ioctl", [0, 0x5401, 0], Answer::Allow),
    ("ioctl", [0, 0x5412, 0], EPERM),
    ("ioctl", [0, 0xdead_beef_0000_5412, 0], EPERM),
    ("ioctl", [0, 0x1_0000_541c, 0], EPERM),
    ("clone", [0x003d_0f00, 0, 0], Answer::Allow),
    ("clone", [0x1000_0011, 0, 0], EPERM),
    ("clone", [0x0002_0011, 0, 0], EPERM),
    ("unshare", [0x400, 0, 0], Answer::Allow),
    ("unshare", [0x80, 0, 0], EPERM),
    ("unshare", [0x10_0000_0000, 0, 0], EPERM),
    ("socket", [1, 2, 0], Answer::Allow),
    ("socket", [2, 0x80801, 6], Answer::Allow),
    ("socket", [0xffff_ffff_0000_000a, 2, 58], Answer::Allow),
    ("socket", [2, 1, 262], NO_PROTOCOL),
    ("socket", [2, 1, 132], NO_PROTOCOL),
    ("socket", [2, 5, 0], NO_PROTOCOL),
    ("socket", [2, 10, 0x300], NO_PROTOCOL),
    ("socket", [2, 3, 1], EPERM),
    ("socket", [16, 3, 0], Answer::Allow),
    ("socket", [16, 3, 9], NO_PROTOCOL),
    ("socket", [17, 3, 0], NO_FAMILY),
    ("socket", [38, 5, 0], NO_FAMILY),
    ("socket", [0x1_0000_0026, 5, 0], NO_FAMILY),
    ("socket", [40, 1, 0], NO_FAMILY),
    ("socketpair", [1, 1, 0], Answer::Allow),
    ("socketpair", [30, 1, 0], NO_FAMILY),
    ("personality", [0xffff_ffff, 0, 0], Answer::Allow),
    ("personality", [0x4_0000, 0, 0], Answer::Allow),
    ("personality", [0x40_0000, 0, 0], EPERM),
    ("prctl", [38, 1, 0], Answer::Allow),
    ("prctl", [0x5356_4d41, 0, 0], Answer::Allow),
    ("prctl", [35, 0, 0], EPERM),
    ("prctl", [0x1_0000_0023, 0, 0], EPERM),
    ("prctl", [67, 1, 0], EPERM),
    ("prctl", [500, 0, 0], Answer::Errno(Errno::EINVAL)),
];

#[test]
fn arguments_decide() {
    for (name, arguments, expected) in CASES {
        let action = answer(&Grants::NONE, name, *arguments);
        assert_eq!(action, expected.action(), "{name} {arguments:x?}");
    }
    let checked = argument_rules().iter().flat_map(|rule| rule.calls);
    for name in checked {
        assert!(
            CASES.iter().any(|(case, ..)| case == name) || *name == "openat",
            "{name}"
        );
    }
}

#[test]
fn the_high_half_of_an_int_changes_nothing() {
    for rule in argument_rules() {
        for name in rule.calls.iter().filter(|name| **name != "unshare") {
            let (number, program) = (
                syscall_number(Arch::X86_64, name).expect("a call"),
                program(Arch::X86_64, &Grants::NONE),
            );
            for arguments in samples().take(300) {
                let low = arguments.map(|argument| argument & 0xffff_ffff);
                let high = arguments.map(|argument| argument | 0x8000_0001_0000_0000);
                let answers =
                    [low, high].map(|arguments| ask(&program, Arch::X86_64, number, arguments));
                assert_eq!(answers[0], answers[1], "{name} {arguments:x?}");
            }
        }
    }
}

#[test]
fn grants_open_what_they_name_and_no_more() {
    let raw = Grants {
        capabilities: &["CAP_NET_RAW"],
        ..Grants::NONE
    };
    assert_eq!(answer(&raw, "socket", [2, 3, 1]), Answer::Allow.action());
    assert_ne!(answer(&raw, "socket", [17, 3, 0]), Answer::Allow.action());
    assert_eq!(
        answer(&NESTED, "clone", [0x1000_0011, 0, 0]),
        Answer::Allow.action()
    );
    assert_eq!(
        answer(&NESTED, "unshare", [0x1000_0000, 0, 0]),
        Answer::Allow.action()
    );
    let admin = Grants {
        capabilities: &["CAP_SYS_ADMIN"],
        ..Grants::NONE
    };
    assert_eq!(
        answer(&admin, "sethostname", [0; 3]),
        Answer::Allow.action()
    );
    for name in ["mount", "fsopen", "move_mount", "setns", "bpf"] {
        assert_eq!(answer(&admin, name, [0; 3]), EPERM.action());
    }
    // What no grant opens.
    for name in [
        "keyctl",
        "bpf",
        "io_uring_setup",
        "init_module",
        "clock_settime",
        "userfaultfd",
    ] {
        assert_eq!(answer(&ALL, name, [0; 3]), EPERM.action());
    }
    assert_eq!(answer(&ALL, "chmod", [0, 0o4755, 0]), EPERM.action());
    assert_eq!(answer(&ALL, "openat2", [0; 3]), ENOSYS.action());
    assert_eq!(answer(&ALL, "ioctl", [0, 0x5412, 0]), EPERM.action());
}

#[test]
fn a_wrong_capability_is_an_error() {
    let wrong = Policy {
        grants: Grants {
            capabilities: &["cap_net_raw"],
            ..Grants::NONE
        },
        ..Policy::DEFAULT
    };
    let error = compile(&wrong, Arch::X86_64).expect_err("a wrong spelling");
    assert_eq!(
        error,
        CompileError::UnknownCapability("cap_net_raw".to_owned())
    );
    assert_eq!(error.to_string(), "`cap_net_raw` is no capability of Linux");
}

#[test]
fn programs_stay_short() {
    for arch in ARCHES {
        let program = program(arch, &Grants::NONE);
        let mut steps = BTreeMap::new();
        for number in 0..472 {
            let call = Call {
                number,
                architecture: arch.audit_number(),
                arguments: [0; 6],
            };
            *steps.entry(run(&program, &call).steps).or_insert(0) += 1;
        }
        println!(
            "{arch:?}: {} instructions, numbers by steps {steps:?}",
            program.len()
        );
        assert!(program.len() < 400);
        assert!(steps.keys().all(|steps| *steps < 40));
    }
}

/// Arguments that the rules care about, mixed by a fixed generator.
pub fn samples() -> impl Iterator<Item = [u64; 6]> {
    const TELLING: &[u64] = &[
        0,
        1,
        2,
        3,
        5,
        6,
        8,
        10,
        16,
        17,
        30,
        35,
        38,
        40,
        58,
        67,
        79,
        80,
        262,
        0o100,
        0o755,
        0o2755,
        0o4755,
        0o20_200_000,
        0x400,
        0x5401,
        0x5412,
        0x541c,
        0x5423,
        0x80802,
        0x2_0000,
        0x2_0008,
        0x4_0000,
        0x40_0000,
        0x003d_0f00,
        0x1000_0011,
        0x5961_6d61,
        0x5356_4d41,
        0x4155_5856,
        0xffff_ffff,
        0x1_0000_5412,
        u64::MAX,
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(move || {
        std::array::from_fn(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            match state >> 61 {
                0 => state >> 3,
                1 => u64::from(state as u32),
                _ => TELLING[(state >> 20) as usize % TELLING.len()],
            }
        })
    })
}
