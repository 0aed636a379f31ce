//! Every guard is taken out once, and the attack that it stands against is seen to work: a test that goes on
//! passing without a guard would show nothing.
//!
//! A debug build of `sandbox` leaves out the guards that `SANDBOX_GUARD_OFF` names (`model::guard`). Each row of
//! the tables has a guard, an attack, and what is seen of it from inside or on the host with the guard and
//! without. Where other walls stand behind, the row names them: then each of them has to suffice alone, and
//! only with all of them gone the attack works. `CAUGHT` in `caught.rs` says which of the other tests fails
//! without each guard; `the_other_tests_catch` finds out again (see there).
//!
//! What has no switch, and why:
//!
//! - The mount namespace: without it the kernel refuses an unprivileged caller's first mount, and root's
//!   would be made on the host. Nobody can try that safely.
//! - The numbers of `ptmx` and of the terminal behind it: both are opened by descriptor in a devpts that was
//!   mounted a moment before, where nobody can have put anything else.
//! - RESOLVE_NO_MAGICLINKS beside RESOLVE_IN_ROOT, RESOLVE_BENEATH or RESOLVE_NO_SYMLINKS: the kernel implies
//!   it today.
//! - PR_CAP_AMBIENT_CLEAR_ALL before capset(2): the kernel drops what is not permitted and inheritable.
//! - PDEATHSIG of the first moment, before root's change of ids: only the window between the two has it.
//! - Links that `apply` and the copies of a source meet: a link in the place of a directory is a change that is
//!   judged before, so that only one who exchanges it in that moment would see the difference.
//! - Masks made of the sandbox's own empty objects, devices and hard links out of an archive, links followed in
//!   memory: there is no check that could be left out, but another way to build.

#![cfg(debug_assertions)]

mod bench;
mod calls;
mod caught;
mod desk;
mod ends;
mod files;
mod identity;
mod kernel;
mod mounts;
mod parts;
mod start;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use sandbox::model::guard::Guard;

use super::support::{Caller, Lack, root_only, skip};
use bench::{Bench, LACKING};

/// Who tries the attack.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Everyone,
    /// Root alone has this wall, or needs it.
    Root,
    /// Unprivileged callers alone.
    User,
    /// Everyone, but only root can prepare it.
    ByRoot,
}

/// A guard and the attack that shows it.
struct Row {
    guard: Guard,
    attack: &'static str,
    who: Who,
    /// Guards that each suffice alone.
    walls: &'static [Guard],
    /// Guards that are off all along: they stand before, and would hide this one.
    before: &'static [Guard],
    play: fn(&Bench) -> String,
    /// What may be seen with the guard.
    held: &'static [&'static str],
    /// What may be seen without; none means anything else.
    open: &'static [&'static str],
}

impl Row {
    const fn new(guard: Guard, attack: &'static str, play: fn(&Bench) -> String) -> Row {
        Row {
            guard,
            attack,
            who: Who::Everyone,
            walls: &[],
            before: &[],
            play,
            held: &[],
            open: &[],
        }
    }

    const fn by(mut self, who: Who) -> Row {
        self.who = who;
        self
    }

    const fn behind(mut self, walls: &'static [Guard]) -> Row {
        self.walls = walls;
        self
    }

    const fn past(mut self, before: &'static [Guard]) -> Row {
        self.before = before;
        self
    }

    const fn held(mut self, held: &'static [&'static str]) -> Row {
        self.held = held;
        self
    }

    const fn open(mut self, open: &'static [&'static str]) -> Row {
        self.open = open;
        self
    }
}

fn rows() -> impl Iterator<Item = &'static Row> {
    let tables = [
        identity::ROWS,
        mounts::ROWS,
        parts::ROWS,
        kernel::ROWS,
        start::ROWS,
        calls::ROWS,
        desk::ROWS,
        files::ROWS,
        ends::ROWS,
    ];
    tables.into_iter().flatten()
}

/// Shows that a guard stops its attack, that each wall behind it does too, and that nothing else does.
#[track_caller]
fn prove(guard: Guard) {
    let found: Vec<&Row> = rows().filter(|row| row.guard == guard).collect();
    assert!(!found.is_empty(), "`{}` has no row", guard.name());
    for row in found {
        let name = format!("guards: {}: {}", guard.name(), row.attack);
        for caller in callers(row.who, &name) {
            prove_row(row, caller, &name);
        }
    }
}

fn callers(who: Who, name: &str) -> Vec<Caller> {
    match who {
        Who::Everyone => Caller::all(),
        Who::User => vec![Caller::Unprivileged],
        Who::Root if root_only(name) => vec![Caller::Root],
        Who::ByRoot if root_only(name) => Caller::all(),
        Who::Root | Who::ByRoot => Vec::new(),
    }
}

#[track_caller]
fn prove_row(row: &Row, caller: Caller, name: &str) {
    let walls: Vec<Guard> = [&[row.guard], row.walls].concat();
    let landlock: &[Guard] = match row.guard {
        Guard::Landlock => &[],
        // It stands behind most of the others, and would hide what they do.
        _ => &[Guard::Landlock],
    };
    let play = |off: &[Guard]| {
        let off = [off, row.before, landlock].concat();
        (row.play)(&Bench::new(caller, &off))
    };
    let seen = play(&walls);
    if let Some(reason) = seen.strip_prefix(LACKING) {
        return skip(name, &Lack::Layout(reason));
    }
    let held = |seen: &str| row.held.contains(&seen);
    let open = !held(&seen) && (row.open.is_empty() || row.open.contains(&seen.as_str()));
    assert!(open, "{caller:?}: {name}: without it: {seen:?}");
    let seen = play(&[]);
    assert!(held(&seen), "{caller:?}: {name}: {seen:?}");
    if walls.len() > 1 {
        for alone in &walls {
            let off: Vec<Guard> = walls
                .iter()
                .filter(|wall| *wall != alone)
                .copied()
                .collect();
            let seen = play(&off);
            let alone = alone.name();
            assert!(
                held(&seen),
                "{caller:?}: {name}: by {alone} alone: {seen:?}"
            );
        }
    }
}

/// A test for each guard, so that a failure says which.
macro_rules! proofs {
    ($($test:ident: $guard:ident,)+) => {
        const PROVEN: &[Guard] = &[$(Guard::$guard,)+];

        $(#[test]
        fn $test() {
            prove(Guard::$guard);
        })+
    };
}

proofs! {
    no_new_privileges: NoNewPrivileges,
    user_namespace: UserNamespace,
    unprivileged_id: UnprivilegedId,
    leave_groups: LeaveGroups,
    bounding_set: BoundingSet,
    capabilities: Capabilities,
    forbid_user_namespaces: ForbidUserNamespaces,
    new_session: NewSession,
    umask: Umask,
    reset_signals: ResetSignals,
    process_limits: ProcessLimits,
    private_mounts: PrivateMounts,
    pivot_root: PivotRoot,
    mask_proc: MaskProc,
    seal_proc: SealProc,
    mask_sys: MaskSys,
    seal_dev: SealDev,
    close_descriptors: CloseDescriptors,
    refuse_magic_links: RefuseMagicLinks,
    pid_namespace: PidNamespace,
    ipc_namespace: IpcNamespace,
    uts_namespace: UtsNamespace,
    filter: Filter,
    filter_of_init: FilterOfInit,
    network_namespace: NetworkNamespace,
    enter_groups: EnterGroups,
    cgroup_namespace: CgroupNamespace,
    die_with_parent: DieWithParent,
    die_with_parent_again: DieWithParentAgain,
    deny_setgroups: DenySetgroups,
    user_namespace_limit: UserNamespaceLimit,
    user_namespace_try: UserNamespaceTry,
    read_only: ReadOnly,
    every_mount_below: EveryMountBelow,
    nosuid: NoSuid,
    nodev: NoDev,
    source_links: SourceLinks,
    private_copies: PrivateCopies,
    targets_in_root: TargetsInRoot,
    kernel_places: KernelPlaces,
    report_links: ReportLinks,
    kept_profiles: KeptProfiles,
    detach_old_root: DetachOldRoot,
    cover_store: CoverStore,
    pin_store: PinStore,
    state_owner: StateOwner,
    state_links: StateLinks,
    desk_peer: DeskPeer,
    own_points: OwnPoints,
    set_id_modes: SetIdModes,
    set_id_without_list: SetIdWithoutList,
    set_id_sources: SetIdSources,
    strip_set_id: StripSetId,
    strip_capabilities: StripCapabilities,
    archive_parents: ArchiveParents,
    archive_absolute: ArchiveAbsolute,
    led_out: LedOut,
    landlock: Landlock,
    pin_parts: PinParts,
    read_only_parts: ReadOnlyParts,
    hide_parts: HideParts,
    hidepid: HidePid,
    kernel_trees: KernelTrees,
    device_numbers: DeviceNumbers,
    read_only_sys: ReadOnlySys,
    proc_magic: ProcMagic,
    proc_resolve: ProcResolve,
    workdir_magic: WorkdirMagic,
    stream_directories: StreamDirectories,
    passed_directories: PassedDirectories,
    init_descriptors: InitDescriptors,
    init_undumpable: InitUndumpable,
    sealed_copy: SealedCopy,
    init_wiped: InitWiped,
    init_capabilities: InitCapabilities,
    environment: Environment,
    new_keyring: NewKeyring,
    terminal_calls: TerminalCalls,
    printable: Printable,
    architecture: Architecture,
    x32: X32,
    namespace_flags: NamespaceFlags,
    memory_arguments: MemoryArguments,
    sockets: Sockets,
    socket_pairs: SocketPairs,
    personality: Personality,
    process_control: ProcessControl,
    refused_calls: RefusedCalls,
    read_only_groups: ReadOnlyGroups,
    gate_own_end: GateOwnEnd,
    gate_end: GateEnd,
    die_without_namespace: DieWithoutNamespace,
    end_orphans: EndOrphans,
}

#[test]
fn every_guard_has_a_proof_and_a_row() {
    for guard in Guard::ALL {
        assert!(PROVEN.contains(guard), "{} is not proven", guard.name());
        assert!(rows().any(|row| row.guard == *guard), "{}", guard.name());
        let caught = caught::CAUGHT.iter().any(|(caught, _)| caught == guard);
        assert!(caught, "{} is not in `CAUGHT`", guard.name());
    }
    let rules: BTreeSet<u8> = Guard::ALL.iter().map(|guard| guard.rule()).collect();
    // The filter's report (23), limits for all together (26) and whole trees (29) are no guards of a start.
    let expected: BTreeSet<u8> = (1..=28).filter(|rule| ![23, 26].contains(rule)).collect();
    assert_eq!(rules, expected);
}

#[test]
fn the_tests_that_catch_a_missing_guard_exist() {
    let mut text = String::new();
    let mut left = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/run")];
    while let Some(path) = left.pop() {
        match path.is_dir() {
            true => left.extend(
                fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            ),
            false => text.push_str(&fs::read_to_string(path).unwrap()),
        }
    }
    for (guard, tests) in caught::CAUGHT {
        for test in *tests {
            let (_, function) = test.rsplit_once("::").unwrap_or(("", test));
            assert!(
                text.contains(&format!("fn {function}()")),
                "{}: {test}",
                guard.name()
            );
        }
    }
}

/// A name that no guard has starts nothing, and each start without a guard says so.
#[test]
fn a_guard_is_not_left_out_in_silence() {
    let bench = Bench::new(Caller::Unprivileged, &[Guard::Umask]);
    let ended = bench.run("", &["true"]);
    assert!(
        ended.err.contains("guards off, for a test alone: umask\n"),
        "{ended:?}"
    );
    let mut up = bench.up("", &["true"]);
    let ended = super::support::finish(up.env("SANDBOX_GUARD_OFF", "umask,none"));
    assert_eq!((ended.code(), ended.out.as_str()), (125, ""), "{ended:?}");
    assert!(ended.err.contains("there is no guard `none`"), "{ended:?}");
}

/// The variable means nothing to a release: the module compiled without `debug_assertions` is one constant.
#[test]
fn a_release_has_no_switch() {
    let out = tempfile::tempdir().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/model/guard.rs");
    let user = out.path().join("user.rs");
    // Only what is constant can be asked here.
    let constant = "const _: () = assert!(guard::holds(guard::Guard::NoSuid));";
    let asks = "#[inline(never)] pub fn asks() -> bool { guard::holds(guard::Guard::NoSuid) }";
    let compile = |checks: &str, text: &str| {
        fs::write(
            &user,
            format!("#[path = {source:?}] pub mod guard;\n{text}\n"),
        )
        .unwrap();
        let object = out.path().join("user.o");
        // The compiler that made this very test: another one may be too old.
        let mut rustc = Command::new(Path::new(env!("CARGO")).with_file_name("rustc"));
        rustc.args(["--edition=2024", "--crate-type=lib", "--emit=obj", "-O"]);
        rustc.args(["-C", &format!("debug-assertions={checks}"), "-o"]);
        let done = rustc.arg(&object).arg(&user).output().ok()?;
        Some((done, fs::read(&object).unwrap_or_default()))
    };
    let Some((release, object)) = compile("no", &format!("{constant}{asks}")) else {
        return skip("a_release_has_no_switch", &Lack::Layout("no rustc"));
    };
    assert!(release.status.success(), "{release:?}");
    let variable = "#[inline(never)] pub fn asks() -> [&'static str; 2] {
                        [guard::VARIABLE, guard::Guard::NewKeyring.name()] }";
    let (_, debug) = compile("yes", variable).unwrap();
    let holds =
        |object: &[u8], word: &[u8]| object.windows(word.len()).any(|window| window == word);
    for word in ["SANDBOX_GUARD_OFF", "new-keyring"] {
        assert!(!holds(&object, word.as_bytes()), "{word}");
        assert!(holds(&debug, word.as_bytes()), "{word} is not looked for");
    }
    let (not_constant, _) = compile("yes", constant).unwrap();
    assert!(!not_constant.status.success(), "{not_constant:?}");
}
