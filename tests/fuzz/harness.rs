//! Runs a target on its kept inputs and on new ones, and judges what comes of each.

use std::collections::HashSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sandbox::sys::allocation::{most_held, start_measuring};

use crate::mutate::{LONGEST, mutated};
use crate::random::Random;

/// An input that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// And for one that sleeps.
const ASLEEP: Duration = Duration::from_secs(180);

/// Inputs to go on from; beyond them a new one takes the place of another.
const MOST_KEPT: usize = 4000;

/// A parser, and how it is tried.
pub struct Target<'a> {
    /// Also the name of its directory of kept inputs.
    pub name: &'a str,
    /// Sound inputs.
    pub seeds: Vec<Vec<u8>>,
    /// Words that the parser knows.
    pub dictionary: &'a [&'a [u8]],
    /// Bytes that one input may make it hold at once.
    pub memory: usize,
}

/// The input that is being read.
type Now = Arc<Mutex<Option<(Instant, Vec<u8>)>>>;

struct Run<'a> {
    target: Target<'a>,
    now: Now,
    /// Where an input stands while it is read: after an abort it is there.
    last: (PathBuf, fs::File),
    /// The kinds of answer so far.
    answers: HashSet<u64>,
    pool: Vec<Vec<u8>>,
    times: u64,
    most: usize,
    longest: Duration,
}

impl Target<'_> {
    /// Tries `read`, which panics where a rule does not hold, and returns what kind of answer it got.
    pub fn run<A: Hash>(self, mut read: impl FnMut(&[u8]) -> A) {
        let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
        let time = Duration::from_secs(number("SANDBOX_FUZZ_SECONDS").unwrap_or(2));
        let seed = number("SANDBOX_FUZZ_SEED").unwrap_or(0x5eed);
        let (name, dictionary) = (self.name, self.dictionary);
        let mut run = Run::new(self);
        let watched = watch(name, &run.now);
        for (path, input) in kept(name) {
            run.one(&input, &mut read, &path);
        }
        for seed in run.target.seeds.clone() {
            run.one(&seed, &mut read, "a seed");
        }
        assert!(!run.pool.is_empty(), "{name} has nothing to begin with");
        let (start, mut random) = (Instant::now(), Random(seed | 1));
        let first = run.times;
        while start.elapsed() < time {
            let of = |random: &mut Random| random.below(run.pool.len());
            let (one, other) = (of(&mut random), of(&mut random));
            let input = mutated(&run.pool[one], &run.pool[other], dictionary, &mut random);
            run.one(&input, &mut read, &format!("seed {seed}"));
        }
        drop(watched);
        println!(
            "{name}: {} inputs in {:.1} s, {} kinds of answer, at most {} KiB and {} ms for one",
            run.times - first,
            start.elapsed().as_secs_f64(),
            run.answers.len(),
            run.most >> 10,
            run.longest.as_millis(),
        );
        fs::remove_file(&run.last.0).unwrap();
        run.save();
    }
}

impl<'a> Run<'a> {
    fn new(target: Target<'a>) -> Run<'a> {
        let path = scratch().join(format!("fuzz-{}-last-{}", target.name, std::process::id()));
        let file = fs::File::create(&path).unwrap();
        Run {
            target,
            now: Now::default(),
            last: (path, file),
            answers: HashSet::new(),
            pool: Vec::new(),
            times: 0,
            most: 0,
            longest: Duration::ZERO,
        }
    }

    fn one<A: Hash>(&mut self, input: &[u8], read: &mut impl FnMut(&[u8]) -> A, from: &str) {
        self.last.1.set_len(input.len() as u64).unwrap();
        self.last.1.write_all_at(input, 0).unwrap();
        let start = Instant::now();
        *self.now.lock().unwrap() = Some((start, input.to_vec()));
        start_measuring();
        let answer = catch_unwind(AssertUnwindSafe(|| read(input)));
        let most = most_held();
        *self.now.lock().unwrap() = None;
        let name = self.target.name;
        let Ok(answer) = answer else {
            let at = left(name, input);
            panic!(
                "{name}: {from} breaks a rule, see above; the input is {}",
                at.display()
            );
        };
        if most > self.target.memory {
            let at = left(name, input);
            panic!(
                "{name}: {from} takes {most} bytes; the input is {}",
                at.display()
            );
        }
        self.most = self.most.max(most);
        self.longest = self.longest.max(start.elapsed());
        self.times += 1;
        let mut hasher = DefaultHasher::new();
        answer.hash(&mut hasher);
        // Giants are read once: they would be most of the time.
        if self.answers.insert(hasher.finish()) && input.len() <= LONGEST {
            match self.pool.len() {
                MOST_KEPT.. => {
                    let at = usize::try_from(self.times).unwrap() % MOST_KEPT;
                    self.pool[at] = input.to_vec();
                }
                _ => self.pool.push(input.to_vec()),
            }
        }
    }

    fn save(&self) {
        let Some(dir) = std::env::var_os("SANDBOX_FUZZ_SAVE") else {
            return;
        };
        let dir = Path::new(&dir).join(self.target.name);
        fs::create_dir_all(&dir).unwrap();
        for input in self.pool.iter().filter(|input| input.len() <= 2048) {
            fs::write(dir.join(digits(input)), input).unwrap();
        }
    }
}

/// Ends the process when an input takes too long: a thread cannot be stopped from outside. It watches as long
/// as what it returns is held. What counts is the thread's own time on a processor: others may want them too.
fn watch(name: &str, now: &Now) -> Arc<()> {
    let held = Arc::new(());
    let (name, now, run) = (name.to_owned(), Arc::clone(now), Arc::downgrade(&held));
    let thread = nix::unistd::gettid();
    std::thread::spawn(move || {
        let mut since: Option<(Instant, Duration)> = None;
        while run.upgrade().is_some() {
            std::thread::sleep(Duration::from_millis(500));
            let now = now
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            let Some((start, input)) = &*now else {
                continue;
            };
            let used = processor_time(thread);
            let before = match since.filter(|(seen, _)| seen == start) {
                Some((_, before)) => before,
                None => used,
            };
            since = Some((*start, before));
            if used - before > PATIENCE || start.elapsed() > ASLEEP {
                let at = left(&name, input);
                eprintln!("{name}: an input hangs: {}", at.display());
                std::process::abort();
            }
        }
    });
    held
}

/// How long a thread has run (proc_pid_schedstat, in nanoseconds).
fn processor_time(thread: nix::unistd::Pid) -> Duration {
    let text = fs::read_to_string(format!("/proc/self/task/{thread}/schedstat"));
    let text = text.unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|text| text.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

/// A directory of a target's own, in memory where that is to be had: most of the time would go into files.
pub fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

fn scratch() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

fn digits(input: &[u8]) -> String {
    blake3::hash(input).to_hex().chars().take(12).collect()
}

/// Leaves an input that broke a rule.
fn left(name: &str, input: &[u8]) -> PathBuf {
    let path = scratch().join(format!("fuzz-{name}-{}", digits(input)));
    fs::write(&path, input).unwrap();
    path
}

/// The kept inputs of a target, by their names.
fn kept(name: &str) -> Vec<(String, Vec<u8>)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fuzz/corpus")
        .join(name);
    let mut found: Vec<_> = fs::read_dir(&dir)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .collect();
    found.sort();
    let read = |path: PathBuf| (path.display().to_string(), fs::read(&path).unwrap());
    found.into_iter().map(read).collect()
}

/// A text without its numbers and quoted words: what kind of message it is.
pub fn kind(message: &str) -> String {
    let mut kind = String::new();
    for (index, part) in message.split('`').enumerate() {
        if index % 2 == 0 {
            kind.extend(part.chars().filter(|c| c.is_ascii_lowercase()));
        }
    }
    kind.truncate(60);
    kind
}

/// Whether a terminal would do something else with `c` than to show it, the ends of lines apart.
pub fn acts(c: char) -> bool {
    let turns = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}');
    turns || c.is_control() && c != '\n'
}

/// Judges a text that goes to a terminal.
pub fn safe(text: &str) {
    let found = text.chars().find(|c| acts(*c) && *c != '\t');
    assert!(
        found.is_none(),
        "{found:?} would reach the terminal: {text:?}"
    );
}

#[test]
fn memory_that_is_held_is_measured() {
    start_measuring();
    let held = std::hint::black_box(vec![0_u8; 1 << 20]);
    drop(held);
    let most = most_held();
    assert!(
        (1 << 20..1 << 21).contains(&most) || !cfg!(debug_assertions),
        "{most}"
    );
}
