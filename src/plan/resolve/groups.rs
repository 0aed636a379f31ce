//! `command.groups`: supplementary groups of the host that stay.

use crate::diag::{At, Problem};
use crate::model::{Facts, GroupSpec, HostAccount, nearest};

use super::scope::Scope;

/// A symbolic plan's stand-in for a group that only the host knows by number.
const SOME_GROUP: u32 = 65534;

/// Their ids, sorted, each once.
pub(super) fn resolve(asked: &[At<GroupSpec>], scope: &mut Scope<'_>) -> Vec<At<u32>> {
    let mut groups: Vec<At<u32>> = Vec::new();
    for group in asked {
        let Some(id) = id(group, scope) else {
            continue;
        };
        if scope.sound(refused(group, id, scope)).is_none() {
            continue;
        }
        if groups.iter().all(|known| known.value != id) || scope.facts().is_none() {
            groups.push(At::new(id, group.origin.clone()));
        }
    }
    groups.sort_by_key(|group| group.value);
    groups
}

fn id(group: &At<GroupSpec>, scope: &mut Scope<'_>) -> Option<u32> {
    let name = match &group.value {
        GroupSpec::Id(id) => return Some(*id),
        GroupSpec::Name(name) => name,
    };
    scope.wanted.accounts = true.into();
    let Some(facts) = scope.facts() else {
        return Some(SOME_GROUP);
    };
    let known = &facts.accounts.groups;
    if let Some((_, id)) = known.iter().find(|(known, _)| known == name) {
        return Some(*id);
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
        (ids.iter().map(|id| id.value).collect(), codes(scope))
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
}
