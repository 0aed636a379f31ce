//! Rules 12 to 14, and 25: /proc, /sys, /dev and control groups.

use std::fs;

use sandbox::model::guard::Guard;

use super::super::support::attack;
use super::bench::{Bench, LACKING, NO_FILTER, told};
use super::{Row, Who};

fn symbols(bench: &Bench) -> String {
    bench.says("", &["head", "-c", "8", "/proc/kallsyms"])
}

fn own_network_switch(bench: &Bench) -> String {
    let rest = "command.user = \"root\"\n[security]\nseccomp = \"none\"\ncapabilities = [\"CAP_NET_ADMIN\"]";
    bench.attack(rest, &["open-write", "/proc/sys/net/ipv4/ip_forward"])
}

fn firmware(bench: &Bench) -> String {
    let there = fs::read_dir("/sys/firmware").is_ok_and(|mut list| list.next().is_some());
    match there {
        true => bench.says("system.sys = \"read-only\"", &["ls", "-A", "/sys/firmware"]),
        false => format!("{LACKING}nothing in /sys/firmware"),
    }
}

fn own_device(bench: &Bench) -> String {
    bench.attack("command.user = \"root\"\n[security]\nseccomp = \"none\"\ncapabilities = [\"CAP_NET_ADMIN\"]\n[system]\nsys = \"read-only\"", &["open-write", "/sys/class/net/lo/mtu"])
}

fn new_in_dev(bench: &Bench) -> String {
    bench.attack("", &["create", "/dev/new"])
}

fn first_process(bench: &Bench) -> String {
    bench.attack("", &["open-read", "/proc/1/status"])
}

fn onto_proc(bench: &Bench) -> String {
    bench.lab.link("work/link", "/proc/sys");
    let rest = format!(
        "{}[[mount]]\nbind = \"{}\"\ntarget = \"/w/link\"\n",
        bench.bind("ro"),
        bench.victim().display()
    );
    bench.says(&rest, &["ls", "/proc/sys"])
}

/// A file of the host's lies in the place of /dev/null (CVE-2025-31133).
fn false_null(bench: &Bench) -> String {
    bench.victim();
    let script = "mount --bind ../victim/file /dev/null && exec \"$@\"";
    let ended = bench.own_mounts(script, NO_FILTER, &["sh", "-c", "echo written > /dev/null"]);
    assert!([0, 125].contains(&ended.code()), "{ended:?}");
    bench.victims_file()
}

/// A /proc that is none, where `setgroups` is what `lay` makes of it (CVE-2025-52881).
fn false_proc(bench: &Bench, lay: &str) -> String {
    bench.victim();
    let script = format!(
        "mkdir fake && mount -t tmpfs none fake && mkdir fake/real fake/self && \
         mount --bind /proc fake/real && cd fake && \
         for name in real/[a-z]*; do name=${{name#real/}}; [ $name = self ] || ln -s real/$name $name; done && \
         for name in real/self/*; do name=${{name#real/self/}}; ln -s ../real/self/$name self/$name; done && \
         ln -sfn \"$1\" self/exe && rm self/setgroups && {lay} && mount --rbind . /proc && cd .. && \
         {{ \"$@\" >&2; cat fake/self/setgroups; }}"
    );
    told(bench.own_mounts(&script, "", &["true"]))
}

fn file_of_false_proc(bench: &Bench) -> String {
    false_proc(bench, "> self/setgroups")
}

fn link_of_false_proc(bench: &Bench) -> String {
    let victim = bench.victim().join("file");
    false_proc(bench, &format!("ln -s {} self/setgroups", victim.display()))
}

const PIDS: &str = "[limits]\npids = 20\n";

fn has_groups() -> bool {
    let places = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup/cgroup.controllers"];
    places.iter().any(|path| fs::exists(path).unwrap())
}

/// Few processes more than the limit, should it not hold.
fn bomb(bench: &Bench) -> String {
    match has_groups() {
        true => bench.attack(PIDS, &["fork-until-refused", "40"]),
        false => format!("{LACKING}no control groups"),
    }
}

fn own_limit(bench: &Bench) -> String {
    if !has_groups() {
        return format!("{LACKING}no control groups");
    }
    let rest = format!(
        "command.user = \"root\"\n{PIDS}{NO_FILTER}[system]\ncgroup = \"read-only\"\nsys = \"read-only\"\n"
    );
    let find = format!(
        "cd /sys/fs/cgroup; [ -e pids/pids.max ] && cd pids; {} open-write pids.max; true",
        attack()
    );
    bench.script(&rest, &find)
}

/// Whether a namespace of this kind is the host's.
pub fn whose(bench: &Bench, rest: &str, kind: &str) -> String {
    let path = format!("/proc/self/ns/{kind}");
    let host = fs::read_link(&path).unwrap();
    let own = bench.says(rest, &["readlink", &path]);
    match own.contains('[') && own != host.to_str().unwrap() {
        true => "its own".to_owned(),
        false if own.contains('[') => "the host's".to_owned(),
        false => own,
    }
}

fn view_of_groups(bench: &Bench) -> String {
    whose(bench, "", "cgroup")
}

pub const ROWS: &[Row] = &[
    Row::new(Guard::MaskProc, "the kernel's symbols", symbols).held(&[""]),
    Row::new(
        Guard::SealProc,
        "a switch of its own network, by its root",
        own_network_switch,
    )
    .held(&["EROFS"])
    .open(&["worked"]),
    Row::new(
        Guard::HidePid,
        "the first process is looked at",
        first_process,
    )
    .held(&["ENOENT"])
    .open(&["worked"]),
    Row::new(
        Guard::KernelTrees,
        "a bind onto /proc/sys by a link",
        onto_proc,
    )
    .held(&["not started"])
    .open(&["file"]),
    Row::new(Guard::MaskSys, "the firmware's tables", firmware).held(&[""]),
    Row::new(
        Guard::ReadOnlySys,
        "a switch of a device, by its root",
        own_device,
    )
    .by(Who::Root)
    .behind(&[Guard::UnprivilegedId])
    .held(&["EROFS", "EACCES"])
    .open(&["worked"]),
    Row::new(Guard::SealDev, "a file in /dev", new_in_dev)
        .held(&["EROFS"])
        .open(&["worked"]),
    Row::new(
        Guard::DeviceNumbers,
        "a file in the place of /dev/null",
        false_null,
    )
    .held(&["as it was"])
    .open(&["written\n"]),
    Row::new(Guard::ProcMagic, "a /proc of files", file_of_false_proc)
        .by(Who::User)
        .held(&[""])
        .open(&["deny"]),
    Row::new(
        Guard::ProcResolve,
        "a /proc with a link out",
        link_of_false_proc,
    )
    .by(Who::User)
    .behind(&[Guard::ProcMagic])
    .held(&["as it was"])
    .open(&["denyt was"]),
    Row::new(Guard::EnterGroups, "more processes than the limit", bomb)
        .by(Who::Root)
        .held(&["18 EAGAIN"])
        .open(&["40 worked"]),
    Row::new(
        Guard::CgroupNamespace,
        "the view of control groups",
        view_of_groups,
    )
    .held(&["its own"])
    .open(&["the host's"]),
    Row::new(
        Guard::ReadOnlyGroups,
        "its own limit, by its root",
        own_limit,
    )
    .by(Who::Root)
    .behind(&[Guard::UnprivilegedId])
    .held(&["EROFS", "EACCES"])
    .open(&["worked"]),
];
