//! What lets the program do neither more nor less, and is a difference all the same.

use std::collections::BTreeMap;

use crate::diag::{At, Origin};
use crate::model::OnDeny;
use crate::plan::{Missing, MountKind, Privacy, Settings, TreeSource};
use crate::review::variables::chooses_code;

use super::env::has_variable;
use super::{Change, Mark, Side, Topic, Where, topics};

/// A value for each key.
type Facts = BTreeMap<String, (String, Origin)>;

pub(super) fn changes(old: Side<'_>, new: Side<'_>) -> Vec<Change> {
    let (before, now) = (facts(old.settings), facts(new.settings));
    let keys: std::collections::BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let changed = keys.into_iter().filter_map(|key| {
        let (message, side, origin) = match (before.get(key), now.get(key)) {
            (Some((was, _)), Some((is, origin))) if was != is => (
                format!("{key} was `{was}`, and is `{is}`"),
                Where::New,
                origin,
            ),
            (None, Some((is, origin))) => (format!("{key} is `{is}`"), Where::New, origin),
            (Some((was, origin)), None) => {
                (format!("{key} is no longer `{was}`"), Where::Old, origin)
            }
            _ => return None,
        };
        // What nobody's line says came of something that is told.
        let known = [before.get(key), now.get(key)].into_iter().flatten();
        if known.clone().all(|(_, origin)| *origin == Origin::Default) {
            return None;
        }
        Some(Change {
            topic: topic(key),
            mark: Mark::Neutral,
            message,
            side,
            origin: origin.clone(),
        })
    });
    changed.collect()
}

/// How the keys of promises begin that have a number.
pub(super) const PROMISE: &str = "max_";

/// How the key of a variable begins.
const VARIABLE: &str = "the variable `";

fn topic(key: &str) -> &'static Topic {
    let name = key.strip_prefix(VARIABLE);
    match name.and_then(|name| name.strip_suffix('`')) {
        Some(name) if chooses_code(name) => topics::CODE_VARIABLE,
        _ => topics::OTHER,
    }
}

fn facts(settings: &Settings) -> Facts {
    let mut facts = Facts::new();
    let mut add = |key: String, value: String, origin: &Origin| {
        facts.insert(key, (value, origin.clone()));
    };
    let Settings {
        name,
        description,
        command,
        namespaces,
        syscalls,
        supervise,
        ..
    } = settings;
    add("the name".to_owned(), name.value.to_string(), &name.origin);
    if let Some(text) = description {
        add(
            "the description".to_owned(),
            text.value.clone(),
            &text.origin,
        );
    }
    let words: Vec<&str> = command
        .args
        .iter()
        .map(|word| word.value.as_str())
        .collect();
    if let Some(first) = command.args.first() {
        add("the command".to_owned(), words.join(" "), &first.origin);
    }
    let directory = &command.workdir;
    add(
        "the directory of the command".to_owned(),
        directory.value.to_string(),
        &directory.origin,
    );
    for at in &command.env {
        let value = &at.value.value;
        if at.value.privacy == Privacy::Shown && !has_variable(value) {
            add(
                format!("{VARIABLE}{}`", at.value.name),
                value.clone(),
                &at.origin,
            );
        }
    }
    let hostname = &namespaces.hostname;
    add(
        "the host name".to_owned(),
        hostname.value.clone(),
        &hostname.origin,
    );
    for at in &namespaces.time {
        let key = format!("the offset of the clock {:?}", at.value.clock);
        add(key, at.value.offset.to_string(), &at.origin);
    }
    if let OnDeny::Errno(_) = syscalls.on_deny.value {
        let on_deny = &syscalls.on_deny;
        add(
            "the answer to a refused call".to_owned(),
            on_deny.value.to_string(),
            &on_deny.origin,
        );
    }
    let signal = &supervise.stop_signal;
    add(
        "the signal that asks to end".to_owned(),
        signal.value.to_string(),
        &signal.origin,
    );
    of_promises(settings, &mut add);
    of_mounts(settings, &mut add);
    of_tree(settings, &mut add);
    facts
}

/// What a promise is for, and by which variable it is: that one says another number is no less of a promise.
fn of_promises(settings: &Settings, add: &mut impl FnMut(String, String, &Origin)) {
    for At { value, origin } in &settings.expect {
        if let Some(why) = &value.why {
            let key = format!("the reason for `{} = {}`", value.what.key(), value.what);
            add(key, why.clone(), origin);
        }
    }
    for At { value, origin } in &settings.by_variable {
        if value.key.starts_with(PROMISE) {
            let key = format!("the number of `{}`", value.key);
            add(key, value.text.clone(), origin);
        }
    }
}

fn of_mounts(settings: &Settings, add: &mut impl FnMut(String, String, &Origin)) {
    for at in &settings.mounts {
        let target = &at.value.target;
        let missing = match &at.value.kind {
            MountKind::Tmpfs { mode, .. } => {
                add(
                    format!("the mode of `{target}`"),
                    mode.to_string(),
                    &at.origin,
                );
                continue;
            }
            MountKind::Socket {
                missing, dangerous, ..
            } => {
                if let Some(why) = dangerous {
                    add(
                        format!("the reason for the socket at `{target}`"),
                        why.clone(),
                        &at.origin,
                    );
                }
                missing
            }
            MountKind::Bind { missing, .. } => missing,
            MountKind::Part { .. } | MountKind::Volume { .. } => continue,
        };
        if *missing == Missing::Skipped {
            add(
                format!("the mount at `{target}`"),
                "optional".to_owned(),
                &at.origin,
            );
        }
        for option in &at.value.options {
            if option.word() == "noatime" {
                add(
                    format!("the option of `{target}`"),
                    option.to_string(),
                    &at.origin,
                );
            }
        }
    }
    for device in &settings.system.devices {
        if device.value.missing == Missing::Skipped {
            let path = &device.value.path;
            add(
                format!("the device `{path}`"),
                "optional".to_owned(),
                &device.origin,
            );
        }
    }
}

fn of_tree(settings: &Settings, add: &mut impl FnMut(String, String, &Origin)) {
    for at in &settings.tree.sources {
        let origin = &at.origin;
        match &at.value {
            TreeSource::File {
                path, text, mode, ..
            } if !has_variable(text) => {
                add(
                    format!("the file `{path}`"),
                    format!("{mode} {text:?}"),
                    origin,
                );
            }
            TreeSource::Dir { path, mode } => {
                add(format!("the directory `{path}`"), mode.to_string(), origin);
            }
            TreeSource::Copy {
                from,
                missing: Missing::Skipped,
                ..
            } => {
                add(
                    format!("the copy of `{}`", from.display()),
                    "optional".to_owned(),
                    origin,
                );
            }
            _ => {}
        }
    }
}
