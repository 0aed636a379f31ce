//! Writes a layout, on all processors: directories first, then what is in them.
//!
//! The threads are scoped: they have ended before the tree has a name, and long before anything is
//! launched in it.

mod course;
mod file;
mod queue;

use std::collections::HashMap;
use std::ffi::OsStr;
use std::num::NonZero;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{Mode, UtimensatFlags, fchmod, futimens, mkdirat, utimensat};
use nix::unistd::{linkat, symlinkat};

use super::content::Content;
use super::error::{SystemProblem, Trouble};
use super::key::{Attached, Key, attach, time};
use super::layout::{Body, Layout, NodeId, Supply, allowed_bits};
use super::linker::{Altered, Linker};
use super::pool::Pool;
use super::progress::Progress;
use super::stamps::Identity;
use super::times::Times;
use super::walk::open_below;
use course::{Course, Dir};
use queue::{Queue, Task};

/// Files of one directory that one thread takes at a time; two in one directory wait for each other.
const CHUNK: usize = 512;

/// Files that are worth a thread.
const FEWEST: usize = 128;

/// More threads only wait for the disk and for each other's directories.
const MOST_THREADS: usize = 8;

/// What a layout is written from, and where to.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub layout: &'a Layout,
    /// The empty directory that becomes the tree's root.
    pub root: BorrowedFd<'a>,
    /// The host's root.
    pub host: BorrowedFd<'a>,
    /// The host directories that files of the layout lie in, absolute and free of links.
    pub host_dirs: &'a [PathBuf],
    /// The contents of archives, by their keys.
    pub received: BorrowedFd<'a>,
    pub pool: &'a Pool,
    /// What times the store's file system holds.
    pub times: Times,
    /// The store.
    pub store: BorrowedFd<'a>,
}

/// What became of one file.
#[derive(Debug, Clone)]
pub(super) struct Done {
    pub key: Key,
    pub size: u64,
    pub mode: u32,
    pub modified: (i64, i64),
    /// The host's file, for what is a copy of one.
    pub identity: Option<Identity>,
    /// Privileges that were taken off: set-id bits, and capabilities.
    pub stripped: u8,
    pub supply: Supply,
}

/// What was written.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// By node. A host file that was gone is not among them.
    pub files: HashMap<NodeId, Done>,
    /// Nodes whose user attributes the store's file system cannot hold.
    pub without_attributes: u64,
    /// Files of other trees that are not as they were written.
    pub altered: Vec<Altered>,
}

/// What went wrong, and in which source.
pub(super) struct Failed {
    pub source: usize,
    pub trouble: Trouble,
}

/// Writes everything. `unreadable` are paths that cannot be read, by source, as far as they are known: with
/// any, the rest is only counted.
pub(super) fn write(
    job: Job<'_>,
    unreadable: Vec<(usize, PathBuf)>,
    progress: &mut dyn Progress,
) -> Result<Written, Failed> {
    let course = Course::plan(job.layout);
    progress.start(Some(course.bytes));
    let shared = Shared {
        job,
        course: &course,
        queue: Queue::new(Task::Dir(0)),
        copied: AtomicU64::new(0),
        stopped: AtomicBool::new(false),
        counting: AtomicBool::new(!unreadable.is_empty()),
        copies: Mutex::default(),
        results: Mutex::new(Results {
            unreadable,
            ..Results::default()
        }),
    };
    thread::scope(|scope| {
        // With fewer threads it takes longer, that is all.
        let spawn = |_| thread::Builder::new().spawn_scoped(scope, || shared.work(None));
        let workers: Vec<_> = (1..threads(course.leaves))
            .map_while(|n| spawn(n).ok())
            .collect();
        shared.work(Some(progress));
        // The scope waits for what they do, not for their ends.
        for worker in workers {
            if let Err(panic) = worker.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
    let results = shared.results.into_inner();
    let results = results.unwrap_or_else(PoisonError::into_inner);
    if let Some(failed) = first_failure(results.failed, results.unreadable) {
        return Err(failed);
    }
    name_again(job.root, &course, &results.written)?;
    finish_dirs(&job, &course)?;
    Ok(results.written)
}

fn threads(leaves: usize) -> usize {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    processors.min(MOST_THREADS).min(leaves / FEWEST + 1)
}

/// The failure of the earliest source; of one that cannot be read, all of it at once.
fn first_failure(mut failed: Vec<Failed>, mut unreadable: Vec<(usize, PathBuf)>) -> Option<Failed> {
    unreadable.sort();
    if let Some((source, first)) = unreadable.first().cloned() {
        let count = unreadable.iter().filter(|(of, _)| *of == source).count();
        let trouble = Trouble::Unreadable { first, count };
        failed.push(Failed { source, trouble });
    }
    failed.into_iter().min_by_key(|failed| failed.source)
}

/// Gives the files that have several names all but their first.
fn name_again(root: BorrowedFd, course: &Course<'_>, written: &Written) -> Result<(), Failed> {
    for again in &course.again {
        if !written.files.contains_key(&again.id) {
            continue;
        }
        let linked = linkat(root, &again.first, root, &again.other, AtFlags::empty());
        let failed = SystemProblem::at("link", &again.other);
        linked.map_err(|errno| in_tree(failed(errno)))?;
    }
    Ok(())
}

/// Gives all directories their modes and times, the deepest first: neither a read-only directory nor what
/// is written into one is in the way.
fn finish_dirs(job: &Job<'_>, course: &Course<'_>) -> Result<(), Failed> {
    for Dir { id, path, .. } in course.dirs.iter().rev() {
        let meta = &job.layout.node(*id).meta;
        let finished = open_below(job.root, path, OFlag::O_RDONLY).and_then(|dir| {
            let modified = time(meta.modified);
            futimens(&dir, &modified, &modified)?;
            fchmod(&dir, Mode::from_bits_truncate(allowed_bits(meta.mode)))
        });
        let failed = SystemProblem::at("set the mode of", path);
        finished.map_err(|errno| in_tree(failed(errno)))?;
    }
    Ok(())
}

/// A failure that no source is to blame for.
fn in_tree(problem: SystemProblem) -> Failed {
    Failed {
        source: usize::MAX,
        trouble: problem.into(),
    }
}

#[derive(Default)]
struct Results {
    written: Written,
    failed: Vec<Failed>,
    unreadable: Vec<(usize, PathBuf)>,
}

/// What the threads have in common.
struct Shared<'a> {
    job: Job<'a>,
    course: &'a Course<'a>,
    queue: Queue,
    /// Bytes copied since the progress was told.
    copied: AtomicU64,
    /// Something failed: no more is written.
    stopped: AtomicBool,
    /// Something cannot be read: the rest is only looked at, to count what else cannot.
    counting: AtomicBool,
    /// How often each key has come up in this tree.
    copies: Mutex<HashMap<Key, u32>>,
    results: Mutex<Results>,
}

impl Shared<'_> {
    /// Takes tasks until there are none.
    fn work(&self, mut progress: Option<&mut dyn Progress>) {
        let mut worker = Worker {
            shared: self,
            linker: Linker::new(self.job.pool, self.job.store),
            content: Content::default(),
            buffer: Vec::new(),
            source: None,
            files: Vec::new(),
            without_attributes: 0,
        };
        while let Some(task) = self.queue.next() {
            if !self.stopped.load(Ordering::Relaxed) {
                worker.perform(&task);
            }
            self.queue.done();
            if let Some(progress) = progress.as_deref_mut() {
                progress.advance(self.copied.swap(0, Ordering::Relaxed));
            }
        }
        let Worker {
            files,
            without_attributes,
            ..
        } = worker;
        let mut results = self.results();
        results.written.files.extend(files);
        results.written.without_attributes += without_attributes;
    }

    /// A thread that panicked ends the process where panics abort; elsewhere the scope passes it on.
    fn results(&self) -> MutexGuard<'_, Results> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, source: usize, trouble: Trouble) {
        match trouble {
            Trouble::Unreadable { first, .. } => {
                self.counting.store(true, Ordering::Relaxed);
                self.results().unreadable.push((source, first));
            }
            trouble => {
                self.stopped.store(true, Ordering::Relaxed);
                self.results().failed.push(Failed { source, trouble });
            }
        }
    }

    /// Which of the equal files of this tree the next one is.
    fn copy_of(&self, key: &Key) -> u32 {
        let mut copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
        let count = copies.entry(*key).or_default();
        *count += 1;
        *count - 1
    }
}

/// One thread.
struct Worker<'a> {
    shared: &'a Shared<'a>,
    linker: Linker<'a>,
    content: Content,
    buffer: Vec<u8>,
    /// The host directory that was opened last.
    source: Option<(usize, OwnedFd)>,
    files: Vec<(NodeId, Done)>,
    without_attributes: u64,
}

impl Worker<'_> {
    fn perform(&mut self, task: &Task) {
        let (index, chunk) = match task {
            Task::Dir(index) => (*index, 0),
            Task::Leaves(index, chunk) => (*index, *chunk),
        };
        let course = self.shared.course;
        let Some(dir) = course.dirs.get(index) else {
            return;
        };
        let opened = open_below(self.shared.job.root, &dir.path, OFlag::O_RDONLY)
            .map_err(SystemProblem::at("open the directory", &dir.path));
        let made = opened.and_then(|fd| {
            if matches!(task, Task::Dir(_)) {
                self.make_dirs(dir, index, &fd)?;
            }
            Ok(fd)
        });
        match made {
            Ok(fd) => self.leaves(dir, chunk, fd.as_fd()),
            Err(problem) => self.shared.fail(usize::MAX, problem.into()),
        }
    }

    /// Makes the directories in a directory, and hands out everything below.
    fn make_dirs(&mut self, dir: &Dir, index: usize, fd: &OwnedFd) -> Result<(), SystemProblem> {
        let course = self.shared.course;
        let node = self.shared.job.layout.node(dir.id);
        let attached = attach(fd.as_fd(), &node.meta.attributes)
            .map_err(SystemProblem::at("set attributes of", &dir.path))?;
        self.without_attributes += u64::from(attached == Attached::None);
        let chunks = dir.leaves.len().div_ceil(CHUNK).max(1);
        let mut tasks: Vec<Task> = (1..chunks)
            .map(|chunk| Task::Leaves(index, chunk))
            .collect();
        for below in &dir.dirs {
            let Some(Dir { name, path, .. }) = course.dirs.get(*below) else {
                continue;
            };
            mkdirat(fd, *name, Mode::S_IRWXU)
                .map_err(SystemProblem::at("make the directory", path))?;
            tasks.push(Task::Dir(*below));
        }
        self.shared.queue.add(tasks);
        Ok(())
    }

    fn leaves(&mut self, dir: &Dir, chunk: usize, fd: BorrowedFd) {
        let leaves = dir.leaves.iter().skip(chunk * CHUNK).take(CHUNK);
        for (name, id) in leaves {
            if self.shared.stopped.load(Ordering::Relaxed) {
                return;
            }
            let node = self.shared.job.layout.node(*id);
            let made = match &node.body {
                Body::Symlink(text) => symlink(text, node.meta.modified, fd, name)
                    .map_err(SystemProblem::at("make the link", &dir.path.join(name)))
                    .map_err(Trouble::from),
                Body::File(content) => self.file(*id, node, content, (dir, fd, name)),
                Body::Directory(_) => Ok(()),
            };
            if let Err(trouble) = made {
                self.shared.fail(node.source, trouble);
            }
        }
    }
}

fn symlink(text: &OsStr, modified: (i64, i64), dir: BorrowedFd, name: &OsStr) -> nix::Result<()> {
    symlinkat(text, dir, name)?;
    let modified = time(modified);
    let kept = UtimensatFlags::NoFollowSymlink;
    utimensat(dir, name, &modified, &modified, kept)
}
