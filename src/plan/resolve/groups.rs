//! `command.groups`: supplementary groups of the host that stay.

use crate::diag::{At, Problem};
use crate::model::{Facts, GroupSpec, HostAccount, nearest};
use crate::plan::HostGroup;

use super::scope::Scope;

/// What members of these groups may do on an ordinary host: mostly as much as root.
const POWERFUL: &[(&[&str], &str)] = &[
    (
        &[
            "docker",
            "podman",
            "lxd",
            "incus",
            "incus-admin",
            "containerd",
        ],
        "starts containers as root",
    ),
    (&["libvirt", "libvirtd"], "starts machines as root"),
    (&["disk"], "reads and writes every disk"),
    (
        &["wheel", "sudo", "admin"],
        "becomes root by `sudo` or polkit",
    ),
    (&["shadow"], "reads the hashes of passwords"),
    (&["kmem"], "reads the kernel's memory"),
    (&["adm", "systemd-journal"], "reads the host's logs"),
    (&["input"], "reads every key that is typed"),
    (&["tty"], "writes to every terminal"),
];

/// The groups, sorted, each once.
pub(super) fn resolve(asked: &[At<GroupSpec>], scope: &mut Scope<'_>) -> Vec<At<HostGroup>> {
    let mut groups: Vec<At<HostGroup>> = Vec::new();
    for group in asked {
        let Some(found) = found(group, scope) else {
            continue;
        };
        if scope.sound(refused(group, found.id, scope)).is_none() {
            continue;
        }
        if groups.iter().any(|known| known.value == found) {
            continue;
        }
        if let Some(problem) = powerful(group, &found) {
            scope.report(problem);
        }
        groups.push(At::new(found, group.origin.clone()));
    }
    groups.sort_by(|one, other| one.value.cmp(&other.value));
    groups
}

fn found(group: &At<GroupSpec>, scope: &mut Scope<'_>) -> Option<HostGroup> {
    scope.wanted.accounts = true.into();
    let facts = scope.facts();
    let known = facts.map(|facts| facts.accounts.groups.as_slice());
    let name = match (&group.value, known) {
        (GroupSpec::Id(id), known) => {
            let mut known = known.unwrap_or_default().iter();
            let named = known.find(|(_, known)| known == id);
            return Some(HostGroup {
                id: *id,
                name: named.map(|(name, _)| name.clone()),
            });
        }
        (GroupSpec::Name(name), _) => name,
    };
    let host_group = |id| HostGroup {
        id,
        name: Some(name.clone()),
    };
    let Some(known) = known else {
        return Some(host_group(HostGroup::UNKNOWN));
    };
    if let Some((_, id)) = known.iter().find(|(known, _)| known == name) {
        return Some(host_group(*id));
    }
    let message = format!("group `{name}` is not in the host's `/etc/group`");
    let problem = group.error("command.group-unknown", message);
    let near = nearest(name, known.iter().map(|(name, _)| name.as_str()));
    scope.report(match near {
        Some(near) => problem.help(format!("write `{near}`, or the group's number")),
        None => problem.help("write the group's number, or leave it out"),
    });
    None
}

fn powerful(group: &At<GroupSpec>, found: &HostGroup) -> Option<Problem> {
    let name = found.name.as_deref()?;
    let mut known = POWERFUL.iter();
    let (_, gives) = known.find(|(names, _)| names.contains(&name))?;
    let message = format!("group {found} of the host is no ordinary one: who is in it {gives}");
    let problem = Problem::warning("command.group-powerful", &group.origin, message);
    Some(problem.help("leave it out, or bind the one file or socket that the program needs"))
}

/// Nobody gives away what is not the caller's, and root's own group would open the files that are
/// closed to all others.
fn refused(group: &At<GroupSpec>, id: u32, scope: &Scope<'_>) -> Option<Problem> {
    let Facts { caller, .. } = scope.facts()?;
    let name = &group.value;
    if caller.is_root() {
        return (id == 0).then(|| {
            let message = format!("group `{name}` is root's, whose files are closed to others");
            let problem = group.error("command.group-root", message);
            problem.help("leave it out, or name another group")
        });
    }
    (!has(caller, id)).then(|| {
        let message = format!("the caller is not in group `{name}`");
        let problem = group.error("command.group-foreign", message);
        problem.help("leave it out, or have root add the caller to the group")
    })
}

fn has(caller: &HostAccount, id: u32) -> bool {
    caller.gid == id || caller.groups.contains(&id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::resolve::testing::{Bench, codes, here};

    fn found(bench: &Bench, asked: &[&str]) -> (Vec<u32>, Vec<&'static str>) {
        let asked: Vec<_> = asked
            .iter()
            .map(|text| here(text.parse().unwrap()))
            .collect();
        let mut scope = bench.scope();
        let ids = resolve(&asked, &mut scope);
        (ids.iter().map(|id| id.value.id).collect(), codes(scope))
    }

    fn with_groups(mut bench: Bench) -> Bench {
        let facts = bench.facts.as_mut().unwrap();
        facts.accounts.groups = vec![("audio".to_owned(), 29), ("root".to_owned(), 0)];
        facts.caller.groups = vec![29];
        bench
    }

    #[test]
    fn a_caller_keeps_own_groups_alone() {
        let bench = with_groups(Bench::host());
        assert_eq!(
            found(&bench, &["audio", "29", "100"]),
            (vec![29, 100], vec![])
        );
        let codes = found(&bench, &["audi", "7", "root"]).1;
        let expected = [
            "command.group-foreign",
            "command.group-foreign",
            "command.group-unknown",
        ];
        assert_eq!(codes, expected);
    }

    #[test]
    fn root_gives_any_group_but_its_own() {
        let bench = with_groups(Bench::root());
        assert_eq!(found(&bench, &["7", "audio"]), (vec![7, 29], vec![]));
        assert_eq!(found(&bench, &["0"]).1, ["command.group-root"]);
        assert_eq!(found(&Bench::symbolic(), &["audio", "x"]).0.len(), 2);
    }

    #[test]
    fn a_group_that_is_as_good_as_root_is_named() {
        let mut bench = Bench::root();
        let facts = bench.facts.as_mut().unwrap();
        facts.accounts.groups = vec![("docker".to_owned(), 998)];
        let warned = vec!["command.group-powerful"];
        assert_eq!(found(&bench, &["docker"]), (vec![998], warned.clone()));
        assert_eq!(found(&bench, &["998"]), (vec![998], warned.clone()));
        // By its name the text alone shows it.
        assert_eq!(found(&Bench::symbolic(), &["docker"]).1, warned);
        assert_eq!(found(&bench, &["999"]), (vec![999], vec![]));
    }

    #[test]
    fn a_group_prints_as_what_is_known_of_it() {
        let group = |id, name: Option<&str>| HostGroup {
            id,
            name: name.map(str::to_owned),
        };
        assert_eq!(group(29, Some("audio")).to_string(), "29 (audio)");
        assert_eq!(group(29, None).to_string(), "29");
        assert_eq!(
            group(HostGroup::UNKNOWN, Some("audio")).to_string(),
            "audio"
        );
    }
}
