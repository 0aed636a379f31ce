//! Variables by which programs find or load code.

use super::diff::matches;

/// Names and starts of names. `PATH` is none of them here: every program has one.
pub(super) const CODE: &[&str] = &[
    "LD_*",
    "GIT_*",
    "BASH_ENV",
    "ENV",
    "BASH_FUNC_*",
    "PROMPT_COMMAND",
    "ZDOTDIR",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONHOME",
    "PERL5LIB",
    "PERL5OPT",
    "PERL5DB",
    "RUBYOPT",
    "RUBYLIB",
    "NODE_OPTIONS",
    "NODE_PATH",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "_JAVA_OPTIONS",
    "CLASSPATH",
    "LUA_INIT",
    "LUA_PATH",
    "LUA_CPATH",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    "GCONV_PATH",
    "OPENSSL_CONF",
    "OPENSSL_MODULES",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_RUSTC_WRAPPER",
    "EDITOR",
    "VISUAL",
    "PAGER",
    "LESSOPEN",
    "MANPAGER",
];

/// Those of them whose value is a path, or a list of paths: one that is relative, or empty in a list, is of the
/// directory that the program stands in.
const PATHS: &[&str] = &[
    "PATH",
    "LD_LIBRARY_PATH",
    "BASH_ENV",
    "ENV",
    "ZDOTDIR",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONHOME",
    "PERL5LIB",
    "RUBYLIB",
    "NODE_PATH",
    "CLASSPATH",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    "GCONV_PATH",
    "OPENSSL_CONF",
    "OPENSSL_MODULES",
];

/// Whether a variable decides what code runs.
pub(super) fn chooses_code(name: &str) -> bool {
    name == "PATH" || CODE.iter().any(|code| matches(code, name))
}

/// The paths that its value names, the relative ones as they are written; an empty one is `.`.
pub(super) fn paths<'a>(name: &str, value: &'a str) -> Vec<&'a str> {
    if PATHS.contains(&name) {
        let all = value.split(':');
        return all
            .map(|path| if path.is_empty() { "." } else { path })
            .collect();
    }
    // Options, commands and lists of every kind: what has a slash in it is a path.
    let between = |c: char| c.is_whitespace() || ":=,;\"'".contains(c);
    let words = value.split(between);
    words.filter(|word| word.contains('/')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_names_paths() {
        assert_eq!(paths("PATH", "/bin::x"), ["/bin", ".", "x"]);
        assert_eq!(
            paths("LD_PRELOAD", "a.so /x/b.so:/c.so"),
            ["/x/b.so", "/c.so"]
        );
        assert_eq!(paths("NODE_OPTIONS", "--require=./x.js"), ["./x.js"]);
        assert_eq!(paths("GIT_SSH_COMMAND", "ssh -F '/tmp/x'"), ["/tmp/x"]);
        assert!(chooses_code("LD_AUDIT") && chooses_code("PATH") && !chooses_code("HOME"));
    }
}
