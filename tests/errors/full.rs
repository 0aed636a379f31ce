//! `tests/profiles/full.toml`: every key that is built, and what it becomes.

use sandbox::diag::{At, Origin};
use sandbox::model::{
    Access, Bundle, ByteSize, CgroupMount, Degradable, EtcFile, ExtraArguments, FileMode,
    MountOption, NetworkMode, PartPath, ProcMount, RlimitValue, SeccompPolicy, UserSpec, Writes,
};
use sandbox::profile::raw::{Opt, RawArgs, RawMount, RawSource, Setting};
use sandbox::profile::{RawProfile, Template};

use super::{check, directory};

const NAME: &str = "tests/profiles/full.toml";

fn full() -> (RawProfile, String) {
    let text = std::fs::read_to_string(directory("profiles/full.toml")).unwrap();
    let (profile, problems, _) = check(NAME, &text);
    assert_eq!(problems, []);
    (profile.unwrap(), text)
}

fn value<T: Clone>(value: &Opt<T>) -> T {
    value.clone().unwrap().value
}

fn texts(list: &[At<Template>]) -> Vec<String> {
    list.iter().map(|entry| entry.value.to_string()).collect()
}

fn literal<T: Clone>(setting: &Opt<Setting<T>>) -> T {
    match value(setting) {
        Setting::Literal(literal) => literal,
        Setting::Variable(template) => panic!("{template}"),
    }
}

#[test]
fn what_is_expected() {
    let (profile, text) = full();
    let keys: Vec<&str> = text
        .lines()
        .filter_map(|line| {
            let key = line.split(' ').next()?;
            let is_test = key.starts_with("deny_") || key.starts_with("allow_");
            (is_test || key.starts_with("max_") || key == "env_absent").then_some(key)
        })
        .filter(|key| *key != "allow_degraded")
        .collect();
    assert_eq!(keys.len(), 14);
    assert_eq!(profile.expect.len(), keys.len());
    assert_eq!(value(&profile.expect[0].value.why), "passwords");
}

#[test]
fn the_command_and_its_environment() {
    let (profile, _) = full();
    assert_eq!(value(&profile.name).as_str(), "full");
    let command = profile.command;
    let RawArgs::Words(args) = value(&command.args) else {
        panic!("{:?}", command.args);
    };
    let args = texts(&args);
    assert_eq!(
        args,
        ["/bin/bash", "-l", "${env:SHELL_ARGUMENT:-${HOME}/start}"]
    );
    assert_eq!(value(&command.extra), ExtraArguments::Append);
    assert_eq!(
        value(&command.user),
        UserSpec::Ids {
            uid: 1000,
            gid: 1000
        }
    );
    assert_eq!(value(&command.umask), FileMode(0o022));
    let fds: Vec<u32> = command.fds.iter().map(|fd| fd.value).collect();
    assert_eq!(fds, [3, 7]);
    let inherit: Vec<_> = profile
        .env
        .inherit
        .iter()
        .map(|name| name.value.as_str())
        .collect();
    assert_eq!(inherit, ["TERM", "LANG", "LC_*"]);
    let set: Vec<_> = profile
        .env
        .set
        .iter()
        .map(|variable| {
            (
                variable.name.value.as_str(),
                variable.value.value.as_literal().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("PATH", "/usr/bin:/bin"),
        ("HOME", "/home/user"),
        ("PRICE", "$5 and ${HOME}"),
    ];
    assert_eq!(set, expected);
}

#[test]
fn the_tree() {
    let (profile, _) = full();
    let rootfs = profile.rootfs;
    assert_eq!(value(&rootfs.writes), Writes::Discard);
    assert_eq!(literal(&rootfs.writes_size), ByteSize(1 << 30));
    assert_eq!(rootfs.sources.len(), 10);
    let RawSource::Copy {
        from,
        to,
        exclude,
        optional,
    } = &rootfs.sources[1].value
    else {
        panic!("{:?}", rootfs.sources[1]);
    };
    assert_eq!(from.value.as_literal(), Some("./tool"));
    assert_eq!(value(to).as_literal(), Some("/usr/local/tool"));
    assert_eq!((exclude.len(), value(optional)), (2, true));
    let RawSource::Programs { programs, extra } = &rootfs.sources[2].value else {
        panic!("{:?}", rootfs.sources[2]);
    };
    assert_eq!(texts(programs), ["bash", "/usr/bin/python3", "@command"]);
    assert_eq!(extra.len(), 1);
    let RawSource::File { text, mode, .. } = &rootfs.sources[4].value else {
        panic!("{:?}", rootfs.sources[4]);
    };
    assert_eq!(text.value.as_literal(), Some("dev\n"));
    assert_eq!(value(mode), FileMode(0o644));
    let RawSource::Symlink { target, .. } = &rootfs.sources[6].value else {
        panic!("{:?}", rootfs.sources[6]);
    };
    assert_eq!(target.value.as_literal(), Some("../proc/mounts"));
    let RawSource::Archive {
        archive,
        sha256,
        to,
    } = &rootfs.sources[7].value
    else {
        panic!("{:?}", rootfs.sources[7]);
    };
    assert_eq!(archive.value.as_literal(), Some("alpine.tar.zst"));
    assert_eq!(value(sha256).0[..2], [0xe3, 0xb0]);
    assert_eq!(value(to).as_literal(), Some("/srv/alpine"));
    let RawSource::Image {
        image,
        reference,
        platform,
    } = &rootfs.sources[8].value
    else {
        panic!("{:?}", rootfs.sources[8]);
    };
    let name = (image.value.to_string(), value(reference).to_string());
    assert_eq!(
        name,
        (
            "${env:IMAGES:-/srv}/a".to_owned(),
            "b:${env:TAG:-3}".to_owned()
        )
    );
    assert_eq!(value(platform).to_string(), "linux/arm/v7");
    let RawSource::Bundle { bundles } = &rootfs.sources[9].value else {
        panic!("{:?}", rootfs.sources[9]);
    };
    let words: Vec<&str> = bundles.iter().map(|at| at.value.word()).collect();
    assert_eq!(words, Bundle::WORDS);
    assert_eq!(value(&rootfs.etc.passwd), EtcFile::Replace);
    assert_eq!(
        (value(&rootfs.etc.mtab), value(&rootfs.etc.hostname)),
        (true, false)
    );
}

#[test]
fn file_systems_and_mounts() {
    let (profile, _) = full();
    assert_eq!(value(&profile.system.proc), ProcMount::Private);
    assert_eq!(value(&profile.system.cgroup), CgroupMount::ReadOnly);
    assert_eq!(profile.system.dev.len(), 2);
    assert!(value(&profile.system.dev[1].value.optional));
    let RawMount::Bind {
        bind,
        target,
        access,
        options,
        read_only,
        hide,
        ..
    } = &profile.mounts[0].value
    else {
        panic!("{:?}", profile.mounts[0]);
    };
    assert_eq!(bind.value.to_string(), "${GIT_ROOT}");
    assert_eq!(value(target).as_literal(), Some("/home/user/project"));
    assert_eq!(value(access), Access::ReadWrite);
    let options: Vec<MountOption> = options.iter().map(|option| option.value).collect();
    assert_eq!(options, [MountOption::NoExec, MountOption::NoAtime]);
    let parts = |list: &[At<PartPath>]| -> Vec<String> {
        list.iter().map(|part| part.value.to_string()).collect()
    };
    assert_eq!(parts(read_only), [".git/hooks", ".git/config"]);
    assert_eq!(parts(hide), [".env"]);
    assert!(hide[0].value.may_miss.is_on());
    let RawMount::Volume {
        volume,
        target,
        options,
    } = &profile.mounts[1].value
    else {
        panic!("{:?}", profile.mounts[1]);
    };
    assert_eq!(volume.value.as_str(), "data");
    assert_eq!(target.value.as_literal(), Some("/var/lib/data"));
    assert_eq!(options.len(), 1);
    let RawMount::Tmpfs {
        tmpfs, size, mode, ..
    } = &profile.mounts[2].value
    else {
        panic!("{:?}", profile.mounts[2]);
    };
    assert_eq!(tmpfs.value.as_literal(), Some("/tmp"));
    assert_eq!(literal(size), ByteSize(256 << 20));
    assert_eq!(value(mode), FileMode(0o1777));
    let sockets = profile.mounts[3..].iter().map(|mount| &mount.value);
    let reasons: Vec<_> = sockets
        .map(|mount| match mount {
            RawMount::Socket { dangerous, .. } => dangerous.as_ref().map(|why| why.value.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    let why = "the program makes containers".to_owned();
    assert_eq!(reasons, [None, Some(why)]);
}

#[test]
fn namespaces_limits_and_security() {
    let (profile, _) = full();
    let hours = value(&profile.namespaces.time_boottime).nanoseconds / 3_600_000_000_000;
    assert_eq!(hours, -1);
    assert_eq!(
        value(&profile.namespaces.hostname).to_string(),
        "dev-${USER}"
    );
    assert_eq!(value(&profile.network), NetworkMode::None);
    let limits = profile.limits;
    assert!(
        matches!(value(&limits.memory), Setting::Variable(name) if name.to_string() == "${env:MEMORY}")
    );
    assert_eq!(literal(&limits.cpus).thousandths, 1500);
    assert_eq!(literal(&limits.pids), 256);
    assert_eq!(literal(&limits.memory_high), ByteSize(400 << 20));
    assert_eq!(literal(&limits.cpu_weight).number(), 50);
    assert_eq!(literal(&limits.cpuset).to_string(), "0-1,3");
    assert_eq!(literal(&limits.memory_nodes).to_string(), "0");
    assert_eq!(literal(&limits.io_weight).number(), 200);
    let [disk, home] = limits.io.as_slice() else {
        panic!("{:?}", limits.io);
    };
    assert_eq!(disk.value.device.value.to_string(), "/dev/vda");
    assert_eq!(literal(&disk.value.read_bps), ByteSize(10 << 20));
    assert_eq!(literal(&disk.value.write_bps), ByteSize(5_000_000));
    assert_eq!(literal(&disk.value.read_iops), 1000);
    assert_eq!(literal(&disk.value.write_iops), 500);
    assert_eq!(home.value.device.value.to_string(), "${HOME}");
    assert!(home.value.read_bps.is_none());
    let pages: Vec<_> = limits.hugetlb.iter().map(|page| page.page.value).collect();
    assert_eq!(pages, [ByteSize(2 << 20), ByteSize(1 << 30)]);
    let process: Vec<_> = limits
        .process
        .iter()
        .map(|limit| {
            (
                limit.resource.value.key,
                &limit.soft.value,
                &limit.hard.value,
            )
        })
        .collect();
    let number = |number| Setting::Literal(RlimitValue::Value(number));
    let unlimited = Setting::Literal(RlimitValue::Unlimited);
    assert_eq!(process[0], ("stack", &number(8 << 20), &number(8 << 20)));
    assert_eq!(process[1], ("nofile", &number(1024), &unlimited));
    assert_eq!(process[3], ("cpu", &number(120), &number(120)));
    assert_eq!(value(&profile.security.seccomp), SeccompPolicy::Default);
    assert_eq!(profile.security.capabilities[0].value.number(), 10);
    assert_eq!(
        profile.security.allow_degraded[0].value,
        Degradable::LimitsSwap
    );
    assert_eq!(value(&profile.supervise.stop_signal).number(), 2);
    assert_eq!(literal(&profile.supervise.stop_timeout).0.as_secs(), 90);
}

#[test]
fn numbers_may_be_written_in_every_way_of_toml() {
    let text = "version = 0x1\ncommand.fds = [10, 0xa, 0x10, +1_0]\nlimits.pids = 0b1_0\n\
        limits.cpus = 1_0.2_5e-1\nlimits.memory = 0o10\n";
    let (profile, problems, _) = check("x.toml", text);
    assert_eq!(problems, []);
    let profile = profile.unwrap();
    let fds: Vec<u32> = profile.command.fds.iter().map(|fd| fd.value).collect();
    assert_eq!(fds, [10, 16]);
    assert_eq!(literal(&profile.limits.pids), 2);
    assert_eq!(literal(&profile.limits.cpus).thousandths, 1025);
    assert_eq!(literal(&profile.limits.memory), ByteSize(8));
}

/// The bytes of the file that a value came from.
fn written<'t, T>(value: &At<T>, text: &'t str) -> &'t str {
    match &value.origin {
        Origin::Profile { span, .. } => &text[span.clone()],
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_value_keeps_its_place() {
    let (profile, text) = full();
    assert_eq!(written(profile.name.as_ref().unwrap(), &text), "\"full\"");
    assert_eq!(written(&profile.mounts[0], &text), "[[mount]]");
    assert_eq!(
        written(&profile.rootfs.sources[0], &text),
        "{ copy = \"/bin\" }"
    );
    assert_eq!(written(&profile.env.set[1].name, &text), "HOME");
    assert_eq!(written(&profile.limits.process[1].soft, &text), "1024");
    assert_eq!(
        written(&profile.limits.process[1].resource, &text),
        "nofile"
    );
}
