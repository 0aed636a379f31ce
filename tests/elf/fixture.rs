//! Small programs and libraries, made by the compiler in a directory of their own.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sandbox::elf::{Closure, Environment, ResolveError, Resolver, Why};

use super::ldd::{resolved, traced};

/// A directory that is gone after the test.
pub struct Fixture {
    root: PathBuf,
}

impl Fixture {
    pub fn new(name: &str) -> Fixture {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("elf-{name}"));
        let _absent = fs::remove_dir_all(&root);
        fs::create_dir_all(&root).expect("a directory for the test");
        Fixture {
            root: root.canonicalize().expect("the directory just made"),
        }
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.root.join(below)
    }

    pub fn directory(&self, below: &str) -> PathBuf {
        let path = self.path(below);
        fs::create_dir_all(&path).expect("a directory");
        path
    }

    /// A file with these bits.
    pub fn file(&self, below: &str, content: impl AsRef<[u8]>, mode: u32) -> PathBuf {
        let path = self.path(below);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(&path, content).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its mode");
        path
    }

    pub fn link(&self, below: &str, target: impl AsRef<Path>) -> PathBuf {
        let path = self.path(below);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::os::unix::fs::symlink(target, &path).expect("a link");
        path
    }

    /// A shared library that exports `symbol` and is linked with `arguments`.
    pub fn library(&self, below: &str, soname: &str, arguments: &[&str]) -> PathBuf {
        let soname = format!("-Wl,-soname,{soname}");
        let mut all = vec!["-shared", "-fPIC", "-Wl,--no-as-needed", soname.as_str()];
        all.extend(arguments);
        self.compile(below, "int value(void) { return 1; }", &all)
    }

    pub fn program(&self, below: &str, arguments: &[&str]) -> PathBuf {
        let mut all = vec!["-Wl,--no-as-needed", "-Wl,--allow-shlib-undefined"];
        all.extend(arguments);
        self.compile(below, "int main(void) { return 0; }", &all)
    }

    fn compile(&self, below: &str, source: &str, arguments: &[&str]) -> PathBuf {
        let path = self.path(below);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        let mut compiler = Command::new("gcc")
            .args(["-x", "c", "-", "-x", "none", "-o"])
            .arg(&path)
            .args(arguments)
            .stdin(Stdio::piped())
            .current_dir(&self.root)
            .spawn()
            .expect("gcc is installed");
        let mut input = compiler.stdin.take().expect("a pipe");
        input.write_all(source.as_bytes()).expect("the source");
        drop(input);
        assert!(compiler.wait().expect("gcc ends").success());
        path
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _left_for_the_next_run = fs::remove_dir_all(&self.root);
    }
}

pub fn resolver(library_path: &[&Path]) -> Resolver {
    Resolver::new(Environment {
        path: vec!["/usr/bin".into(), "/bin".into()],
        library_path: library_path.iter().map(|path| path.to_path_buf()).collect(),
    })
}

pub fn closure(program: &Path) -> Closure {
    resolver(&[]).closure(program).expect("a closure")
}

pub fn failure(program: &Path) -> ResolveError {
    resolver(&[]).closure(program).expect_err("no closure")
}

pub fn paths(closure: &Closure, why: Why) -> Vec<PathBuf> {
    closure
        .files
        .iter()
        .filter(|file| file.why == why)
        .map(|file| file.path.clone())
        .collect()
}

/// The closure is what the loader maps, and holds `expected`.
pub fn agrees(program: &Path, library_path: &[&Path], expected: &Path) {
    let closure = resolver(library_path).closure(program).expect("a closure");
    assert_eq!(resolved(&closure), traced(program, library_path));
    let libraries = paths(&closure, Why::Library);
    assert!(
        libraries
            .iter()
            .any(|path| path.as_os_str() == expected.as_os_str()),
        "{} is not among {libraries:?}",
        expected.display()
    );
}
