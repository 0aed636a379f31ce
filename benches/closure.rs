//! `cargo bench --bench closure`: every installed program and library, against `ldd`, in what is found and in time.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a report for people"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use sandbox::elf::{Environment, Resolver};

#[path = "../tests/elf/ldd.rs"]
mod ldd;

use ldd::{Verdict, elf_files, is_elf, judge};

/// Rounds of the measurements that take milliseconds; the median counts.
const ROUNDS: usize = 5;

/// The programs by what came out.
#[derive(Default)]
struct Comparison {
    equal: usize,
    statics: Vec<PathBuf>,
    links: Vec<PathBuf>,
    missing: Vec<PathBuf>,
    foreign: Vec<PathBuf>,
    unexplained: Vec<(PathBuf, String)>,
}

impl Comparison {
    fn note(&mut self, path: &Path, verdict: Verdict) {
        let path = path.to_owned();
        match verdict {
            Verdict::Equal => self.equal += 1,
            Verdict::Static => self.statics.push(path),
            Verdict::OriginOfLink => self.links.push(path),
            Verdict::Missing => self.missing.push(path),
            Verdict::LoaderDoesNotRun => self.foreign.push(path),
            Verdict::Unexplained(text) => self.unexplained.push((path, text)),
        }
    }

    fn print(&self, count: usize) {
        println!("{count:>6}  ELF programs and libraries below /usr and /opt");
        println!("{:>6}  equal: the same files, links resolved", self.equal);
        let different = [&self.statics, &self.links, &self.missing, &self.foreign];
        let different: usize = different.iter().map(|paths| paths.len()).sum();
        println!("{different:>6}  different, explained");
        explain(
            &self.statics,
            "static: ldd has no list, the closure is the program",
        );
        explain(
            &self.links,
            "$ORIGIN of a link: ldd errs, the started program agrees",
        );
        explain(
            &self.missing,
            "a library is missing on this host: both name it",
        );
        explain(
            &self.foreign,
            "ldd starts their loader, which this kernel does not run",
        );
        println!("{:>6}  different, unexplained", self.unexplained.len());
        for (path, text) in &self.unexplained {
            println!("          {}\n{text}", path.display());
        }
    }
}

fn explain(paths: &[PathBuf], why: &str) {
    const SHOWN: usize = 3;
    if paths.is_empty() {
        return;
    }
    let names: Vec<_> = paths
        .iter()
        .take(SHOWN)
        .filter_map(|path| path.file_name()?.to_str())
        .collect();
    let more = if paths.len() > SHOWN { ", …" } else { "" };
    println!("{:>10}  {why}", paths.len());
    println!("            ({}{more})", names.join(", "));
}

/// Every ELF file of the host: the programs with the links to them, and all other files. Of programs without their code,
/// which debuggers read, there is nothing to load.
fn all_elf_files() -> Vec<PathBuf> {
    let mut found = elf_files();
    let mut left = vec![PathBuf::from("/usr"), PathBuf::from("/opt")];
    while let Some(directory) = left.pop() {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && path != Path::new("/usr/lib/debug") => left.push(path),
                Ok(kind) if kind.is_file() && is_elf(&path) => drop(found.insert(path)),
                _ => {}
            }
        }
    }
    found.into_iter().collect()
}

fn resolver() -> Resolver {
    Resolver::new(Environment {
        path: vec!["/usr/bin".into(), "/bin".into()],
        library_path: Vec::new(),
    })
}

/// How long one pass takes: the median of some.
fn median(mut pass: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            pass();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[ROUNDS / 2]
}

/// Asks for every closure; a program without one counts too.
fn resolve_all(resolver: &Resolver, files: &[PathBuf]) {
    for path in files {
        let _answer = std::hint::black_box(resolver.closure(path));
    }
}

fn print_times(count: usize, reference: Duration, rows: &[(&str, Duration)]) {
    println!(
        "{:<36}{:>12}{:>14}{:>12}",
        "", "all", "per file", "ldd takes"
    );
    for (name, time) in rows {
        let each = time.as_secs_f64() / count as f64;
        println!(
            "{name:<36}{:>9.1} ms{:>11.1} µs{:>10.0} ×",
            time.as_secs_f64() * 1e3,
            each * 1e6,
            reference.as_secs_f64() / time.as_secs_f64()
        );
    }
}

fn main() -> ExitCode {
    let files = all_elf_files();
    // Also reads every file once, so that no measurement pays for the disk.
    let start = Instant::now();
    let printed: Vec<String> = files.iter().map(|path| ldd::ldd(path)).collect();
    let by_ldd = start.elapsed();

    let shared = resolver();
    let mut comparison = Comparison::default();
    for (path, printed) in files.iter().zip(&printed) {
        comparison.note(path, judge(path, &shared.closure(path), printed));
    }
    println!();
    comparison.print(files.len());

    let apart = median(|| {
        files
            .iter()
            .for_each(|path| resolve_all(&resolver(), std::slice::from_ref(path)))
    });
    let together = median(|| resolve_all(&resolver(), &files));
    let warm = median(|| resolve_all(&shared, &files));
    println!();
    print_times(
        files.len(),
        by_ldd,
        &[
            ("ldd, once per file", by_ldd),
            ("a Resolver per file", apart),
            ("one Resolver, as a build has it", together),
            ("the same Resolver again", warm),
        ],
    );
    match comparison.unexplained.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
