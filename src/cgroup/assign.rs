//! Which limit goes to which hierarchy. Pure.

use super::error::Cause;
use super::table::{CPU_ACCOUNTING, Row, rank, row};
use crate::model::{CgroupFacts, Hierarchy};
use crate::plan::GroupLimits;

/// Limits by their index, sorted into hierarchies.
#[derive(Debug, Default)]
pub(super) struct Assignment<'a> {
    /// v1 hierarchies that are needed, some for no limit; one group may serve several controllers.
    pub v1: Vec<(&'a Hierarchy, Vec<usize>)>,
    /// Limits for the unified hierarchy.
    pub unified: Vec<usize>,
    /// Limits that no hierarchy takes.
    pub nowhere: Vec<(usize, Cause)>,
}

/// Sorts limits into hierarchies; a controller that a v1 hierarchy has is never on v2.
pub(super) fn assign<'a>(limits: &GroupLimits, facts: &'a CgroupFacts) -> Assignment<'a> {
    let mut assignment = Assignment::default();
    let mut order: Vec<usize> = (0..limits.list.len()).collect();
    order.sort_by_key(|index| rank(&limits.list[*index].amount));
    for index in order {
        match home(row(&limits.list[index].amount), facts) {
            Ok(Home::V1(hierarchy)) => assignment.add_v1(hierarchy, Some(index)),
            Ok(Home::Unified) => assignment.unified.push(index),
            Err(cause) => assignment.nowhere.push((index, cause)),
        }
    }
    for hierarchy in handles(facts, &assignment) {
        assignment.add_v1(hierarchy, None);
    }
    assignment
}

/// Where a limit is enforced.
enum Home<'a> {
    V1(&'a Hierarchy),
    Unified,
}

fn home<'a>(row: &Row, facts: &'a CgroupFacts) -> Result<Home<'a>, Cause> {
    let v1 = row.v1.as_ref().unwrap_or(&row.v2).controller;
    match facts.v1_with(v1) {
        Some(_) if row.v1.is_none() => Err(Cause::NotOnV1),
        Some(hierarchy) => Ok(Home::V1(hierarchy)),
        None if facts.unified().is_some() => Ok(Home::Unified),
        None if facts.hierarchies.is_empty() => Err(Cause::NotMounted),
        None => Err(Cause::ControllerOff(v1)),
    }
}

/// v1 hierarchies by whose groups a sandbox is stopped and counted: `freezer` always, `cpuacct`
/// where no unified hierarchy counts the time.
fn handles<'a>(facts: &'a CgroupFacts, assignment: &Assignment<'_>) -> Vec<&'a Hierarchy> {
    let mut names = vec!["freezer"];
    if facts.unified().is_none() {
        names.push(CPU_ACCOUNTING);
    }
    let found = names.into_iter().filter_map(|name| facts.v1_with(name));
    let is_new = |found: &&Hierarchy| {
        assignment
            .v1
            .iter()
            .all(|(known, _)| known.own != found.own)
    };
    found.filter(is_new).collect()
}

impl<'a> Assignment<'a> {
    fn add_v1(&mut self, hierarchy: &'a Hierarchy, index: Option<usize>) {
        let known = self
            .v1
            .iter_mut()
            .find(|(known, _)| known.own == hierarchy.own);
        match known {
            Some((_, indices)) => indices.extend(index),
            None => self.v1.push((hierarchy, index.into_iter().collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Origin;
    use crate::model::{ByteSize, CgroupVersion, Cpus, Switch};
    use crate::plan::{Amount, GroupLimit, Lacking};

    fn limits(amounts: &[Amount]) -> GroupLimits {
        let limit = |amount: &Amount| GroupLimit {
            amount: amount.clone(),
            origin: Origin::Default,
            lacking: Lacking::Refused,
        };
        GroupLimits {
            list: amounts.iter().map(limit).collect(),
            handle: Switch::Off,
            devices: Vec::new(),
        }
    }

    fn hierarchy(version: CgroupVersion, controllers: &[&str]) -> Hierarchy {
        Hierarchy {
            version,
            controllers: controllers.iter().map(|name| (*name).to_owned()).collect(),
            mount: "/cg".into(),
            own: format!("/cg/{}", controllers.join(",")).into(),
        }
    }

    #[test]
    fn co_mounted_controllers_share_a_group_and_the_rest_goes_to_v2() {
        let facts = CgroupFacts {
            hierarchies: vec![
                hierarchy(CgroupVersion::V1, &["memory", "cpu"]),
                hierarchy(CgroupVersion::V2, &[]),
            ],
        };
        let limits = limits(&[
            Amount::Pids(4),
            Amount::Swap(ByteSize(0)),
            Amount::Cpus(Cpus { thousandths: 500 }),
            Amount::Memory(ByteSize(1 << 20)),
        ]);
        let found = assign(&limits, &facts);
        assert_eq!(found.v1.len(), 1);
        assert_eq!(found.v1[0].1, [3, 1, 2], "memory before swap");
        assert_eq!(found.unified, [0]);
    }

    #[test]
    fn every_sandbox_can_be_stopped_and_counted() {
        let v1 = |name: &str| hierarchy(CgroupVersion::V1, &[name]);
        let mut facts = CgroupFacts {
            hierarchies: vec![v1("memory"), v1("freezer"), v1("cpuacct")],
        };
        let names = |facts: &CgroupFacts| -> Vec<String> {
            let found = assign(&limits(&[]), facts).v1;
            let names = found.iter().map(|(at, _)| at.controllers.join(","));
            names.collect()
        };
        assert_eq!(names(&facts), ["freezer", "cpuacct"]);
        facts.hierarchies.push(hierarchy(CgroupVersion::V2, &[]));
        assert_eq!(names(&facts), ["freezer"]);
    }

    #[test]
    fn a_limit_that_v1_lacks_is_not_sent_to_v2() {
        let facts = CgroupFacts {
            hierarchies: vec![
                hierarchy(CgroupVersion::V1, &["memory"]),
                hierarchy(CgroupVersion::V2, &[]),
            ],
        };
        let limits = limits(&[Amount::MemoryHigh(ByteSize(1 << 20))]);
        assert_eq!(assign(&limits, &facts).nowhere, [(0, Cause::NotOnV1)]);
    }

    #[test]
    fn what_no_hierarchy_takes_says_why() {
        let limits = limits(&[Amount::Pids(4)]);
        let empty = CgroupFacts::default();
        let nothing = assign(&limits, &empty);
        assert_eq!(nothing.nowhere, [(0, Cause::NotMounted)]);
        let facts = CgroupFacts {
            hierarchies: vec![hierarchy(CgroupVersion::V1, &["memory"])],
        };
        let off = assign(&limits, &facts);
        assert_eq!(off.nowhere, [(0, Cause::ControllerOff("pids"))]);
    }
}
