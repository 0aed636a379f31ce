//! The same policy, said in the words of seccompiler and compiled by it, must let the same calls
//! through.

use std::collections::BTreeMap;

use sandbox::seccomp::{Answer, Arch, Grants, Instruction, Standing, groups, syscall_number};
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::SeccompCmpOp::{self, Eq, Lt, MaskedEq, Ne};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use crate::machine::{Call, run};
use crate::policy::{program, samples};

fn int(argument: u8, op: SeccompCmpOp, value: u64) -> SeccompCondition {
    SeccompCondition::new(argument, Dword, op, value).expect("a condition")
}

fn rule(conditions: Vec<SeccompCondition>) -> SeccompRule {
    SeccompRule::new(conditions).expect("a rule")
}

fn no_set_id(argument: u8) -> Vec<SeccompRule> {
    vec![rule(vec![int(argument, MaskedEq(0o6000), 0)])]
}

fn open(flags: u8) -> Vec<SeccompRule> {
    let creates = (libc::O_CREAT | (libc::O_TMPFILE & !libc::O_DIRECTORY)) as u64;
    let mut rules = no_set_id(flags + 1);
    rules.push(rule(vec![int(flags, MaskedEq(creates), 0)]));
    rules
}

fn socket() -> Vec<SeccompRule> {
    let mut rules = vec![rule(vec![int(0, Eq, libc::AF_UNIX as u64)])];
    let kinds = [
        (libc::SOCK_STREAM, vec![0, 6]),
        (libc::SOCK_DGRAM, vec![0, 1, 17, 58]),
    ];
    for family in [libc::AF_INET, libc::AF_INET6] {
        for (kind, protocols) in &kinds {
            for protocol in protocols {
                rules.push(rule(vec![
                    int(0, Eq, family as u64),
                    int(1, MaskedEq(0xf), *kind as u64),
                    int(2, Eq, *protocol),
                ]));
            }
        }
    }
    rules.push(rule(vec![
        int(0, Eq, libc::AF_NETLINK as u64),
        int(2, Eq, 0),
    ]));
    rules
}

fn checked() -> Vec<(&'static str, Vec<SeccompRule>)> {
    let namespaces = libc::CLONE_NEWNS
        | libc::CLONE_NEWCGROUP
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUSER
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNET;
    let unshared = libc::CLONE_VM
        | libc::CLONE_FS
        | libc::CLONE_FILES
        | libc::CLONE_SIGHAND
        | libc::CLONE_THREAD
        | libc::CLONE_SYSVSEM;
    let unshare =
        SeccompCondition::new(0, Qword, MaskedEq(!(unshared as u64)), 0).expect("a condition");
    let terminal =
        [libc::TIOCSTI, libc::TIOCLINUX, libc::TIOCSETD].map(|request| int(1, Ne, request));
    let one_of = |values: &[u64]| {
        values
            .iter()
            .map(|value| rule(vec![int(0, Eq, *value)]))
            .collect()
    };
    let mut prctl: Vec<SeccompRule> = one_of(&[0x5961_6d61, 0x5356_4d41, 0x4155_5856]);
    prctl.push(rule(vec![int(0, Lt, 80), int(0, Ne, 35), int(0, Ne, 67)]));
    vec![
        ("chmod", no_set_id(1)),
        ("creat", no_set_id(1)),
        ("fchmod", no_set_id(1)),
        ("mkdir", no_set_id(1)),
        ("mknod", no_set_id(1)),
        ("fchmodat", no_set_id(2)),
        ("fchmodat2", no_set_id(2)),
        ("mkdirat", no_set_id(2)),
        ("mknodat", no_set_id(2)),
        ("open", open(1)),
        ("openat", open(2)),
        ("ioctl", vec![rule(terminal.to_vec())]),
        (
            "clone",
            vec![rule(vec![int(0, MaskedEq(namespaces as u32 as u64), 0)])],
        ),
        ("unshare", vec![rule(vec![unshare])]),
        ("socket", socket()),
        ("socketpair", one_of(&[1])),
        (
            "personality",
            one_of(&[0, 8, 0x2_0000, 0x2_0008, 0x4_0000, 0xffff_ffff]),
        ),
        ("prctl", prctl),
    ]
}

fn theirs(arch: Arch) -> Vec<Instruction> {
    let allowed = groups()
        .iter()
        .filter(|group| group.standing == Standing::Allowed);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = allowed
        .flat_map(|group| group.calls())
        .filter_map(|call| Some((i64::from(syscall_number(arch, call)?), vec![])))
        .collect();
    for (call, checks) in checked() {
        if let Some(number) = syscall_number(arch, call) {
            rules.insert(number.into(), checks);
        }
    }
    let target = match arch {
        Arch::X86_64 => TargetArch::x86_64,
        Arch::Aarch64 => TargetArch::aarch64,
        Arch::X86 => unreachable!("seccompiler has no 32-bit x86"),
    };
    let filter = SeccompFilter::new(rules, SeccompAction::Errno(1), SeccompAction::Allow, target);
    let program = BpfProgram::try_from(filter.expect("rules")).expect("a program");
    let copy = |i: seccompiler::sock_filter| Instruction {
        code: i.code,
        jt: i.jt,
        jf: i.jf,
        k: i.k,
    };
    program.into_iter().map(copy).collect()
}

#[test]
fn seccompiler_lets_the_same_calls_through() {
    for arch in [Arch::X86_64, Arch::Aarch64] {
        let (ours, theirs) = (program(arch, &Grants::NONE), theirs(arch));
        println!(
            "{arch:?}: {} instructions, seccompiler takes {}",
            ours.len(),
            theirs.len()
        );
        let (mut allowed, mut asked) = (0, 0);
        for number in 0..480 {
            for arguments in samples().skip(number as usize).take(400) {
                let call = Call {
                    number,
                    architecture: arch.audit_number(),
                    arguments,
                };
                let answers = [&ours, &theirs]
                    .map(|program| run(program, &call).action == Answer::Allow.action());
                assert_eq!(answers[0], answers[1], "{arch:?} {number} {arguments:x?}");
                allowed += usize::from(answers[0]);
                asked += 1;
            }
        }
        assert!(allowed > asked / 3 && allowed < asked);
    }
}
