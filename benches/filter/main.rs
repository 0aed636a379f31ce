//! What a system call costs under the filters, beside no filter, beside a list as others make it, and in crun
//! under the installed profile of podman and docker.
//!
//! Each contender makes the same calls in a process of its own, in rounds, in turn; what counts are ratios of
//! the best times. The list is linear, one comparison a call, in the order of numbers: what libseccomp makes
//! unless it is asked for a tree. Its names are those of the default profile of podman and docker where one is
//! installed, else those that our own default policy lets run. It checks no arguments; what crun loads does.
#![allow(clippy::print_stdout, reason = "a benchmark prints what it found")]
#![allow(unsafe_code, reason = "filters are loaded and timed by system calls")]
#![allow(clippy::expect_used, reason = "a benchmark that cannot measure ends")]
#![allow(missing_docs)]

mod crun;

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use sandbox::seccomp::Standing;
use sandbox::seccomp::{Arch, Ends, Instruction, Policy, Verdicts, X86, compile, syscall_number};

/// Where distributions put it.
const INSTALLED: &str = "/usr/share/containers/seccomp.json";
const ROUNDS: usize = 15;
const CALLS: u32 = 200_000;

type Program = Vec<Instruction>;

fn arch() -> Arch {
    Arch::native().expect("policies exist for this machine")
}

fn policy(policy: &Policy<'_>) -> Program {
    compile(policy, arch()).expect("it compiles").program
}

fn listened() -> Program {
    let filter = compile(&Policy::DEFAULT, arch()).expect("it compiles");
    filter
        .listened(Ends::ByListener)
        .expect("refusals are errors")
}

fn instruction(code: u16, jt: u8, jf: u8, k: u32) -> Instruction {
    Instruction { code, jt, jf, k }
}

/// Load the architecture, load the number, compare with each.
fn linear() -> (Program, &'static str) {
    let (names, whose) = names();
    let numbers = names.iter().filter_map(|name| syscall_number(arch(), name));
    let mut numbers: Vec<u32> = numbers.collect();
    numbers.sort_unstable();
    let mut program = vec![
        instruction(0x20, 0, 0, 4),
        instruction(0x15, 1, 0, arch().audit_number()),
        instruction(0x06, 0, 0, 0x8000_0000),
        instruction(0x20, 0, 0, 0),
    ];
    for number in numbers {
        program.push(instruction(0x15, 0, 1, number));
        program.push(instruction(0x06, 0, 0, 0x7fff_0000));
    }
    program.push(instruction(0x06, 0, 0, 0x0005_0001));
    (program, whose)
}

fn names() -> (Vec<String>, &'static str) {
    let text = std::fs::read_to_string(INSTALLED).unwrap_or_default();
    let profile: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let rules = profile["syscalls"].as_array().into_iter().flatten();
    let allowed = rules.filter(|rule| rule["action"] == "SCMP_ACT_ALLOW");
    let names = allowed.flat_map(|rule| rule["names"].as_array().into_iter().flatten());
    let names: Vec<String> = names
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    if !names.is_empty() {
        return (names, "linear list, names of the installed seccomp.json");
    }
    let verdicts = Verdicts::of(&Policy::DEFAULT).expect("the policy is sound");
    let runs = verdicts
        .iter()
        .filter(|(_, verdict)| verdict.standing == Standing::Allowed);
    let names = runs.map(|(name, _)| name.to_owned()).collect();
    (names, "linear list, names of our default policy")
}

fn load(program: &[Instruction]) {
    let description = libc::sock_fprog {
        len: u16::try_from(program.len()).expect("a short program"),
        filter: program.as_ptr().cast::<libc::sock_filter>().cast_mut(),
    };
    // SAFETY: the description and the program outlive the calls.
    let loaded = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::prctl(libc::PR_SET_SECCOMP, 2, &raw const description, 0, 0)
    };
    assert_eq!(loaded, 0, "the kernel takes the program");
}

/// The calls, each by a function that makes one.
const KINDS: [(&str, fn()); 4] = [
    ("getpid", || {
        // SAFETY: it takes nothing.
        unsafe { libc::syscall(libc::SYS_getpid) };
    }),
    ("read", || {
        let mut byte = 0u8;
        // SAFETY: one byte is read into one; the descriptor is that of /dev/zero.
        unsafe { libc::syscall(libc::SYS_read, 0, &raw mut byte, 1) };
    }),
    ("ioctl, by its argument", || {
        let mut count = 0i32;
        // SAFETY: the request writes an int, or fails.
        unsafe { libc::syscall(libc::SYS_ioctl, 0, libc::FIONREAD, &raw mut count) };
    }),
    ("openat, by its argument", || {
        // SAFETY: the path ends with a NUL; the file is not there.
        unsafe { libc::syscall(libc::SYS_openat, -100, c"/n".as_ptr(), 0, 0) };
    }),
];

/// Nanoseconds a call.
type Times = [f64; KINDS.len()];

/// Writes how long a call of each kind takes in this very process; standard input is /dev/zero.
fn time(writer: &mut impl Write) {
    for (_, call) in KINDS {
        let start = Instant::now();
        (0..CALLS).for_each(|_| call());
        let time: Duration = start.elapsed();
        let nanoseconds = time.as_secs_f64() * 1e9 / f64::from(CALLS);
        writer
            .write_all(&nanoseconds.to_le_bytes())
            .expect("it is written");
    }
}

/// What [`time`] wrote.
fn times(reader: &mut impl Read) -> Times {
    [(); KINDS.len()].map(|()| {
        let mut bytes = [0; 8];
        reader.read_exact(&mut bytes).expect("the child tells");
        f64::from_le_bytes(bytes)
    })
}

/// In a child under `program`.
fn measure(program: Option<&Program>) -> Times {
    let (mut reader, mut writer) = std::io::pipe().expect("a pipe");
    // SAFETY: this process has one thread; the child ends by _exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let zero = std::fs::File::open("/dev/zero").expect("/dev/zero");
        // SAFETY: both are descriptors of this process.
        unsafe { libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&zero), 0) };
        if let Some(program) = program {
            load(program);
        }
        time(&mut writer);
        // SAFETY: nothing of the parent's is torn down.
        unsafe { libc::_exit(0) };
    }
    drop(writer);
    let times = times(&mut reader);
    // SAFETY: a null status is allowed.
    unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
    times
}

/// Under which filter a contender makes its calls.
enum Under<'a> {
    /// A program of this bench's, or none.
    Program(Option<Program>),
    /// Whatever a bundle of crun's asks for.
    Crun(&'a crun::Bundle),
}

impl Under<'_> {
    fn measure(&self) -> Times {
        match self {
            Under::Program(program) => measure(program.as_ref()),
            Under::Crun(bundle) => bundle.measure(),
        }
    }

    fn length(&self) -> String {
        match self {
            Under::Program(program) => program.as_ref().map_or(0, Vec::len).to_string(),
            Under::Crun(_) => "?".to_owned(),
        }
    }
}

fn main() {
    if std::env::var_os(crun::INSIDE).is_some() {
        return time(&mut std::io::stdout());
    }
    let (list, whose) = linear();
    let mut contenders = vec![
        ("no filter", Under::Program(None)),
        ("default", Under::Program(Some(policy(&Policy::DEFAULT)))),
        (
            "default, with a listener's answers",
            // Its answer is never asked for here; without one it would be ENOSYS.
            Under::Program(Some(listened())),
        ),
        ("strict", Under::Program(Some(policy(&Policy::STRICT)))),
        (whose, Under::Program(Some(list))),
    ];
    if arch() == Arch::X86_64 {
        let x86 = Policy {
            x86: X86::Filtered,
            ..Policy::DEFAULT
        };
        contenders.push(("default, with x86", Under::Program(Some(policy(&x86)))));
    }
    let bundles = crun::bundles(INSTALLED);
    match &bundles {
        Ok([without, with]) => contenders.extend([
            ("crun, no filter", Under::Crun(without)),
            ("crun, the installed seccomp.json", Under::Crun(with)),
        ]),
        Err(reason) => println!("not measured: crun ({reason})"),
    }
    let mut best = vec![[f64::MAX; KINDS.len()]; contenders.len()];
    for _ in 0..ROUNDS {
        for ((_, under), best) in contenders.iter().zip(&mut best) {
            for (best, time) in best.iter_mut().zip(under.measure()) {
                *best = best.min(time);
            }
        }
    }
    print(&contenders, &best);
}

fn print(contenders: &[(&str, Under<'_>)], best: &[Times]) {
    println!("nanoseconds a call, and the ratio to no filter; best of {ROUNDS} rounds");
    for (place, (kind, _)) in KINDS.iter().enumerate() {
        println!("\n{kind}");
        for ((name, under), times) in contenders.iter().zip(best) {
            let ratio = times[place] / best[0][place];
            println!(
                "  {:7.1}  {ratio:5.2}  {:>4} instructions  {name}",
                times[place],
                under.length()
            );
        }
    }
}
