//! Paths of the host and paths inside, out of templates.

use crate::diag::{At, Origin, Problem};
use crate::model::{InsidePath, Invalid};
use crate::plan::Privacy;
use crate::profile::Template;

use super::scope::{Scope, starts_absolute};

/// The trees of the kernel, where nothing of a profile may be put.
pub(super) const KERNEL_TREES: [&str; 3] = ["/proc", "/sys", "/dev"];

impl Scope<'_> {
    /// An absolute host path, without `.` and `..`.
    ///
    /// A relative one starts in the directory of the file that states it. `..` goes by the text, as
    /// it reads, and not by where a link leads. In a symbolic plan that directory is
    /// `${PROFILE_DIR}`, and of a base what is told relative to it.
    pub fn host_path(&mut self, written: &At<Template>) -> Option<String> {
        let text = self.text(&written.value)?;
        let shown = self.private.hide(&text.value);
        self.sound(misspelt_host_path(&text.value, &shown, &written.origin))?;
        let path = self.absolute(&text.value, written)?;
        if text.privacy == Privacy::Private {
            // Without its dots, the value is another text than the one that is known to be private.
            self.private.insert(&path, written.value.to_string());
        }
        Some(path)
    }

    fn absolute(&mut self, text: &str, written: &At<Template>) -> Option<String> {
        let absolute = match self.facts() {
            None => starts_absolute(&written.value),
            Some(_) => text.starts_with('/'),
        };
        if absolute {
            return Some(without_dots(text));
        }
        let base = match self.facts() {
            None => self.profile_dir_name(&written.origin).to_owned(),
            Some(_) => self.profile_dir(&written.origin).or_else(|| {
                let message = format!("path `{text}` is relative, and no file states it");
                self.report(
                    Problem::error("path.relative", &written.origin, message)
                        .help("write the absolute path"),
                );
                None
            })?,
        };
        Some(without_dots(&format!("{base}/{text}")))
    }

    /// A path inside; `key` is what messages call it.
    pub fn inside_path(
        &mut self,
        written: &At<Template>,
        key: &str,
        code: &'static str,
    ) -> Option<InsidePath> {
        let text = self.text(&written.value)?;
        match self.parse_inside(&text.value, &written.value) {
            Ok(path) => {
                if text.privacy == Privacy::Private {
                    self.private
                        .insert(path.as_str(), written.value.to_string());
                }
                Some(path)
            }
            Err(why) => {
                let shown = self.private.hide(&text.value);
                self.report(invalid(code, &written.origin, key, &shown, why));
                None
            }
        }
    }

    fn parse_inside(&self, text: &str, template: &Template) -> Result<InsidePath, Invalid> {
        let symbolic = self.facts().is_none() && !text.starts_with('/');
        if symbolic && starts_absolute(template) {
            // The rules hold for what is written behind the variable.
            format!("/{text}").parse::<InsidePath>()?;
            return Ok(InsidePath::symbolic(text));
        }
        text.parse()
    }

    /// The path inside that a host path has when nothing else is said: the same one.
    pub fn same_inside(&mut self, host: &str, origin: &Origin) -> Option<InsidePath> {
        if host.starts_with("${") && self.facts().is_none() {
            return Some(InsidePath::symbolic(host));
        }
        let parsed = host
            .parse()
            .map_err(|why| invalid("path.invalid", origin, "path", host, why));
        parsed.map_err(|problem| self.report(problem)).ok()
    }
}

/// The error of a text that is no value of its type.
pub(super) fn invalid(
    code: &'static str,
    origin: &Origin,
    key: &str,
    text: &str,
    why: Invalid,
) -> Problem {
    let Invalid { reason, help } = why;
    let subject = if text.is_empty() {
        key.to_owned()
    } else {
        format!("{key} `{}`", text.escape_debug())
    };
    let problem = Problem::error(code, origin, format!("{subject} {reason}"));
    match help {
        Some(help) => problem.help(help),
        None => problem,
    }
}

/// The kernel's tree that `path` is or lies in.
pub(super) fn kernel_tree(path: &str) -> Option<&'static str> {
    let within = |tree: &&&str| {
        path.strip_prefix(**tree)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    KERNEL_TREES.iter().find(within).copied()
}

fn misspelt_host_path(text: &str, shown: &str, origin: &Origin) -> Option<Problem> {
    let problem = |code, message: String| Some(Problem::error(code, origin, message));
    if text.is_empty() {
        return problem("path.empty", "path is empty".to_owned())
            .map(|problem| problem.help("write `.` for the directory of the profile"));
    }
    if text.contains(|c: char| c.is_control()) {
        let shown = shown.escape_debug();
        return problem(
            "path.control-character",
            format!("path `{shown}` holds a control character"),
        );
    }
    let rest = text.strip_prefix('~')?;
    let named = rest.split('/').next().unwrap_or_default();
    if !named.is_empty() {
        return problem(
            "path.tilde",
            format!("path `{shown}` starts with `~{named}`, which is not expanded"),
        )
        .map(|problem| {
            problem.help(format!(
                "write that user's home, or `./{text}` for a file of this name"
            ))
        });
    }
    problem(
        "path.tilde",
        format!("path `{text}` starts with `~`, which is not expanded"),
    )
    .map(|problem| problem.help(format!("write `${{HOME}}{rest}`")))
}

/// The path without `.`, `..` and doubled slashes, by its text alone.
///
/// `..` at the root stays there, as in the kernel; `..` behind a leading variable stays as it is.
pub(super) fn without_dots(path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match (name, names.last()) {
            ("" | ".", _) => {}
            ("..", None) if path.starts_with('/') => {}
            ("..", Some(last)) if *last != ".." && !last.starts_with("${") => {
                names.pop();
            }
            _ => names.push(name),
        }
    }
    let lead = if path.starts_with('/') { "/" } else { "" };
    format!("{lead}{}", names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::resolve::testing::{Bench, at, variable};

    #[test]
    fn dots_go_by_the_text() {
        assert_eq!(without_dots("/a/./b//../c/"), "/a/c");
        assert_eq!(without_dots("/../.."), "/");
        assert_eq!(without_dots("${HOME}/../x/../y"), "${HOME}/../y");
    }

    #[test]
    fn a_relative_host_path_starts_where_the_file_is() {
        let bench = Bench::host();
        let path = |text: &str| bench.scope().host_path(&at(text));
        assert_eq!(path(".").as_deref(), Some("/work/profiles"));
        assert_eq!(path("../data").as_deref(), Some("/work/data"));
        let bench = Bench::symbolic();
        let path = |text: &str| bench.scope().host_path(&at(text));
        assert_eq!(path("../data").as_deref(), Some("${PROFILE_DIR}/../data"));
    }

    #[test]
    fn a_tilde_is_an_error_that_names_the_variable() {
        let bench = Bench::symbolic();
        let mut scope = bench.scope();
        assert_eq!(scope.host_path(&at("~/src")), None);
        assert_eq!(scope.host_path(&at("~bob/src")), None);
        assert_eq!(scope.host_path(&at("")), None);
        assert_eq!(scope.host_path(&at("/a\nb")), None);
        let problems = scope.problems.sorted();
        let codes: Vec<_> = problems.iter().map(|problem| problem.code).collect();
        assert_eq!(
            codes,
            [
                "path.tilde",
                "path.tilde",
                "path.empty",
                "path.control-character"
            ]
        );
        assert_eq!(problems[0].help.as_deref(), Some("write `${HOME}/src`"));
    }

    #[test]
    fn a_path_inside_may_start_with_a_path_variable_only() {
        let bench = Bench::symbolic();
        let mut scope = bench.scope();
        let mut inside = |template: &At<Template>| scope.inside_path(template, "target", "x");
        let home = variable("HOME", "/src");
        assert_eq!(
            inside(&home).map(|path| path.to_string()).as_deref(),
            Some("${HOME}/src")
        );
        assert_eq!(inside(&variable("USER", "/src")), None);
        assert_eq!(inside(&variable("HOME", "/../x")), None);
        assert_eq!(inside(&at("usr")), None);
    }

    #[test]
    fn trees_of_the_kernel_are_told_by_whole_names() {
        assert_eq!(kernel_tree("/proc/sys"), Some("/proc"));
        assert_eq!(kernel_tree("/dev"), Some("/dev"));
        assert_eq!(kernel_tree("/device"), None);
    }
}
