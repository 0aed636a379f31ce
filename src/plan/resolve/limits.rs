//! `[limits]`: what the control groups, setrlimit(2) and the clock enforce.

use crate::diag::{At, Problem};
use crate::model::{ByteSize, Degradable, Period, Resource, Rlimit, RlimitValue, Switch};
use crate::plan::{Amount, GroupLimit, GroupLimits, Lacking, ProcessLimit};
use crate::profile::RawProfile;
use crate::profile::raw::{Opt, RawLimits, RawRlimit, RawSecurity, Setting};

use super::hardware;
use super::scope::Scope;
use super::values::FromVariable;

/// With less, not even the start of a sandbox fits: its own page tables and stacks count too.
const LEAST_MEMORY: ByteSize = ByteSize(1 << 20);

/// The first process inside, which is the sandbox's own, and the program. `limits.pids` counts
/// every process and thread inside, as the kernel and other container tools do.
const LEAST_PIDS: u64 = 2;

/// What limits come to.
pub(super) struct Limits {
    pub group: GroupLimits,
    pub process: Vec<ProcessLimit>,
    pub wall_time: Option<At<Period>>,
    pub output: Option<At<ByteSize>>,
}

/// Whether these limits need a control group.
pub(super) fn makes_group(raw: &RawLimits) -> bool {
    let RawLimits {
        memory,
        memory_high,
        swap,
        cpus,
        cpu_weight,
        cpuset,
        memory_nodes,
        pids,
        io,
        io_weight,
        hugetlb,
        cpu_time,
        wall_time: _,
        output: _,
        process: _,
    } = raw;
    let sizes = [memory, memory_high, swap];
    let weights = [cpu_weight, io_weight];
    let lists = [cpuset, memory_nodes];
    sizes.into_iter().any(Option::is_some)
        || weights.into_iter().any(Option::is_some)
        || lists.into_iter().any(Option::is_some)
        || cpus.is_some()
        || pids.is_some()
        || cpu_time.is_some()
        || !io.is_empty()
        || !hugetlb.is_empty()
}

pub(super) fn resolve(raw: &RawProfile, scope: &mut Scope<'_>) -> Limits {
    let allowed = &raw.security.allow_degraded;
    if scope.facts().is_some() {
        scope.wanted.cgroups = true.into();
    }
    let wall_time = amount(&raw.limits.wall_time, "limits.wall_time", scope);
    judge_time(&wall_time, "wall_time", "limits.wall-time-zero", scope);
    let output = amount(&raw.limits.output, "limits.output", scope);
    let list = amounts(&raw.limits, scope).into_iter();
    let list = list.map(|amount| group_limit(amount, allowed)).collect();
    let group = GroupLimits {
        list,
        handle: Switch::On,
        // Filled when the devices are known.
        devices: Vec::new(),
    };
    judge_allowed(&group, &raw.security, scope);
    Limits {
        group,
        process: process_limits(&raw.limits.process, scope),
        wall_time,
        output,
    }
}

/// What a control group is to enforce, in the order of the documentation.
fn amounts(raw: &RawLimits, scope: &mut Scope<'_>) -> Vec<At<Amount>> {
    let RawLimits {
        memory,
        memory_high,
        swap,
        cpus,
        cpu_weight,
        cpuset,
        memory_nodes,
        pids,
        io,
        io_weight,
        hugetlb,
        cpu_time,
        wall_time: _,
        output: _,
        process: _,
    } = raw;
    let memory = amount(memory, "limits.memory", scope);
    let high = amount(memory_high, "limits.memory_high", scope);
    let swap = amount(swap, "limits.swap", scope);
    let cpus = amount(cpus, "limits.cpus", scope);
    let cpu_weight = amount(cpu_weight, "limits.cpu_weight", scope);
    let cpuset = amount(cpuset, "limits.cpuset", scope);
    let nodes = amount(memory_nodes, "limits.memory_nodes", scope);
    let pids = amount(pids, "limits.pids", scope);
    let io_weight = amount(io_weight, "limits.io_weight", scope);
    let cpu_time = amount(cpu_time, "limits.cpu_time", scope);
    judge_time(&cpu_time, "cpu_time", "limits.cpu-time-zero", scope);
    judge_memory(&memory, &swap, scope);
    judge_high(&high, &memory, scope);
    judge_pids(&pids, scope);
    for (size, key) in [(&memory, "limits.memory"), (&high, "limits.memory_high")] {
        if let Some(size) = size {
            hardware::memory(size, key, scope);
        }
    }
    let single = [
        memory.map(|at| at.map(Amount::Memory)),
        high.map(|at| at.map(Amount::MemoryHigh)),
        swap.map(|at| at.map(Amount::Swap)),
        cpus.map(|cpus| hardware::cpus(cpus, scope)),
        cpu_weight.map(|at| at.map(Amount::CpuWeight)),
        cpuset.map(|list| hardware::cpuset(list, scope)),
        nodes.map(|list| hardware::memory_nodes(list, scope)),
        pids.map(|at| at.map(Amount::Pids)),
    ];
    let mut amounts: Vec<At<Amount>> = single.into_iter().flatten().collect();
    amounts.extend(hardware::io(io, scope));
    amounts.extend(io_weight.map(|at| at.map(Amount::IoWeight)));
    amounts.extend(hardware::hugetlb(hugetlb, scope));
    amounts.extend(cpu_time.map(|at| at.map(Amount::CpuTime)));
    amounts
}

fn amount<T: FromVariable>(
    written: &Opt<Setting<T>>,
    key: &str,
    scope: &mut Scope<'_>,
) -> Option<At<T>> {
    written
        .as_ref()
        .and_then(|written| scope.setting(written, key))
}

/// cgroup v1 limits memory and swap together only, so swap alone would hold on some hosts and not
/// on others: one rule for all.
fn judge_memory(memory: &Opt<ByteSize>, swap: &Opt<ByteSize>, scope: &mut Scope<'_>) {
    if let Some(memory) = memory.as_ref().filter(|memory| memory.value < LEAST_MEMORY) {
        let message = format!(
            "`limits.memory` is {} bytes, with which nothing starts",
            memory.value.0
        );
        scope.report(
            memory
                .error("limits.memory-too-small", message)
                .help(least_memory()),
        );
    }
    if let (Some(swap), None, false) = (swap, memory, scope.read_in_part) {
        let message = "`limits.swap` needs `limits.memory`";
        scope.report(
            swap.error("limits.swap-without-memory", message)
                .help("set `memory` too: cgroup v1 can limit swap only together with it"),
        );
    }
}

/// With the same amount the kernel kills before it ever slows down.
fn judge_high(high: &Opt<ByteSize>, memory: &Opt<ByteSize>, scope: &mut Scope<'_>) {
    if let Some(high) = high.as_ref().filter(|high| high.value < LEAST_MEMORY) {
        let message = format!(
            "`limits.memory_high` is {} bytes, with which nothing gets far",
            high.value.0
        );
        scope.report(
            high.error("limits.memory-too-small", message)
                .help(least_memory()),
        );
    }
    if let (Some(high), Some(memory)) = (high, memory)
        && high.value >= memory.value
    {
        let message = "`limits.memory_high` is not below `limits.memory`";
        let problem = Problem::warning("limits.memory-high-unused", &high.origin, message);
        scope.report(
            problem
                .also(&memory.origin, "at which the sandbox is killed")
                .help("write less, or leave it out"),
        );
    }
}

fn least_memory() -> String {
    format!("write the unit too, as in `\"64M\"`; the least is `\"{LEAST_MEMORY}\"`")
}

fn judge_pids(pids: &Opt<u64>, scope: &mut Scope<'_>) {
    if let Some(pids) = pids.as_ref().filter(|pids| pids.value < LEAST_PIDS) {
        let message = format!("`limits.pids` is {}, with which nothing starts", pids.value);
        scope.report(
            pids.error("limits.pids-too-few", message)
                .help("write 2 or more: the sandbox's own first process counts too"),
        );
    }
}

fn judge_time(time: &Opt<Period>, key: &str, code: &'static str, scope: &mut Scope<'_>) {
    if let Some(time) = time.as_ref().filter(|time| time.value.0.is_zero()) {
        let message = format!("`limits.{key}` is 0, at which everything ends at once");
        scope.report(
            time.error(code, message)
                .help("write a time such as `\"10s\"`, or leave it out for no limit"),
        );
    }
}

fn group_limit(amount: At<Amount>, allowed: &[At<Degradable>]) -> GroupLimit {
    let covers = |entry: &At<Degradable>| covers(entry.value, &amount.value);
    let lacking = match allowed.iter().any(covers) {
        true => Lacking::Reported,
        false => Lacking::Refused,
    };
    GroupLimit {
        amount: amount.value,
        origin: amount.origin,
        lacking,
    }
}

fn covers(entry: Degradable, amount: &Amount) -> bool {
    match entry {
        Degradable::Landlock => false,
        Degradable::Limits => true,
        one => one.word() == amount.key(),
    }
}

fn judge_allowed(group: &GroupLimits, security: &RawSecurity, scope: &mut Scope<'_>) {
    if scope.read_in_part {
        return;
    }
    let uses_landlock = security.landlock.as_ref().is_none_or(|on| on.value);
    for entry in &security.allow_degraded {
        if entry.value == Degradable::Landlock && uses_landlock {
            continue;
        }
        if group
            .list
            .iter()
            .any(|limit| covers(entry.value, &limit.amount))
        {
            continue;
        }
        let message = format!(
            "`{}` may be missing, but the profile does not set it",
            entry.value
        );
        scope.report(
            Problem::warning("security.allow-degraded-unused", &entry.origin, message)
                .help("leave it out, or set it"),
        );
    }
}

fn process_limits(raw: &[RawRlimit], scope: &mut Scope<'_>) -> Vec<ProcessLimit> {
    raw.iter()
        .filter_map(|limit| process_limit(limit, scope))
        .collect()
}

fn process_limit(raw: &RawRlimit, scope: &mut Scope<'_>) -> Option<ProcessLimit> {
    let RawRlimit {
        resource,
        soft,
        hard,
    } = raw;
    let key = format!("limits.process.{}", resource.value.key);
    let of_soft = format!("{key}, the soft limit");
    let soft = scope.rlimit(soft, (&key, &of_soft), resource.value.unit);
    let hard = scope.rlimit(hard, (&key, &key), resource.value.unit);
    let (soft, hard) = (soft?, hard?);
    if soft.value > hard.value {
        let message = format!(
            "soft limit {} of `{key}` is above the hard limit {}",
            soft.value, hard.value
        );
        scope.report(
            soft.error("limits.process-soft-above-hard", message)
                .also(&hard.origin, "the hard limit")
                .help("raise the hard limit or lower the soft one"),
        );
        return None;
    }
    judge_least(&resource.value, &soft, scope);
    if let Some(facts) = scope.facts() {
        scope.wanted.rlimits.insert(resource.value);
        let own = facts
            .rlimits
            .iter()
            .find(|(known, _)| *known == resource.value);
        if let Some((_, own)) = own {
            judge_host_limit(&key, &hard, own.hard, scope);
        }
    }
    let limit = Rlimit {
        soft: soft.value,
        hard: hard.value,
    };
    Some(ProcessLimit {
        resource: resource.value,
        limit: At::new(limit, soft.origin),
    })
}

/// With less not even the start of a program fits. Of files: the three streams, and one more, for the filter's
/// listener first and then for the program's loader, which opens one library after the other. No page of memory or
/// of stack is none for the program's own file.
const LEAST: [(&str, u64); 4] = [("nofile", 4), ("as", 4096), ("stack", 4096), ("cpu", 1)];

fn judge_least(resource: &Resource, soft: &At<RlimitValue>, scope: &mut Scope<'_>) {
    let mut known = LEAST.iter();
    let Some((key, least)) = known.find(|(key, _)| *key == resource.key) else {
        return;
    };
    if soft.value < RlimitValue::Value(*least) {
        let message = format!(
            "`limits.process.{key}` is {}, with which nothing starts",
            soft.value
        );
        scope.report(
            soft.error("limits.process-too-small", message)
                .help(format!("write {least} or more")),
        );
    }
}

/// Raising a hard limit needs CAP_SYS_RESOURCE over the host, which nothing has that is in a user
/// namespace, root's sandboxes included.
fn judge_host_limit(key: &str, hard: &At<RlimitValue>, own: RlimitValue, scope: &mut Scope<'_>) {
    if hard.value <= own {
        return;
    }
    let message = format!(
        "`{key}` is {}, and the caller's own hard limit is {own}",
        hard.value
    );
    scope.report(
        hard.error("limits.process-above-host", message)
            .help(format!(
                "write {own} or less, or raise the caller's limit (limits.conf(5))"
            )),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Resource;
    use crate::plan::resolve::testing::{Bench, codes, here, variable};

    fn size(bytes: u64) -> Opt<Setting<ByteSize>> {
        Some(here(Setting::Literal(ByteSize(bytes))))
    }

    fn found(raw: &RawProfile, bench: &Bench) -> (Limits, Vec<&'static str>) {
        let mut scope = bench.scope();
        let limits = resolve(raw, &mut scope);
        (limits, codes(scope))
    }

    #[test]
    fn numbers_with_which_nothing_starts_are_errors() {
        let mut raw = RawProfile::default();
        raw.limits.memory = size(512);
        raw.limits.pids = Some(here(Setting::Literal(1)));
        raw.limits.wall_time = Some(here(Setting::Literal("0s".parse().unwrap())));
        let expected = [
            "limits.memory-too-small",
            "limits.pids-too-few",
            "limits.wall-time-zero",
        ];
        assert_eq!(found(&raw, &Bench::symbolic()).1, expected);
    }

    #[test]
    fn swap_needs_memory() {
        let mut raw = RawProfile::default();
        raw.limits.swap = size(0);
        assert_eq!(
            found(&raw, &Bench::symbolic()).1,
            ["limits.swap-without-memory"]
        );
        raw.limits.memory = size(1 << 20);
        assert!(found(&raw, &Bench::symbolic()).1.is_empty());
    }

    #[test]
    fn what_may_be_missing_is_marked_and_must_be_set() {
        let mut raw = RawProfile::default();
        raw.limits.memory = size(1 << 20);
        raw.security.allow_degraded =
            vec![here(Degradable::LimitsMemory), here(Degradable::LimitsPids)];
        let (limits, codes) = found(&raw, &Bench::symbolic());
        assert_eq!(limits.group.list[0].lacking, Lacking::Reported);
        assert_eq!(codes, ["security.allow-degraded-unused"]);
    }

    #[test]
    fn a_variable_may_stand_for_a_number() {
        let mut bench = Bench::host();
        let set = |bench: &mut Bench, value: &str| {
            let environment = &mut bench.facts.as_mut().unwrap().environment;
            environment.insert("MEM".to_owned(), value.to_owned());
        };
        let mut raw = RawProfile::default();
        raw.limits.memory = Some(variable("env:MEM", "").map(Setting::Variable));
        set(&mut bench, "64M");
        assert_eq!(found(&raw, &bench).0.group.list[0].amount.value(), "64M");
        set(&mut bench, "lots");
        assert_eq!(found(&raw, &bench).1, ["value.invalid"]);
        let symbolic = found(&raw, &Bench::symbolic()).0;
        assert_eq!(
            symbolic.group.list[0].amount,
            Amount::Memory(ByteSize::WIDEST)
        );
    }

    #[test]
    fn the_callers_hard_limit_is_the_most() {
        let nofile: Resource = "nofile".parse().unwrap();
        let value = |number| here(Setting::Literal(RlimitValue::Value(number)));
        let mut raw = RawProfile::default();
        raw.limits.process = vec![RawRlimit {
            resource: here(nofile),
            soft: value(1024),
            hard: value(2048),
        }];
        let mut bench = Bench::host();
        let own = Rlimit {
            soft: RlimitValue::Value(1024),
            hard: RlimitValue::Value(1024),
        };
        bench.facts.as_mut().unwrap().rlimits = vec![(nofile, own)];
        assert_eq!(found(&raw, &bench).1, ["limits.process-above-host"]);
        assert!(found(&raw, &Bench::symbolic()).1.is_empty());
    }
}
