//! Declarative sandboxes for Linux: a reviewed TOML profile in, a finished program out.
//!
//! Data flows one way: profile text, spanned raw profile, plan (plain data), root tree, cgroup,
//! launch, supervision, report. A module imports only from the layers above it in this list;
//! `tests/house.rs` keeps that table.
//!
//! # Decisions
//!
//! What building showed to be better than the obvious way, each told at its place:
//!
//! - The new root is a copy of the mount of the built tree, not a tmpfs with binds: the places of all
//!   mounts are made when the tree is built, so that a start makes none. It is attached over the old root,
//!   whose names still resolve until the pivot ([`launch`]).
//! - Every copied mount is made private. A copy joins the peers of its original: where mounts are shared, as
//!   systemd leaves them, what is mounted over it would appear on the host (`sys::mount`).
//! - The store, the state directory and what is kept are covered by an empty tmpfs wherever a bind would show them
//!   (`plan::resolve`).
//! - `host` sources are read-only binds whatever `rootfs.writes` says: an overlay over a live tree with
//!   mounts below it is refused by the kernel, and each part would need one of its own.
//! - What outlives a run lies in one directory a name, with one lock a name; `apply` needs no journal, since
//!   what equals the host's file is no change ([`kept`]).
//! - `/etc/resolv.conf` is copied only when the network is the host's: an empty profile shows nothing of the
//!   host. `limits.pids` counts the sandbox's own first process too, as the kernel does.
//! - The default system-call program is ready in the binary and seccompiler only checks it in tests: a
//!   balanced search over merged ranges is a tenth of its length ([`seccomp`]).
//! - Refused system calls are answered by the supervisor, through a listener of the filter, so that the report names
//!   and counts them; answers are rationed (`supervise::refused`). Under `on_deny = "kill"`, and for calls of another
//!   architecture, the supervisor also ends the process in the kernel's place, which could not say for which call it
//!   did. The call never runs, whoever dies meanwhile; but a process whose own signals interrupt its call before it is
//!   heard gets EINTR in place of its end (`supervise::deadly`). What `exec` starts may outlive its listener, and is
//!   left to the kernel.
//! - In 32-bit programs `socketcall` makes no sockets: the family stands in memory, where no filter sees it
//!   ([`seccomp`]).
//! - `/etc/ld.so.conf` is not read: only ldconfig reads it, the loader reads the cache ([`elf`]).
//! - A change of one byte must not make two readers see two archives, so whatever has two meanings is
//!   refused, and the loop over the members is our own; the libraries for zstd and xz are C, for their limits
//!   of memory and because frames that follow each other are theirs to join ([`archive`]).
//! - An image is read in place, also within a tar file, and checked down to what its layers unpack to
//!   ([`oci`]).
//! - A tree is written to disk after the program has ended; until then it is good for this boot
//!   ([`rootfs`]). A warm start checks few stamps; `--refresh` checks all.
//! - An end by `limits.wall_time` is SIGKILL at once: the stop signal is for who asks from outside.
//! - With `map_users = "subordinate"` the tree and the binds belong to the program, as with one id: a map of the whole range over
//!   a bind would let root inside write files of the host's root. What is kept lies under its numbers from inside, but the
//!   program's, which are root's on disk (`model::id_maps`).
//! - Under `nested_userns` nothing covers /proc: the kernel lets a namespace inside mount /proc only where it sees one whole, and with
//!   root of the host unmapped, modes hold what the masks did. Parts of binds are refused beside it: whoever has mount
//!   namespaces can detach what covers them.
//! - Without Landlock the launcher runs from a sealed copy in memory, not from a detached read-only mount: it costs
//!   such starts some milliseconds, and others nothing ([`launch`]).
//! - A guard is taken out by a variable in debug builds, which release builds do not contain: a feature would want two builds
//!   ([`model::guard`]).
//! - Out of memory ends all of a sandbox. The kernel does that on cgroup v2; on v1 it ends one process and tells the
//!   supervisor, which ends the others some milliseconds later (`supervise::memory_alarm`).
//! - On cgroup v2 a group `sandbox` between holds the controllers, so that no manager above takes them away
//!   in the middle of a run ([`cgroup`]).

// Layer 0: the kernel, problems, the vocabulary.
pub mod diag;
pub mod model;
#[expect(unsafe_code, reason = "the one folder that talks to the kernel")]
pub mod sys;

// Layer 1: what reads.
pub mod archive;
pub mod elf;
pub mod format;
pub mod host;
pub mod language;
pub mod oci;
pub mod packages;
pub mod profile;
pub mod seccomp;

// Layer 2: what decides.
pub mod plan;

// Layer 3: what acts.
pub mod cgroup;
pub mod kept;
pub mod launch;
pub mod rootfs;

// Layer 4: what watches and what judges.
pub mod lock;
pub mod supervise;
pub mod wrap;

// Layer 5: what is judged and shown.
pub mod manual;
pub mod report;
pub mod review;

// Layer 6: the commands.
pub mod cli;
