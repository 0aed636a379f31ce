//! Which limit goes to which hierarchy. Pure.

use super::error::Cause;
use super::settings::{controller, rank};
use crate::model::{CgroupFacts, Hierarchy};
use crate::plan::GroupLimits;

/// Limits by their index, sorted into hierarchies.
#[derive(Debug, Default)]
pub(super) struct Assignment<'a> {
    /// v1 hierarchies that are needed; one group may serve several controllers.
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
    order.sort_by_key(|index| rank(limits.list[*index].amount));
    for index in order {
        let controller = controller(limits.list[index].amount);
        match facts.v1_with(controller) {
            Some(hierarchy) => assignment.add_v1(hierarchy, index),
            None if facts.unified().is_some() => assignment.unified.push(index),
            None if facts.hierarchies.is_empty() => {
                assignment.nowhere.push((index, Cause::NotMounted));
            }
            None => assignment
                .nowhere
                .push((index, Cause::ControllerOff(controller))),
        }
    }
    assignment
}

impl<'a> Assignment<'a> {
    fn add_v1(&mut self, hierarchy: &'a Hierarchy, index: usize) {
        let known = self
            .v1
            .iter_mut()
            .find(|(known, _)| known.own == hierarchy.own);
        match known {
            Some((_, indices)) => indices.push(index),
            None => self.v1.push((hierarchy, vec![index])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Origin;
    use crate::model::{ByteSize, CgroupVersion, Cpus};
    use crate::plan::{Amount, GroupLimit, Lacking};

    fn limits(amounts: &[Amount]) -> GroupLimits {
        let limit = |amount: &Amount| GroupLimit {
            amount: *amount,
            origin: Origin::Default,
            lacking: Lacking::Refused,
        };
        GroupLimits {
            list: amounts.iter().map(limit).collect(),
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
