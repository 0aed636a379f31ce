//! Limits: more is wider, and none is the most.

use crate::diag::{At, Origin};
use crate::model::{ByteSize, NumberList, Period, Resource, RlimitValue, Writes};
use crate::plan::{Amount, ByVariable, GroupLimits, IoLimit, Settings};

use super::neutral::PROMISE;
use super::power::{Power, Reach};
use super::{Side, topics};

/// What a control group gives where nobody sets a weight (cgroups(7)).
const USUAL_WEIGHT: u64 = 100;

/// What is said of a soft limit, behind the key of both.
const SOFT: &str = ", the soft limit";

/// Without the soft limits that go as far as the hard ones: one sentence tells of both.
pub(super) fn told_once(gains: Vec<Power>) -> Vec<Power> {
    let soft: Vec<bool> = gains
        .iter()
        .map(|gain| {
            let hard = gain.with.replace(SOFT, "");
            let mut others = gains.iter();
            hard != gain.with
                && others.any(|other| other.with == hard && other.origin == gain.origin)
        })
        .collect();
    let all = gains.into_iter().zip(soft);
    all.filter(|(_, soft)| !soft)
        .map(|(gain, _)| gain)
        .collect()
}

/// What `side` may take; `other` names what it has no limit on.
pub(super) fn powers(side: Side<'_>, other: Side<'_>, powers: &mut Vec<Power>) {
    let Settings {
        group_limits,
        process_limits,
        wall_time,
        output,
        system,
        writes,
        writes_size,
        ..
    } = side.settings;
    of_groups(group_limits, powers);
    of_named(group_limits, &other.settings.group_limits, powers);
    for limit in process_limits {
        let key = format!("limits.process.{}", limit.resource.key);
        let hard = limit.limit.value.hard;
        let soft = limit.limit.value.soft;
        powers.push(upto(
            &key,
            rlimit(hard),
            &hard.to_string(),
            &limit.limit.origin,
        ));
        let key = format!("{key}{SOFT}");
        powers.push(upto(
            &key,
            rlimit(soft),
            &soft.to_string(),
            &limit.limit.origin,
        ));
    }
    for resource in Resource::ALL {
        let mut set = process_limits.iter();
        if !set.any(|limit| limit.resource == *resource) {
            let key = format!("limits.process.{}", resource.key);
            powers.push(none(&key));
            powers.push(none(&format!("{key}{SOFT}")));
        }
    }
    powers.push(match wall_time {
        Some(time) => period("limits.wall_time", time.value, &time.origin),
        None => none("limits.wall_time"),
    });
    powers.push(match output {
        Some(most) => size("limits.output", most.value, &most.origin),
        None => none("limits.output"),
    });
    powers.push(size("system.shm", system.shm.value, &system.shm.origin));
    match writes.value {
        Writes::Deny => {}
        Writes::Discard => powers.push(size(
            "rootfs.writes_size",
            writes_size.value,
            &writes_size.origin,
        )),
        Writes::Keep => powers.push(none("rootfs.writes_size")),
    }
    by_variables(side, powers);
}

fn of_groups(limits: &GroupLimits, powers: &mut Vec<Power>) {
    let GroupLimits {
        list,
        // They come of the limits and the devices.
        handle: _,
        devices: _,
    } = limits;
    for limit in list {
        of_amount(&limit.amount, &limit.origin, powers);
    }
    for key in Amount::KEYS {
        if list.iter().any(|limit| limit.amount.key() == key) {
            continue;
        }
        powers.push(match key {
            "limits.cpuset" | "limits.memory_nodes" => {
                numbers(key, &NumberList::ALL, &Origin::Default)
            }
            "limits.cpu_weight" | "limits.io_weight" => {
                let weight = USUAL_WEIGHT;
                upto(key, weight.into(), &weight.to_string(), &Origin::Default)
            }
            // Each disk and each size of a page has a limit of its own.
            "limits.io" | "limits.hugetlb" => continue,
            key => none(key),
        });
    }
}

fn of_amount(amount: &Amount, origin: &Origin, powers: &mut Vec<Power>) {
    let key = amount.key();
    powers.push(match amount {
        Amount::Memory(most) | Amount::MemoryHigh(most) | Amount::Swap(most) => {
            size(key, *most, origin)
        }
        Amount::Cpus(cpus) => upto(key, cpus.thousandths.into(), &cpus.to_string(), origin),
        Amount::CpuWeight(weight) | Amount::IoWeight(weight) => {
            upto(key, weight.number().into(), &weight.to_string(), origin)
        }
        Amount::Cpuset(list) | Amount::MemoryNodes(list) => numbers(key, list, origin),
        Amount::Pids(most) => count(key, *most, origin),
        Amount::CpuTime(time) => period(key, *time, origin),
        Amount::Io(limit) => return of_disk(limit, origin, powers),
        Amount::Hugetlb { page, most } => size(&format!("{key}.{page}"), *most, origin),
    });
}

fn of_disk(limit: &IoLimit, origin: &Origin, powers: &mut Vec<Power>) {
    let IoLimit {
        device,
        disk: _,
        rates,
    } = limit;
    for (rate, most) in rates {
        powers.push(count(&rate.of_disk(device), *most, origin));
    }
}

/// Disks and sizes of pages that the other side has a limit on, and this one has none.
fn of_named(limits: &GroupLimits, others: &GroupLimits, powers: &mut Vec<Power>) {
    let named = |limits: &GroupLimits| {
        let mut powers = Vec::new();
        for limit in &limits.list {
            if matches!(limit.amount, Amount::Io(_) | Amount::Hugetlb { .. }) {
                of_amount(&limit.amount, &limit.origin, &mut powers);
            }
        }
        let keys = powers
            .into_iter()
            .filter_map(|power: Power| match power.reach {
                Reach::UpTo(key, _) => Some(key),
                _ => None,
            });
        keys.collect::<Vec<String>>()
    };
    let own = named(limits);
    let open = named(others).into_iter().filter(|key| !own.contains(key));
    powers.extend(open.map(|key| none(&key)));
}

fn size(key: &str, size: ByteSize, origin: &Origin) -> Power {
    upto(key, size.0.into(), &size.to_string(), origin)
}

fn count(key: &str, most: u64, origin: &Origin) -> Power {
    upto(key, most.into(), &most.to_string(), origin)
}

fn period(key: &str, time: Period, origin: &Origin) -> Power {
    upto(key, time.0.as_nanos(), &time.to_string(), origin)
}

fn rlimit(value: RlimitValue) -> u128 {
    match value {
        RlimitValue::Value(value) => value.into(),
        RlimitValue::Unlimited => u128::MAX,
    }
}

fn upto(key: &str, most: u128, shown: &str, origin: &Origin) -> Power {
    let reach = Reach::UpTo(key.to_owned(), most);
    let text = format!("{} goes up to {shown}", quoted(key));
    Power::new(topics::LIMIT, reach, text, origin)
}

/// What variables of the caller's say takes the place of the numbers that stand for it in a symbolic plan.
fn by_variables(side: Side<'_>, powers: &mut Vec<Power>) {
    let all = &side.settings.by_variable;
    // A promise is no power.
    let all = all.iter().filter(|by| !by.value.key.starts_with(PROMISE));
    for At { value, origin } in all {
        let ByVariable {
            key,
            text,
            stand_in: _,
        } = value;
        let told = Power::new(
            topics::LIMIT,
            Reach::ByVariable(key.clone(), text.clone()),
            format!("{} is as much as `{text}` says", quoted(key)),
            origin,
        );
        powers.retain(|power| !matches!(&power.reach, Reach::UpTo(of, _) | Reach::Numbers(of, _) if of == key));
        powers.push(told);
    }
}

/// A key in backticks, where it has none of its own.
fn quoted(key: &str) -> String {
    match key.contains('`') {
        true => key.to_owned(),
        false => format!("`{key}`"),
    }
}

fn none(key: &str) -> Power {
    let reach = Reach::UpTo(key.to_owned(), u128::MAX);
    let text = format!("{} has no limit", quoted(key));
    Power::new(topics::LIMIT, reach, text, &Origin::Default)
}

fn numbers(key: &str, list: &NumberList, origin: &Origin) -> Power {
    let reach = Reach::Numbers(key.to_owned(), list.clone());
    let text = match *list == NumberList::ALL {
        true => format!("`{key}` has no limit"),
        false => format!("`{key}` has {list}"),
    };
    Power::new(topics::LIMIT, reach, text, origin)
}
