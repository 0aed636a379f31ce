//! The supervisors' sockets, where they tell on what terms a sandbox runs: by them one could be imitated.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::super::support::{Caller, Lab, finish, root_only};
use super::{ALL_RIGHTS, NO_FILTER, inside, outside, probe, profile};

/// Neither its own nor that of another sandbox of the same user, by whatever bind, with all rights that there are.
#[test]
fn no_program_inside_asks_a_supervisor() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let other = lab.detach(&profile(&lab, ""), &["/probe", "stay"]);
        let state = lab.state(&other.name);
        let place = state.to_str().unwrap();
        // The control: its own user asks it from outside.
        assert_eq!(outside(&lab, &[&["desk", place]]), ["desk: told"]);
        // Root's lies below /run, which nothing binds: it holds ways out.
        let bind = match caller {
            Caller::Root => String::new(),
            Caller::Unprivileged => {
                format!("[[mount]]\nbind = \"{}\"\ntarget = \"/w\"\n", lab.text(""))
            }
        };
        let other = format!("/w/runtime/sandbox/{}", other.name);
        // The second of the name.
        let own = format!("{other}-2");
        let elsewhere = format!("/proc/1/root{place}");
        let attacks: [&[&str]; 4] = [
            &["desk", &own],
            &["desk", &other],
            &["desk", place],
            &["desk", &elsewhere],
        ];
        for rights in ["", NO_FILTER, ALL_RIGHTS] {
            let profile = profile(&lab, &format!("{rights}{bind}"));
            for answer in inside(&lab, &profile, &attacks) {
                assert!(
                    answer.contains(": refused "),
                    "{caller:?}: {rights}: {answer}"
                );
            }
        }
    }
}

/// Not even one that somebody let into the directory.
#[test]
fn the_desk_answers_no_other_user() {
    if !root_only("the_desk_answers_no_other_user") {
        return;
    }
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let run = lab.detach(&profile(&lab, ""), &["/probe", "stay"]);
        let asked = asked_by_another(&lab.state(&run.name));
        assert_eq!(asked, "desk: silent", "{caller:?}");
    }
}

/// What the supervisor whose files lie at `place` tells a user of another id, who is given the way to it.
pub(in super::super) fn asked_by_another(place: &Path) -> String {
    set_permissions(place, Permissions::from_mode(0o711)).unwrap();
    set_permissions(place.join("desk"), Permissions::from_mode(0o666)).unwrap();
    let script = "exec 9<\"$0\" && exec setpriv --reuid 47113 --regid 47113 --clear-groups \"$@\"";
    let mut shell = Caller::Root.command("bash");
    shell.args(["-c", script]).arg(place);
    let asked = finish(shell.args([probe(), "desk", "/proc/self/fd/9"]));
    set_permissions(place, Permissions::from_mode(0o700)).unwrap();
    asked.out.trim().to_owned()
}
