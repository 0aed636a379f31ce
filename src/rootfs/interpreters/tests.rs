//! Interpreters as distributions and version managers lay them out, below a directory that stands for the root.

use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::elf::Needed;

struct Host {
    root: tempfile::TempDir,
}

impl Host {
    /// A host with these empty files; `a -> b` is a link, `a = b` a file with this text.
    fn new(files: &[&str]) -> Host {
        let host = Host {
            root: tempfile::tempdir().unwrap(),
        };
        for file in files {
            if let Some((path, target)) = file.split_once(" -> ") {
                symlink(target, host.made(path)).unwrap();
            } else {
                let (path, text) = file.split_once(" = ").unwrap_or((file, ""));
                fs::write(host.made(path), text).unwrap();
            }
        }
        host
    }

    /// The place of a file, with the directories above it.
    fn made(&self, path: &str) -> PathBuf {
        let path = self.root.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    /// What a program with these libraries needs, in order.
    fn pieces(&self, program: &str, libraries: &[&str]) -> Vec<String> {
        let needed = |path: &str, why| Needed {
            path: PathBuf::from(path),
            why,
        };
        let libraries = libraries.iter().map(|path| needed(path, Why::Library));
        let closure = Closure {
            files: [needed(program, Why::Program)]
                .into_iter()
                .chain(libraries)
                .collect(),
            looked_at: Vec::new(),
        };
        let view = View::open(self.root.path()).unwrap();
        let pieces = pieces(&view, &closure).into_iter();
        pieces
            .map(|piece| piece.path.to_str().unwrap().to_owned())
            .collect()
    }
}

/// Strings as they stand in a program: each ended by a zero byte, the first behind something else.
fn image(strings: &[&str]) -> String {
    format!("\u{1}x\u{2}{}\0", strings.join("\0"))
}

#[test]
fn pythons_library_is_found_from_the_program_upwards() {
    let host = Host::new(&[
        "/usr/bin/python3 -> python3.11",
        "/usr/bin/python3.11",
        "/usr/lib/python3.11/os.py",
        "/usr/lib/python3.11/lib-dynload/x.so",
        "/usr/lib/python3.10/os.py",
        "/usr/lib/python3/dist-packages/x.py",
        "/usr/local/lib/python3.11/dist-packages/x.py",
    ]);
    assert_eq!(
        host.pieces("/usr/bin/python3", &[]),
        ["/usr/lib/python3.11"]
    );
    assert_eq!(
        host.pieces("/usr/bin/python3.11", &[]),
        ["/usr/lib/python3.11"]
    );
}

/// Fedora: the library lies in lib64, beside a lib with packages alone.
#[test]
fn pythons_library_may_be_in_lib64() {
    let host = Host::new(&[
        "/usr/bin/python3.13",
        "/usr/lib64/python3.13/os.py",
        "/usr/lib64/python3.13/lib-dynload/x.so",
        "/usr/lib/python3.13/site-packages/x.py",
        "/usr/lib64/python313.zip",
    ]);
    let expected = ["/usr/lib64/python3.13", "/usr/lib64/python313.zip"];
    assert_eq!(host.pieces("/usr/bin/python3.13", &[]), expected);
}

#[test]
fn python_of_a_version_manager_has_its_own_prefix() {
    let home = "/home/u/.pyenv/versions/3.12.1";
    let host = Host::new(&[
        &format!("{home}/bin/python -> python3.12"),
        &format!("{home}/bin/python3.12"),
        &format!("{home}/lib/python3.12/os.py"),
        "/usr/lib/python3.12/os.py",
    ]);
    let expected = [format!("{home}/lib/python3.12")];
    assert_eq!(host.pieces(&format!("{home}/bin/python"), &[]), expected);
}

#[test]
fn a_virtual_environment_brings_its_packages_and_the_library_of_its_home() {
    let host = Host::new(&[
        "/srv/venv/pyvenv.cfg = home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.2\n",
        "/srv/venv/bin/python -> python3",
        "/srv/venv/bin/python3 -> /usr/bin/python3.11",
        "/srv/venv/lib/python3.11/site-packages/x.py",
        "/srv/venv/lib64 -> lib",
        "/usr/bin/python3.11",
        "/usr/lib/python3.11/os.py",
    ]);
    let expected = [
        "/srv/venv/pyvenv.cfg",
        "/srv/venv/lib/python3.11",
        "/srv/venv/lib64/python3.11",
        "/usr/lib/python3.11",
    ];
    assert_eq!(host.pieces("/srv/venv/bin/python", &[]), expected);
}

/// `venv --copies`: the file itself tells nothing but "python".
#[test]
fn a_copied_python_is_known_by_its_environment() {
    let host = Host::new(&[
        "/srv/venv/pyvenv.cfg = home = /opt/py/bin\nversion_info = 3.12.1.final.0\n",
        "/srv/venv/bin/python",
        "/opt/py/lib/python3.12/os.py",
        "/opt/py/lib/python3.11/os.py",
        "/usr/lib/python3.12/os.py",
    ]);
    let expected = ["/srv/venv/pyvenv.cfg", "/opt/py/lib/python3.12"];
    assert_eq!(host.pieces("/srv/venv/bin/python", &[]), expected);
}

#[test]
fn a_python_without_a_version_is_known_by_its_library_or_by_what_is_there() {
    let host = Host::new(&[
        "/opt/py/bin/python3",
        "/opt/py/lib/libpython3.12.so.1.0",
        "/opt/py/lib/python3.12/os.py",
        "/opt/py/lib/python3.11/os.pyc",
    ]);
    let linked = host.pieces("/opt/py/bin/python3", &["/opt/py/lib/libpython3.12.so.1.0"]);
    assert_eq!(linked, ["/opt/py/lib/python3.12"]);
    let both = ["/opt/py/lib/python3.11", "/opt/py/lib/python3.12"];
    assert_eq!(host.pieces("/opt/py/bin/python3", &[]), both);
}

#[test]
fn extension_modules_may_have_a_prefix_of_their_own() {
    let host = Host::new(&[
        "/opt/x86/bin/python3.12",
        "/opt/x86/lib/python3.12/lib-dynload/x.so",
        "/opt/lib/python3.12/os.py",
    ]);
    let expected = ["/opt/lib/python3.12", "/opt/x86/lib/python3.12/lib-dynload"];
    assert_eq!(host.pieces("/opt/x86/bin/python3.12", &[]), expected);
}

/// What is looked for in vain makes another tree when it appears.
#[test]
fn absent_landmarks_are_told() {
    let host = Host::new(&["/usr/bin/python3.11", "/usr/lib/python3.11/os.py"]);
    let view = View::open(host.root.path()).unwrap();
    let program = Needed {
        path: PathBuf::from("/usr/bin/python3.11"),
        why: Why::Program,
    };
    let closure = Closure {
        files: vec![program],
        looked_at: Vec::new(),
    };
    assert_eq!(pieces(&view, &closure).len(), 1);
    let looked = view.looked();
    for path in ["/usr/bin/pyvenv.cfg", "/usr/bin/lib/python3.11/os.py"] {
        assert!(looked.contains(Path::new(path)), "{path}: {looked:?}");
    }
}

#[test]
fn perls_library_is_named_in_the_program() {
    let debian = image(&[
        "/etc/perl",
        "/usr/local/share/perl/5.36.0",
        "/usr/lib/x86_64-linux-gnu/perl5/5.36",
        "/usr/share/perl5",
        "/usr/lib/x86_64-linux-gnu/perl-base",
        "/usr/lib/x86_64-linux-gnu/perl/5.36",
        "/usr/share/perl/5.36",
        "/usr/bin/perl",
    ]);
    let host = Host::new(&[
        &format!("/usr/bin/perl = {debian}"),
        "/etc/perl/Net/libnet.cfg",
        "/usr/share/perl5/Debian.pm",
        "/usr/lib/x86_64-linux-gnu/perl5/5.36/auto/x.so",
        "/usr/lib/x86_64-linux-gnu/perl-base/strict.pm",
        "/usr/lib/x86_64-linux-gnu/perl/5.36 -> 5.36.0",
        "/usr/lib/x86_64-linux-gnu/perl/5.36.0/Config.pm",
        "/usr/share/perl/5.36.0/strict.pm",
        "/usr/share/perl/5.36 -> 5.36.0",
    ]);
    let expected = [
        "/etc/perl",
        "/usr/lib/x86_64-linux-gnu/perl/5.36",
        "/usr/lib/x86_64-linux-gnu/perl-base",
        "/usr/share/perl/5.36",
    ];
    assert_eq!(host.pieces("/usr/bin/perl", &[]), expected);
}

/// Alpine and Fedora: the directories stand in `libperl.so`.
#[test]
fn perls_library_is_named_in_libperl() {
    let names = image(&["/usr/share/perl5/core_perl", "/usr/lib/perl5/core_perl"]);
    let host = Host::new(&[
        "/usr/bin/perl5.38.2",
        "/usr/bin/perl -> perl5.38.2",
        &format!("/usr/lib/perl5/core_perl/CORE/libperl.so = {names}"),
        "/usr/share/perl5/core_perl/strict.pm",
        "/usr/lib/perl5/core_perl/Config.pm",
    ]);
    let found = host.pieces(
        "/usr/bin/perl",
        &["/usr/lib/perl5/core_perl/CORE/libperl.so"],
    );
    let expected = ["/usr/lib/perl5/core_perl", "/usr/share/perl5/core_perl"];
    assert_eq!(found, expected);
}

#[test]
fn rubys_library_is_named_in_libruby() {
    let names = image(&[
        "/usr/lib/ruby/3.1.0",
        "/usr/lib/ruby/vendor_ruby",
        "/usr/lib/ruby/vendor_ruby/3.1.0",
        "/usr/lib/x86_64-linux-gnu/ruby/3.1.0",
    ]);
    let host = Host::new(&[
        "/usr/bin/ruby -> ruby3.1",
        "/usr/bin/ruby3.1",
        &format!("/usr/lib/x86_64-linux-gnu/libruby-3.1.so.3.1 = {names}"),
        "/usr/lib/ruby/3.1.0/English.rb",
        "/usr/lib/ruby/gems/3.1.0/specifications/default/json.gemspec",
        "/usr/lib/ruby/gems/3.1.0/gems/rake/rake.rb",
        "/usr/lib/ruby/vendor_ruby/rubygems.rb",
        "/usr/lib/ruby/vendor_ruby/rubygems/x.rb",
        "/usr/lib/ruby/vendor_ruby/packaged.rb",
        "/usr/lib/ruby/vendor_ruby/3.1.0/packaged.rb",
        "/usr/lib/x86_64-linux-gnu/ruby/3.1.0/rbconfig.rb",
    ]);
    let found = host.pieces(
        "/usr/bin/ruby",
        &["/usr/lib/x86_64-linux-gnu/libruby-3.1.so.3.1"],
    );
    let expected = [
        "/usr/lib/ruby/3.1.0",
        "/usr/lib/ruby/gems/3.1.0/specifications/default",
        "/usr/lib/ruby/vendor_ruby/rubygems.rb",
        "/usr/lib/ruby/vendor_ruby/rubygems",
        "/usr/lib/x86_64-linux-gnu/ruby/3.1.0",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_ruby_that_can_be_moved_is_found_where_it_is() {
    let names = image(&["/lib/ruby/3.3.0", "/lib/ruby/3.3.0/x86_64-linux"]);
    let host = Host::new(&[
        &format!("/home/u/r/bin/ruby = {names}"),
        "/home/u/r/lib/ruby/3.3.0/English.rb",
        "/home/u/r/lib/ruby/3.3.0/x86_64-linux/rbconfig.rb",
    ]);
    let expected = [
        "/home/u/r/lib/ruby/3.3.0",
        "/home/u/r/lib/ruby/3.3.0/x86_64-linux",
    ];
    assert_eq!(host.pieces("/home/u/r/bin/ruby", &[]), expected);
}

#[test]
fn nodes_parts_outside_are_those_that_it_names() {
    let names = image(&[
        "/usr/share/nodejs/acorn/dist/acorn.js",
        "/usr/share/nodejs/undici/undici-fetch.js",
        "/usr/share/nodejs/cjs-module-lexer/",
    ]);
    let node = format!("/usr/bin/node = {names}");
    let host = Host::new(&[
        &node,
        "/usr/share/nodejs/acorn/dist/acorn.js",
        "/usr/share/nodejs/npm/index.js",
    ]);
    let expected = ["/usr/share/nodejs/acorn/dist/acorn.js"];
    assert_eq!(host.pieces("/usr/bin/node", &[]), expected);
    assert!(Host::new(&[&node]).pieces("/usr/bin/node", &[]).is_empty());
}

#[test]
fn other_programs_bring_nothing() {
    let host = Host::new(&[
        "/usr/bin/pythonic",
        "/usr/bin/rubyish",
        "/usr/bin/perldoc",
        "/usr/bin/bash",
        "/usr/lib/python3.11/os.py",
    ]);
    for name in ["pythonic", "rubyish", "perldoc", "bash", "absent"] {
        let found = host.pieces(&format!("/usr/bin/{name}"), &[]);
        assert!(found.is_empty(), "{name}: {found:?}");
    }
}
