//! Bundles: what a program finds with one is what it finds outside, and it is the bundle that brings it.

use std::collections::BTreeSet;
use std::path::Path;

use super::support::{Caller, Ended, Lab, Lack, finish, sandbox, skip};

/// What shows that a bundle is there.
struct Case {
    bundle: &'static str,
    programs: &'static [&'static str],
    script: &'static str,
}

const CASES: &[Case] = &[
    Case {
        bundle: "ca-certificates",
        programs: &["python3", "openssl"],
        script: r#"
            python3 -c 'import ssl; print(len(ssl.create_default_context().get_ca_certs()))'
            openssl version -d
            openssl verify -partial_chain -no_check_time /etc/ssl/certs/*.0 2>/dev/null"#,
    },
    Case {
        bundle: "tzdata",
        programs: &["date", "readlink"],
        script: "TZ=Europe/Berlin date -d @1700000000; TZ=Asia/Kolkata date -d @1700000000; readlink /etc/localtime",
    },
    Case {
        bundle: "terminfo",
        programs: &["infocmp", "tput"],
        script: "infocmp xterm-256color; infocmp linux; infocmp dumb; TERM=xterm tput sgr0",
    },
    Case {
        bundle: "locale",
        programs: &["locale", "iconv"],
        script: r"
            locale -a; LC_ALL=C.UTF-8 locale charmap
            printf '\244\300' | iconv -f ISO-8859-15 -t UTF-8
            printf '\244\242' | iconv -f EUC-JP -t UTF-8
            iconv -l",
    },
    Case {
        bundle: "nss",
        programs: &["getent"],
        script: "getent services https/tcp; getent protocols tcp; getent rpc nfs; getent networks loopback",
    },
    Case {
        bundle: "fonts",
        programs: &["fc-list", "fc-match"],
        script: "fc-match monospace; fc-list",
    },
];

impl Case {
    fn profile(&self, bundle: &str) -> String {
        let programs = self.programs.join("\", \"");
        format!(
            "version = 1\nenv.set = {{ PATH = \"/usr/bin:/bin\", HOME = \"/\", TMPDIR = \"/scratch\" }}\n\
             rootfs.source = [{{ programs = [\"sh\", \"{programs}\"] }}{bundle}]\n\
             [[mount]]\ntmpfs = \"/scratch\"\n"
        )
    }

    fn with_bundle(&self) -> String {
        self.profile(&format!(", {{ bundle = [\"{}\"] }}", self.bundle))
    }

    /// What this host cannot show.
    fn lacks(&self) -> Option<&'static str> {
        let mut programs = self.programs.iter();
        let absent = programs.find(|name| !Path::new("/usr/bin").join(name).exists());
        absent.copied()
    }
}

/// What was said, whatever the order.
fn lines(ended: &Ended) -> BTreeSet<&str> {
    ended.out.lines().collect()
}

#[test]
fn what_a_bundle_brings_is_what_the_host_has() {
    let name = "what_a_bundle_brings_is_what_the_host_has";
    for case in CASES {
        if let Some(absent) = case.lacks() {
            skip(name, &Lack::Tool(absent));
            continue;
        }
        for caller in Caller::all() {
            let lab = Lab::new(caller);
            let outside = finish(lab.host("sh").args(["-c", case.script]));
            assert!(lines(&outside).len() > 1, "{}: {outside:?}", case.bundle);
            let with = lab.run(&case.with_bundle(), &["sh", "-c", case.script]);
            assert_eq!(lines(&with), lines(&outside), "{caller:?}: {with:?}");
            let without = lab.run(&case.profile(""), &["sh", "-c", case.script]);
            assert_ne!(
                lines(&without),
                lines(&outside),
                "{}: {without:?}",
                case.bundle
            );
        }
    }
}

/// A link that leads somewhere on the host leads somewhere in the tree.
#[test]
fn no_link_of_a_bundle_dangles() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let words: Vec<_> = CASES
            .iter()
            .map(|case| format!("\"{}\"", case.bundle))
            .collect();
        let case = Case {
            bundle: "all",
            programs: &["find"],
            script: "find / -xdev -xtype l",
        };
        let all = case.profile(&format!(", {{ bundle = [{}] }}", words.join(", ")));
        let ended = lab.run(&all, &["sh", "-c", case.script]);
        assert_eq!(ended.code(), 0, "{caller:?}: {ended:?}");
        let dangling = ended.out.lines().map(Path::new);
        let made_so: Vec<_> = dangling.filter(|path| path.exists()).collect();
        assert!(made_so.is_empty(), "{made_so:?}");
    }
}

/// In a namespace of mounts where the host's fonts are covered.
#[test]
fn a_bundle_that_the_host_has_not_is_an_error_at_its_word() {
    for caller in Caller::all() {
        let lab = Lab::new(caller);
        let case = &CASES[5];
        let profile = "version = 1\nrootfs.source = [{ bundle = [\"tzdata\", \"fonts\"] }]\n\
            command.args = [\"/bin/true\"]\n";
        let cover = "for dir in /usr/share/fonts /usr/local/share/fonts; do \
            if [ -e $dir ]; then mount -t tmpfs none $dir || exit 99; fi; done; exec \"$@\"";
        let mut covered = lab.host("unshare");
        let id = lab.caller.uid().to_string();
        match lab.caller {
            Caller::Root => covered.args(["--mount", "sh", "-c", cover, "sh"]),
            // Root of a namespace may mount; the sandbox then has its caller's own id again.
            Caller::Unprivileged => covered
                .args([
                    "--user",
                    "--map-root-user",
                    "--mount",
                    "sh",
                    "-c",
                    cover,
                    "sh",
                ])
                .args(["unshare", "--user", "--map-user", &id, "--map-group", &id]),
        };
        covered.arg(sandbox()).args(lab.up_arguments(profile, &[]));
        let ended = finish(&mut covered);
        assert_eq!(ended.code(), 125, "{caller:?}: {ended:?}");
        let said = ended.err.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "this host has nothing for the bundle `fonts`: it is not in `/usr/share/fonts`,",
            "profile.toml:2:40",
            "help: install `fontconfig` and a font: `fonts-dejavu-core` (Debian)",
        ] {
            assert!(said.contains(part), "{part}: {ended:?}");
        }
        assert!(!ended.out.contains(case.bundle));
    }
}
