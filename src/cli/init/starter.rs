//! The text of a starter profile: what every checkout needs, and what its tools need beside it.

use std::fmt::Write;

use clap::ValueEnum;

/// What a checkout is built with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Template {
    /// Rust with Cargo: Cargo.toml
    Cargo,
    /// JavaScript with npm: package.json
    Npm,
    /// Python: pyproject.toml, setup.py, requirements.txt
    Python,
    /// Go: go.mod
    Go,
    /// Make: Makefile
    Make,
    /// A shell and the host's tools
    Shell,
}

/// What a template adds to the profile that all of them share.
struct Addition {
    /// Files of a checkout that tell it.
    marks: &'static [&'static str],
    /// A first command to try.
    example: &'static str,
    /// Variables of the host that enter.
    inherit: &'static [&'static str],
    /// Variables that are set.
    set: &'static [(&'static str, &'static str)],
    /// Directories before the others in PATH.
    path: &'static [&'static str],
    /// What of the home directory is to be read, each with its reason.
    mounts: &'static [(&'static str, &'static str)],
}

impl Template {
    /// Those that `holds` finds the marks of; a shell where there are none.
    pub fn detect(holds: impl Fn(&str) -> bool) -> Vec<Template> {
        let all = Template::value_variants().iter().copied();
        let found = all.filter(|template| template.addition().marks.iter().any(|mark| holds(mark)));
        let found: Vec<Template> = found.collect();
        match found.is_empty() {
            true => vec![Template::Shell],
            false => found,
        }
    }

    fn addition(self) -> Addition {
        match self {
            Template::Cargo => Addition {
                marks: &["Cargo.toml"],
                example: "cargo test",
                inherit: &["RUSTUP_TOOLCHAIN"],
                set: &[("CARGO_NET_OFFLINE", "true")],
                path: &["${HOME}/.cargo/bin"],
                mounts: &[
                    (
                        "${HOME}/.cargo/bin",
                        "cargo and rustup; the directory above holds the token of crates.io",
                    ),
                    (
                        "${HOME}/.cargo/registry",
                        "downloaded crates: `cargo fetch` outside fills it",
                    ),
                    ("${HOME}/.cargo/git", "crates from git"),
                    ("${HOME}/.rustup", "toolchains"),
                ],
            },
            Template::Npm => Addition {
                marks: &["package.json"],
                example: "npm test",
                inherit: &["NODE_ENV"],
                set: &[
                    ("npm_config_cache", "/tmp/npm"),
                    ("npm_config_offline", "true"),
                ],
                path: &[],
                mounts: &[("${HOME}/.nvm", "versions of node")],
            },
            Template::Python => Addition {
                marks: &["pyproject.toml", "setup.py", "requirements.txt"],
                example: "python3 -m unittest",
                inherit: &[],
                set: &[("PIP_NO_INDEX", "1")],
                path: &["${HOME}/.local/bin"],
                mounts: &[
                    ("${HOME}/.pyenv", "versions of python"),
                    ("${HOME}/.local/bin", "tools of the user's own"),
                    ("${HOME}/.local/share/uv", "what uv has installed"),
                ],
            },
            Template::Go => Addition {
                marks: &["go.mod"],
                example: "go test ./...",
                inherit: &[],
                set: &[("GOPROXY", "off"), ("GOCACHE", "/tmp/go-build")],
                path: &["/usr/local/go/bin"],
                mounts: &[(
                    "${HOME}/go/pkg/mod",
                    "downloaded modules: `go mod download` outside fills it",
                )],
            },
            Template::Make => Addition {
                marks: &["Makefile", "GNUmakefile", "makefile"],
                example: "make",
                inherit: &[],
                set: &[],
                path: &[],
                mounts: &[],
            },
            Template::Shell => Addition {
                marks: &[],
                example: "ls -l",
                inherit: &[],
                set: &[],
                path: &[],
                mounts: &[],
            },
        }
    }
}

/// What a starter profile is written for.
pub struct Starter<'a> {
    /// What the checkout is built with.
    pub templates: &'a [Template],
    /// The variable that names the checkout.
    pub checkout: &'static str,
    /// The shell.
    pub shell: &'a str,
    /// The profile's own file, as commands call it.
    pub profile: &'a str,
    /// What of the checkout must not be written beside what git runs: the profile itself.
    pub protected: Option<&'a str>,
    /// Those directories of profiles that the top of the checkout has, or will have.
    pub there: Vec<&'a str>,
}

impl Starter<'_> {
    /// The whole profile.
    pub fn text(&self) -> String {
        let additions: Vec<Addition> = self.templates.iter().map(|one| one.addition()).collect();
        let mut text = String::new();
        // Writing to a string cannot fail.
        self.write(&additions, &mut text).ok();
        text
    }

    fn write(&self, additions: &[Addition], text: &mut String) -> std::fmt::Result {
        let Starter {
            checkout,
            shell,
            profile,
            ..
        } = self;
        let example = additions.first().map_or("ls", |first| first.example);
        writeln!(
            text,
            "# A sandbox for this checkout. Nothing of the host is in it but what stands here.\n#"
        )?;
        writeln!(text, "#   sandbox up {profile}                 a shell")?;
        writeln!(text, "#   sandbox up {profile} -- {example}    one command")?;
        writeln!(
            text,
            "#   sandbox explain {profile}            every value, and the line that decided it"
        )?;
        writeln!(
            text,
            "#   sandbox test {profile}               try what the last section promises\n"
        )?;
        writeln!(text, "version = 1")?;
        writeln!(
            text,
            "description = \"This checkout with the host's tools and no network.\"\n"
        )?;
        writeln!(
            text,
            "[command]\nargs = [\"{shell}\"]\nworkdir = \"{checkout}\"\n"
        )?;
        self.environment(additions, text)?;
        text.push_str(ROOTFS);
        self.mounts(additions, text)?;
        text.push_str(REST);
        writeln!(text, "\n[[expect]]\nallow_write = \"{checkout}\"")
    }

    fn environment(&self, additions: &[Addition], text: &mut String) -> std::fmt::Result {
        let inherited = additions.iter().flat_map(|one| one.inherit);
        let inherit = ["TERM", "COLORTERM", "LANG", "LC_*"]
            .iter()
            .chain(inherited);
        let inherit: Vec<String> = inherit.map(|name| format!("\"{name}\"")).collect();
        writeln!(
            text,
            "[env]\n# Of your environment only these names enter. Let in no name that holds a secret."
        )?;
        writeln!(text, "inherit = [{}]\n", inherit.join(", "))?;
        let first = additions.iter().flat_map(|one| one.path);
        let usual = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"];
        let path: Vec<&str> = first.chain(&usual).copied().collect();
        writeln!(
            text,
            "[env.set]\nHOME = \"${{HOME}}\"                 # the same path as outside, and empty but for the mounts below"
        )?;
        writeln!(text, "PATH = \"{}\"", path.join(":"))?;
        for (name, value) in additions.iter().flat_map(|one| one.set) {
            writeln!(text, "{name} = \"{value}\"")?;
        }
        writeln!(text)
    }

    fn mounts(&self, additions: &[Addition], text: &mut String) -> std::fmt::Result {
        let git = (self.checkout == "${GIT_ROOT}").then_some(".git");
        let own = ["profiles", ".sandbox"].into_iter();
        // One that is missing is not protected, and each start would say so.
        let own = own.filter(|path| self.there.contains(path));
        let file = self.protected.filter(|path| !self.there.contains(path));
        let parts = git.into_iter().chain(own).chain(file);
        let parts: Vec<String> = parts.map(|path| format!("\"?{path}\"")).collect();
        writeln!(
            text,
            "[[mount]]\nbind = \"{}\"               # the one thing of yours that can be written",
            self.checkout
        )?;
        writeln!(
            text,
            "access = \"rw\"                     # \"overlay\" keeps what it writes apart: `sandbox changes`"
        )?;
        writeln!(
            text,
            "# What git obeys, and profiles, would act outside when they were changed. Commits are made outside."
        )?;
        writeln!(text, "read_only = [{}]\n", parts.join(", "))?;
        for (path, why) in additions.iter().flat_map(|one| one.mounts) {
            writeln!(text, "[[mount]]\nbind = \"{path}\"")?;
            writeln!(text, "optional = true                   # {why}\n")?;
        }
        Ok(())
    }
}

const ROOTFS: &str = r#"[rootfs]
writes = "discard"                # what is written outside the mounts is gone at exit
source = [
    { host = "/usr" },            # the host's programs and libraries, read-only, nothing copied
    { copy = "/etc/alternatives", optional = true },
    { copy = "/etc/ld.so.cache", optional = true },
    { copy = "/etc/ssl/certs", optional = true },
    { dir = "${HOME}", mode = "0700" },
]

"#;

const REST: &str = r#"[[mount]]
tmpfs = "/tmp"
size = "1G"

[network]
mode = "none"                     # "host" shares the host's network, its local services too

[limits]                          # of all processes together
memory = "4G"
pids = 4096

[security]
seccomp = "default"
# A user whose control groups are not delegated can start all the same; the report names what is missing.
allow_degraded = ["limits"]

# What this promises, for `sandbox test` to try.
[[expect]]
deny_read = "${HOME}/.ssh"

[[expect]]
deny_write = "/usr"

[[expect]]
deny_connect = "198.51.100.7:443"
"#;
