//! Makes the groups and writes the limits into them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::sysinfo::sysinfo;

use super::assign::{Assignment, assign};
use super::devices::{self, Allowed};
use super::error::{Cause, CgroupError, Failure};
use super::file;
use super::groups::{Group, Groups};
use super::names::{NEST, Role, free_place, make_group};
use super::nest::{Nest, bases, check_writable};
use super::settings::{Bandwidth, CPU_ACCOUNTING, Need, Setting, controller, settings};
use crate::model::{ByteSize, CgroupFacts, CgroupVersion, Cpus, Hierarchy};
use crate::plan::{Amount, GroupLimits, Lacking};

/// How often the middle group may vanish between its making and its use.
const VANISHED_TRIES: u32 = 100;

/// Makes the groups that `limits` need; see [`Groups::create`].
pub(super) fn create(
    limits: &GroupLimits,
    facts: &CgroupFacts,
    name: &str,
) -> Result<Groups, CgroupError> {
    let mut maker = Maker {
        limits,
        name,
        groups: Groups::default(),
    };
    let Assignment {
        v1,
        unified,
        nowhere,
    } = assign(limits, facts);
    for (index, cause) in nowhere {
        maker.lack(&[index], &Failure::known(cause))?;
    }
    for (hierarchy, indices) in v1 {
        maker.make_v1(hierarchy, &indices)?;
    }
    if let Some(hierarchy) = facts.unified() {
        if !unified.is_empty() {
            maker.make_unified(hierarchy, unified)?;
        } else if !maker.groups.list.is_empty() {
            maker.make_bare(hierarchy);
        }
    }
    maker.guard_devices(facts);
    Ok(maker.groups)
}

/// Where groups may be made; see [`Groups::places`].
pub(super) fn places(limits: &GroupLimits, facts: &CgroupFacts, name: &str) -> Vec<PathBuf> {
    let Assignment { v1, unified, .. } = assign(limits, facts);
    if v1.is_empty() && unified.is_empty() {
        return Vec::new();
    }
    let sandbox = |parent: &Path| free_place(parent, Role::Sandbox, name);
    let mut places: Vec<PathBuf> = v1.iter().filter_map(|(at, _)| sandbox(&at.own)).collect();
    places.extend(facts.v1_with("devices").and_then(|at| sandbox(&at.own)));
    if let Some(unified) = facts.unified() {
        let nests = bases(unified).into_iter().map(|base| base.join(NEST));
        places.extend(nests.filter_map(|nest| sandbox(&nest)));
        places.extend(sandbox(&unified.own));
        places.extend(free_place(&unified.own, Role::Supervisor, name));
    }
    places
}

/// What is made so far; dropping it on an early return undoes all of it.
struct Maker<'a> {
    limits: &'a GroupLimits,
    name: &'a str,
    groups: Groups,
}

impl Maker<'_> {
    fn make_v1(&mut self, hierarchy: &Hierarchy, indices: &[usize]) -> Result<(), CgroupError> {
        let opened = new_v1(hierarchy, self.name).and_then(|group| {
            let path = group.dir.join("tasks");
            match file::open_for_writing(&path) {
                Ok(tasks) => Ok((group, tasks)),
                Err(errno) => Err(Failure::call(CgroupVersion::V1, path, errno)),
            }
        });
        let (group, tasks) = match opened {
            Ok(opened) => opened,
            Err(failure) => return self.lack(indices, &failure),
        };
        if self.apply(hierarchy, &group, indices)? > 0 {
            self.groups.list.push(group);
            self.groups.tasks.push(tasks);
        }
        Ok(())
    }

    fn make_unified(
        &mut self,
        unified: &Hierarchy,
        mut indices: Vec<usize>,
    ) -> Result<(), CgroupError> {
        while !indices.is_empty() {
            let failure = match new_unified(unified, &self.controllers(&indices), self.name) {
                Ok((nest, group)) => {
                    // In this order: what is dropped first is the group inside the nest.
                    self.groups.nest = Some(nest);
                    return self.keep_unified(unified, group, &indices);
                }
                Err(failure) => failure,
            };
            let (without, with): (Vec<usize>, Vec<usize>) = indices
                .iter()
                .partition(|index| self.is_about(**index, &failure.cause));
            self.lack(&without, &failure)?;
            indices = with;
        }
        Ok(())
    }

    fn keep_unified(
        &mut self,
        unified: &Hierarchy,
        group: Group,
        indices: &[usize],
    ) -> Result<(), CgroupError> {
        let directory = match file::open_directory(&group.dir) {
            Ok(directory) => directory,
            Err(errno) => {
                let failure = Failure::call(CgroupVersion::V2, group.dir.clone(), errno);
                return self.lack(indices, &failure);
            }
        };
        if self.apply(unified, &group, indices)? > 0 {
            self.groups.list.push(group);
            self.groups.directory = Some(directory);
        } else {
            drop(group);
            self.groups.nest = None;
        }
        Ok(())
    }

    /// A group in the unified tree of a hybrid host. It limits nothing, so none is no loss.
    fn make_bare(&mut self, unified: &Hierarchy) {
        let Ok(group) = new_bare(unified, self.name) else {
            return;
        };
        if let Ok(directory) = file::open_directory(&group.dir) {
            self.groups.list.push(group);
            self.groups.directory = Some(directory);
        }
    }

    /// Writes limits into a new group: how many of them hold.
    fn apply(
        &mut self,
        hierarchy: &Hierarchy,
        group: &Group,
        indices: &[usize],
    ) -> Result<usize, CgroupError> {
        let mut memory = None;
        let mut held = 0;
        for index in indices {
            let amount = self.limits.list[*index].amount;
            if let Err(failure) = apply_one(hierarchy, &group.dir, amount, memory) {
                self.lack(&[*index], &failure)?;
                continue;
            }
            held += 1;
            if let Amount::Memory(size) = amount {
                memory = Some(size);
            }
        }
        Ok(held)
    }

    /// Nobody asks for this rule, so that none is no error, only less: the reason is noted.
    fn guard_devices(&mut self, facts: &CgroupFacts) {
        if self.groups.list.is_empty() || self.limits.devices.is_empty() {
            return;
        }
        let allowed = devices::resolve(&self.limits.devices);
        let guarded = match facts.v1_with("devices") {
            Some(hierarchy) => self.guard_devices_v1(hierarchy, &allowed),
            None => devices::guard_v2(&self.groups, &allowed).map_err(|errno| {
                let group = self.groups.unified().map(|group| group.dir.clone());
                devices_refused(group, errno)
            }),
        };
        self.groups.devices_unguarded = guarded.err();
    }

    fn guard_devices_v1(
        &mut self,
        hierarchy: &Hierarchy,
        allowed: &BTreeSet<Allowed>,
    ) -> Result<(), Failure> {
        if let Some(group) = self.groups.with("devices") {
            return devices::guard_v1(&group.dir, allowed)
                .map_err(|errno| devices_refused(Some(group.dir.clone()), errno));
        }
        let group = new_v1(hierarchy, self.name)?;
        let refused = |errno| devices_refused(Some(group.dir.clone()), errno);
        devices::guard_v1(&group.dir, allowed).map_err(refused)?;
        let tasks = file::open_for_writing(&group.dir.join("tasks")).map_err(refused)?;
        self.groups.list.push(group);
        self.groups.tasks.push(tasks);
        Ok(())
    }

    /// Notes limits that cannot hold, or stops at the first that must.
    fn lack(&mut self, indices: &[usize], failure: &Failure) -> Result<(), CgroupError> {
        for index in indices {
            let limit = &self.limits.list[*index];
            let error = CgroupError::new(*index, limit, failure.clone());
            match limit.lacking {
                Lacking::Refused => return Err(error),
                Lacking::Reported => self.groups.missing.push(error),
            }
        }
        Ok(())
    }

    fn controllers(&self, indices: &[usize]) -> Vec<&'static str> {
        let mut names: Vec<&str> = indices
            .iter()
            .map(|index| controller(self.limits.list[*index].amount))
            .filter(|controller| *controller != CPU_ACCOUNTING)
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether a failure concerns this limit: one about a controller leaves the others alone.
    fn is_about(&self, index: usize, cause: &Cause) -> bool {
        let own = controller(self.limits.list[index].amount);
        cause.controller().is_none_or(|name| name == own)
    }
}

fn devices_refused(path: Option<PathBuf>, errno: Errno) -> Failure {
    let cause = match errno {
        Errno::EPERM | Errno::EACCES => Cause::DevicesNeedRoot,
        _ => Cause::Refused,
    };
    Failure {
        cause,
        path,
        errno: Some(errno),
    }
}

fn new_v1(hierarchy: &Hierarchy, name: &str) -> Result<Group, Failure> {
    let dir = make_group(CgroupVersion::V1, &hierarchy.own, Role::Sandbox, name)?;
    let group = Group::new(CgroupVersion::V1, dir, hierarchy.controllers.clone());
    if hierarchy.controllers.iter().any(|name| name == "cpuset") {
        inherit_cpuset(&hierarchy.own, &group.dir)?;
    }
    Ok(group)
}

/// Where cpuset shares a hierarchy, a new group has no CPU and no memory node, and takes nobody in.
fn inherit_cpuset(parent: &Path, group: &Path) -> Result<(), Failure> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let failed = |path: &Path, errno| Failure::call(CgroupVersion::V1, path.into(), errno);
        let (from, to) = (parent.join(file), group.join(file));
        let value = file::read(&from).map_err(|error| failed(&from, file::errno(&error)))?;
        file::write(&to, value.trim_end()).map_err(|errno| failed(&to, errno))?;
    }
    Ok(())
}

fn new_unified(
    unified: &Hierarchy,
    controllers: &[&'static str],
    name: &str,
) -> Result<(Nest, Group), Failure> {
    let mut tries = 0;
    loop {
        tries += 1;
        let nest = Nest::prepare(unified, controllers)?;
        match new_domain(&nest.dir, controllers, name) {
            Err(failure) if has_vanished(&failure) && tries < VANISHED_TRIES => {}
            made => {
                let group = made?;
                nest.enable(controllers)?;
                return Ok((nest, group));
            }
        }
    }
}

/// Another sandbox that ended has removed the nest, which looked empty.
fn has_vanished(failure: &Failure) -> bool {
    matches!(failure.errno, Some(Errno::ENOENT | Errno::ENODEV))
}

fn new_bare(unified: &Hierarchy, name: &str) -> Result<Group, Failure> {
    check_writable(&unified.own)?;
    new_domain(&unified.own, &[], name)
}

/// Makes a group of v2 and checks its type: below a threaded group no process can be started.
fn new_domain(parent: &Path, controllers: &[&str], name: &str) -> Result<Group, Failure> {
    let version = CgroupVersion::V2;
    let dir = make_group(version, parent, Role::Sandbox, name)?;
    let controllers = controllers.iter().map(|name| (*name).to_owned()).collect();
    let group = Group::new(version, dir, controllers);
    let path = group.dir.join("cgroup.type");
    match file::read(&path) {
        Ok(kind) if kind.trim_end() == "domain" => Ok(group),
        Ok(_) => Err(Failure::call(version, path, Errno::EOPNOTSUPP)),
        Err(error) => Err(Failure::call(version, path, file::errno(&error))),
    }
}

fn apply_one(
    hierarchy: &Hierarchy,
    dir: &Path,
    amount: Amount,
    memory: Option<ByteSize>,
) -> Result<(), Failure> {
    let version = hierarchy.version;
    let written = settings(version, amount, memory)
        .map_err(Failure::known)
        .and_then(|list| write_all(version, dir, &list));
    match (amount, written) {
        (Amount::Swap(_), Err(failure)) => without_swap(failure),
        (Amount::Cpus(cpus), Err(failure)) if failure.errno == Some(Errno::EINVAL) => {
            within_outer_quota(hierarchy, cpus).ok_or(failure)
        }
        (_, written) => written,
    }
}

fn write_all(version: CgroupVersion, dir: &Path, list: &[Setting]) -> Result<(), Failure> {
    for Setting { file, value, need } in list {
        let path = dir.join(file);
        match (file::write(&path, value), need) {
            (Ok(()), _) | (Err(Errno::ENOENT), Need::Helpful) => {}
            (Err(errno), _) => return Err(Failure::call(version, path, errno)),
        }
    }
    Ok(())
}

/// A limit of swap that cannot be written holds nevertheless on a host that has no swap at all.
///
/// Only the host's root could change that while the sandbox runs. `memory.swappiness` is no way
/// out where there is swap: it binds the group's own reclaim, not the host's.
fn without_swap(failure: Failure) -> Result<(), Failure> {
    let cause = match failure.cause {
        Cause::FileMissing => Cause::SwapNotCounted,
        Cause::SwapNeedsMemory => Cause::SwapNeedsMemory,
        _ => return Err(failure),
    };
    // Of the kernel itself: /proc/swaps is often a container's view.
    match sysinfo() {
        Ok(host) if host.swap_total() == 0 => Ok(()),
        _ => Err(failure.because(cause)),
    }
}

/// v1 refuses a share above what a group further up allows; that lower share then holds here too.
fn within_outer_quota(hierarchy: &Hierarchy, cpus: Cpus) -> Option<()> {
    let number = |group: &Path, file: &str| {
        let text = file::read(&group.join(file)).ok()?;
        text.trim_end().parse::<u64>().ok()
    };
    let visible = |group: &&Path| group.starts_with(&hierarchy.mount);
    let outer = hierarchy
        .own
        .ancestors()
        .take_while(visible)
        .find_map(|group| {
            Some(Bandwidth {
                // `-1`, no limit, is no number here.
                quota: number(group, "cpu.cfs_quota_us")?,
                period: number(group, "cpu.cfs_period_us")?,
            })
        })?;
    outer.is_within(Bandwidth::of(cpus)).then_some(())
}
