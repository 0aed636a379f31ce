//! Why a path inside can be read, written or executed.

use crate::diag::Origin;
use crate::model::host_sockets::below;
use crate::model::{InsidePath, MountOption, PathUse};
use crate::plan::Settings;
use crate::review::view::{Content, Seen, When, Writing, view};

use super::{Answer, AskedPath, Reason, Verdict, kernel, links, rules, tree};

pub(super) fn answer(settings: &Settings, asked: &AskedPath, using: PathUse) -> Answer {
    let (path, mut first) = from_directory(settings, asked);
    let (path, led) = links::followed(settings, &path);
    first.extend(led);
    let Some(path) = path else {
        let message = "its links lead in a circle";
        return Answer::new(Verdict::Denied, rules::LINK, message, &Origin::Default).behind(first);
    };
    at(settings, &path, using).behind(first)
}

/// A relative path is of the directory that the program starts in.
fn from_directory(settings: &Settings, asked: &AskedPath) -> (InsidePath, Vec<Reason>) {
    let workdir = &settings.command.workdir;
    match asked {
        AskedPath::Absolute(path) => (path.clone(), Vec::new()),
        AskedPath::Relative(text) => {
            let path = workdir.value.join(text);
            let path = path.unwrap_or_else(|_| workdir.value.clone());
            let reason = Reason {
                rule: rules::DIRECTORY,
                message: format!("the program starts in `{}`: it is `{path}`", workdir.value),
                origin: workdir.origin.clone(),
            };
            (path, vec![reason])
        }
    }
}

/// The answer for a path without links.
fn at(settings: &Settings, path: &InsidePath, using: PathUse) -> Answer {
    let text = path.as_str();
    for (top, answer) in [
        (
            "/proc",
            kernel::of_proc as fn(&Settings, &str, PathUse) -> Answer,
        ),
        ("/sys", kernel::of_sys),
        ("/dev", kernel::of_dev),
    ] {
        if below(text, top).is_some() {
            return answer(settings, text, using);
        }
    }
    let seen = view(settings, path);
    let mut answers = seen.iter().map(|seen| of_seen(settings, path, using, seen));
    let Some(mut answer) = answers.next() else {
        return tree::answer(settings, path, using);
    };
    for (other, pair) in answers.zip(seen.windows(2)) {
        let [above, seen] = pair else { continue };
        let words = match seen.when {
            When::Always => "where the host lacks that, something else shows",
            When::Unguarded => "where that is missing at the start, nothing lies over it",
        };
        let origin = above.origin;
        if other.verdict != answer.verdict {
            answer.verdict = Verdict::Depends;
        }
        answer = answer.and(rules::OPTIONAL, words, origin);
        answer.reasons.extend(other.reasons);
    }
    answer
}

fn of_seen(settings: &Settings, path: &InsidePath, using: PathUse, seen: &Seen<'_>) -> Answer {
    let (origin, top) = (seen.origin, &seen.top);
    let refused = |rule, message: String| Answer::new(Verdict::Denied, rule, message, origin);
    if using == PathUse::Execute && seen.options.contains(&MountOption::NoExec) {
        let message = format!("what is mounted at `{top}` has the option `noexec`");
        return refused(rules::NO_EXEC, message);
    }
    // In what is empty at first, a program is there when another one has made it.
    let made = match using {
        PathUse::Execute => ", if a program is made there",
        PathUse::Read | PathUse::Write => "",
    };
    match (&seen.content, seen.writing) {
        (Content::Tree, _) => tree::answer(settings, path, using),
        (Content::Hidden, _) => {
            refused(rules::HIDDEN, format!("something empty lies over `{top}`"))
        }
        (Content::Host { path, .. }, Writing::Denied) if using == PathUse::Write => {
            let message =
                format!("it is the host's `{path}`, and read-only by what lies at `{top}`");
            refused(rules::READ_ONLY, message)
        }
        (Content::Host { path, .. }, writing) => {
            let message = format!(
                "it is the host's `{path}`, mounted at `{top}`: if that is there and its permissions let the program"
            );
            let answer = Answer::new(Verdict::Depends, rules::BIND, message, origin);
            match (using, writing) {
                (PathUse::Write, Writing::Kept) => {
                    let message =
                        "what is written is kept beside the host's files, which stay as they are";
                    answer.and(rules::BIND, message, origin)
                }
                _ => answer,
            }
        }
        (Content::Socket { .. }, _) if path != top => refused(
            rules::SOCKET,
            format!("`{top}` is a socket: nothing lies below it"),
        ),
        (Content::Socket { .. }, _) if using == PathUse::Execute => refused(
            rules::SOCKET,
            format!("`{top}` is a socket, and no program"),
        ),
        (Content::Socket { path, .. }, _) => {
            let message = format!("it is the host's socket `{path}`, if somebody listens there");
            Answer::new(Verdict::Depends, rules::SOCKET, message, origin)
        }
        (Content::Kept(name), _) => {
            let message = format!("it lies in what is kept as `{name}`, mounted at `{top}`{made}");
            Answer::new(Verdict::Allowed, rules::VOLUME, message, origin)
        }
        (Content::Memory, _) => {
            let message = format!("it lies in memory, mounted at `{top}`{made}");
            Answer::new(Verdict::Allowed, rules::MEMORY, message, origin)
        }
    }
}
