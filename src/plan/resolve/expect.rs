//! `[[expect]]`: what `sandbox test` tries inside.

use crate::diag::{At, Origin, Problem};
use crate::model::{Endpoint, Expectation, Expected, InsidePath, nearest};
use crate::plan::Expect;
use crate::profile::Template;
use crate::profile::raw::{RawExpect, RawExpectation};
use crate::seccomp::{Arch, argument_rules, syscall_name, syscall_number};

use super::paths::invalid;
use super::scope::{Scope, starts_absolute};

/// Numbers of system calls end far below.
const NUMBERS: std::ops::Range<u32> = 0..1024;

/// The expectations in file order, each at its value.
pub(super) fn resolve(raw: &[At<RawExpect>], scope: &mut Scope<'_>) -> Vec<At<Expect>> {
    let resolved = raw.iter().filter_map(|entry| {
        let RawExpect { what, why } = &entry.value;
        let what = expectation(what, scope)?;
        let why = why.as_ref().map(|why| why.value.clone());
        Some(what.map(|what| Expect { what, why }))
    });
    resolved.collect()
}

fn expectation(raw: &RawExpectation, scope: &mut Scope<'_>) -> Option<At<Expectation>> {
    Some(match raw {
        RawExpectation::Path {
            expected,
            using,
            path,
        } => {
            let found = scope.inside_path(path, "path", "expect.path-relative")?;
            refuse_own_process(&found, &path.origin, scope)?;
            let what = Expectation::Path {
                expected: *expected,
                using: *using,
                path: found,
            };
            At::new(what, path.origin.clone())
        }
        RawExpectation::Connect { expected, to } => {
            let expected = *expected;
            let found = endpoint(to, scope)?;
            At::new(
                Expectation::Connect {
                    expected,
                    to: found,
                },
                to.origin.clone(),
            )
        }
        RawExpectation::SystemCall { expected, name } => system_call(*expected, name, scope)?,
        RawExpectation::EnvAbsent(name) => name.clone().map(Expectation::EnvAbsent),
        RawExpectation::MaxMemory(size) => {
            let size = scope.setting(size, "max_memory")?;
            scope
                .refuse_zero(size, "max_memory")?
                .map(Expectation::MaxMemory)
        }
        RawExpectation::MaxPids(count) => {
            scope.setting(count, "max_pids")?.map(Expectation::MaxPids)
        }
        RawExpectation::MaxOpenFiles(count) => scope
            .setting(count, "max_open_files")?
            .map(Expectation::MaxOpenFiles),
    })
}

/// What is there belongs to whoever looks, and the program is not who looks.
fn refuse_own_process(path: &InsidePath, origin: &Origin, scope: &mut Scope<'_>) -> Option<()> {
    let own = ["/proc/self", "/proc/thread-self", "/dev/fd", "/dev/stdin"];
    let own = own.iter().find(|own| {
        let rest = path.as_str().strip_prefix(**own);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    let Some(own) = own else {
        return Some(());
    };
    let message = format!("`{own}` is another thing for each process, so that no test can look");
    let problem = Problem::error("expect.own-process", origin, message);
    scope.report(problem.help("name a path that is the same for all"));
    None
}

fn endpoint(written: &At<Template>, scope: &mut Scope<'_>) -> Option<Endpoint> {
    let text = scope.text(&written.value)?;
    if scope.facts().is_none() && written.value.as_literal().is_none() {
        return Some(match starts_absolute(&written.value) {
            true => Endpoint::Path(InsidePath::symbolic(&text.value)),
            false => Endpoint::Symbolic(text.value),
        });
    }
    match text.value.parse() {
        Ok(endpoint) => Some(endpoint),
        Err(why) => {
            let shown = scope.private.hide(&text.value);
            let problem = invalid("expect.address", &written.origin, "address", &shown, why);
            scope.report(problem);
            None
        }
    }
}

/// Known by the kernel's name on any architecture: a profile means the same on all.
fn system_call(
    expected: Expected,
    name: &At<String>,
    scope: &mut Scope<'_>,
) -> Option<At<Expectation>> {
    if syscall_number(Arch::X86_64, &name.value).is_none() {
        scope.report(unknown_call(name));
        return None;
    }
    let rules = argument_rules().iter();
    let mut rules = rules.filter(|rule| rule.calls.contains(&name.value.as_str()));
    if expected == Expected::Denied && rules.next().is_some() {
        let message = format!(
            "`{}` is judged by its arguments, and the test asks with all of them 0",
            name.value
        );
        let problem = Problem::warning("expect.syscall-arguments", &name.origin, message);
        scope.report(problem.help("do not rely on it: other arguments may have another answer"));
    }
    Some(
        name.clone()
            .map(|name| Expectation::SystemCall { expected, name }),
    )
}

fn unknown_call(name: &At<String>) -> Problem {
    let message = format!("the kernel has no system call `{}`", name.value);
    let problem = name.error("expect.syscall", message);
    let known = NUMBERS.filter_map(|number| syscall_name(Arch::X86_64, number));
    match nearest(&name.value, known) {
        Some(near) => problem.help(format!("write `{near}`")),
        None => problem.help("write the kernel's name of the call, such as `newfstatat`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PathUse;
    use crate::plan::resolve::testing::{Bench, at, codes, here, variable};

    fn found(what: RawExpectation, bench: &Bench) -> (Vec<Expectation>, Vec<String>) {
        let mut scope = bench.scope();
        let raw = [here(RawExpect { what, why: None })];
        let list = resolve(&raw, &mut scope);
        let codes = codes(scope).into_iter().map(|code| code.to_string());
        (
            list.into_iter().map(|at| at.value.what).collect(),
            codes.collect(),
        )
    }

    fn connect(to: At<Template>) -> RawExpectation {
        RawExpectation::Connect {
            expected: Expected::Denied,
            to,
        }
    }

    #[test]
    fn addresses_are_judged_when_their_variables_are_known() {
        let (list, codes) = found(connect(variable("HOME", "/bus")), &Bench::symbolic());
        assert!(codes.is_empty());
        assert!(matches!(
            &list[..],
            [Expectation::Connect {
                to: Endpoint::Path(_),
                ..
            }]
        ));
        let (list, codes) = found(connect(variable("HOME", "/..")), &Bench::host());
        assert!(list.is_empty());
        assert_eq!(codes, ["expect.address"]);
    }

    #[test]
    fn what_belongs_to_who_looks_is_no_test() {
        for (path, expected) in [
            ("/proc/self/exe", 1),
            ("/dev/fd", 1),
            ("/dev/fdx", 0),
            ("/proc/1/environ", 0),
        ] {
            let what = RawExpectation::Path {
                expected: Expected::Denied,
                using: PathUse::Read,
                path: at(path),
            };
            let (list, codes) = found(what, &Bench::host());
            assert_eq!(
                (list.len(), codes.len()),
                (1 - expected, expected),
                "{path}"
            );
        }
    }

    #[test]
    fn calls_are_known_and_doubtful_answers_are_said() {
        let call = |name: &str| RawExpectation::SystemCall {
            expected: Expected::Denied,
            name: here(name.to_owned()),
        };
        assert_eq!(found(call("mout"), &Bench::host()).1, ["expect.syscall"]);
        assert_eq!(found(call("mount"), &Bench::host()).1, [""; 0]);
        let doubtful = found(call("socket"), &Bench::host());
        assert_eq!(doubtful.1, ["expect.syscall-arguments"]);
        assert_eq!(doubtful.0.len(), 1);
    }
}
