//! Interpreters from `programs` alone: nothing of the host is mounted, and their own libraries are there.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::support::{Caller, Ended, Lab, Lack, finish, skip};

/// A profile with these programs and nothing else.
fn programs(names: &[&str]) -> String {
    let names = names.join("\", \"");
    format!(
        "version = 1\nenv.set = {{ PATH = \"/usr/bin:/bin\", HOME = \"/\", TMPDIR = \"/scratch\" }}\n\
         rootfs.source = [{{ programs = [\"{names}\"] }}]\n[[mount]]\ntmpfs = \"/scratch\"\n"
    )
}

/// Everyone, where the host has this interpreter.
fn callers(test: &str, interpreter: &str) -> Vec<Caller> {
    if Path::new("/usr/bin").join(interpreter).exists() {
        return Caller::all();
    }
    skip(test, &Lack::Tool(interpreter));
    Vec::new()
}

/// Runs a program that lies in the tree itself, as everyone.
#[track_caller]
fn check(test: &str, interpreter: &str, file: &str, script: &str, expected: &str) {
    let program = format!("/usr/bin/{interpreter}");
    for caller in callers(test, interpreter) {
        let lab = Lab::new(caller);
        let path = lab.file(&format!("work/{file}"), script);
        let ended = lab.run(
            &bound(&lab, &[interpreter]),
            &[&program, path.to_str().unwrap()],
        );
        assert_eq!(
            (ended.code(), ended.out.as_str()),
            (0, expected),
            "{caller:?}: {ended:?}"
        );
    }
}

/// The same, with the test's own files: what is run lies among them.
fn bound(lab: &Lab, names: &[&str]) -> String {
    let work = lab.text("work");
    format!("{}[[mount]]\nbind = \"{work}\"\n", programs(names))
}

#[test]
fn python_imports_what_it_came_with() {
    let script = r#"
import asyncio, bz2, ctypes, curses, decimal, hashlib, json, lzma, multiprocessing, sqlite3, ssl, sys, uuid, zlib
db = sqlite3.connect(":memory:")
print(db.execute("select 6 * 7").fetchone()[0], ssl.OPENSSL_VERSION.split()[0])
print(ctypes.CDLL(None).abs(-5), hashlib.sha256(b"x").hexdigest()[:8], json.dumps([1]))
print(lzma.decompress(lzma.compress(b"lzma")).decode(), bz2.decompress(bz2.compress(b"bz2")).decode())
async def answer(): return decimal.Decimal("1.1") + 1
print(asyncio.run(answer()))
if __name__ == "__main__":
    for way in ["fork", "spawn"]:
        with multiprocessing.get_context(way).Pool(2) as pool: print(pool.map(abs, [-1, -2]))
print(any("dist-packages" in path for path in sys.path))
"#;
    let expected = "42 OpenSSL\n5 2d711642 [1]\nlzma bz2\n2.1\n[1, 2]\n[1, 2]\nFalse\n".to_owned();
    // A child of the way "spawn" runs the file again, but for the guarded part.
    let child = "42 OpenSSL\n5 2d711642 [1]\nlzma bz2\n2.1\nFalse\n";
    let name = "python_imports_what_it_came_with";
    for caller in callers(name, "python3") {
        let lab = Lab::new(caller);
        let path = lab.file("work/script.py", script);
        let ended = lab.run(
            &bound(&lab, &["python3"]),
            &["/usr/bin/python3", path.to_str().unwrap()],
        );
        assert_eq!(ended.code(), 0, "{caller:?}: {ended:?}");
        let own: String = ended.out.replace(child, "");
        assert_eq!(own, expected.replace(child, ""), "{caller:?}: {ended:?}");
    }
}

#[test]
fn perl_uses_what_it_came_with() {
    let script = r#"
use strict; use warnings; use utf8;
use POSIX qw(floor); use Encode qw(encode decode); use List::Util qw(sum); use Data::Dumper; use Socket;
use File::Temp qw(tempfile); use Digest::SHA qw(sha256_hex); use Storable qw(dclone); use Time::HiRes;
print floor(3.7), " ", length(encode("UTF-8", "ä")), " ", sum(@{dclone([1, 2, 3])}), " ", substr(sha256_hex("x"), 0, 8), "\n";
my ($file, $name) = tempfile(TMPDIR => 1); print $file "x"; close $file; print -s $name, "\n";
"#;
    check(
        "perl_uses_what_it_came_with",
        "perl",
        "script.pl",
        script,
        "3 2 6 2d711642\n1\n",
    );
}

#[test]
fn ruby_requires_what_it_came_with() {
    let script = r#"
require "json"; require "openssl"; require "yaml"; require "digest"; require "socket"; require "fileutils"; require "zlib"
puts JSON.generate([1]), OpenSSL::Digest::SHA256.hexdigest("x")[0, 8], [1].to_yaml, Zlib::Inflate.inflate(Zlib::Deflate.deflate("zlib"))
puts "ä".encode("ISO-8859-15").bytes.inspect, Gem::VERSION.empty?
"#;
    let expected = "[1]\n2d711642\n---\n- 1\nzlib\n[228]\nfalse\n";
    check(
        "ruby_requires_what_it_came_with",
        "ruby",
        "script.rb",
        script,
        expected,
    );
}

#[test]
fn node_has_what_it_came_with() {
    let script = r#"
const assert = require("assert"), crypto = require("crypto"), fs = require("fs"), zlib = require("zlib"), http = require("http");
console.log(crypto.createHash("sha256").update("x").digest("hex").slice(0, 8), zlib.gunzipSync(zlib.gzipSync("zlib")).toString());
console.log(new Intl.NumberFormat("en").format(1234.5));
const server = http.createServer((_, answer) => answer.end("hello")).listen(0, "127.0.0.1", async () => {
  const answer = await fetch(`http://127.0.0.1:${server.address().port}`);
  console.log(await answer.text());
  server.close(); server.closeAllConnections();
});
"#;
    check(
        "node_has_what_it_came_with",
        "node",
        "script.js",
        script,
        "2d711642 zlib\n1,234.5\nhello\n",
    );
}

/// A script is enough: who runs it is found by its first line, also through `env`.
#[test]
fn a_script_brings_the_library_of_who_runs_it() {
    let name = "a_script_brings_the_library_of_who_runs_it";
    for caller in callers(name, "python3") {
        let lab = Lab::new(caller);
        for line in ["/usr/bin/python3 -I", "/usr/bin/env -S python3 -I"] {
            let script = lab.file(
                "work/script",
                &format!("#!{line}\nimport json, ssl\nprint(json.dumps([1]))\n"),
            );
            make_executable(&script);
            let script = script.to_str().unwrap();
            let ended = lab.run(&programs(&["@command"]), &[script]);
            assert_eq!(ended.out, "[1]\n", "{caller:?}: {line}: {ended:?}");
        }
    }
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A virtual environment of the caller's, with a module in C that needs `libneeded.so`.
fn environment(lab: &Lab, way: &str) -> String {
    let venv = lab.text("venv");
    let arguments = ["-m", "venv", "--without-pip", way, &venv];
    let made = finish(lab.host("/usr/bin/python3").args(arguments));
    assert_eq!(made.code(), 0, "{made:?}");
    let inside = fs::read_dir(lab.path("venv/lib")).unwrap().next().unwrap();
    let packages = inside.unwrap().path().join("site-packages");
    fs::write(packages.join("pure.py"), "answer = 42\n").unwrap();
    let needed = lab.file("needed.c", "int needed(void) { return 7; }\n");
    let module = lab.file(
        "module.c",
        "int needed(void);\nint answer(void) { return needed(); }\n",
    );
    compile(
        &["-shared", "-fPIC", "-o", &lab.text("libneeded.so")],
        &needed,
        &[],
    );
    let built = packages.join("native.so");
    let output = ["-shared", "-fPIC", "-o", built.to_str().unwrap()];
    let path = format!("-Wl,-rpath,{}", lab.text(""));
    compile(
        &output,
        &module,
        &[&format!("-L{}", lab.text("")), "-lneeded", &path],
    );
    built.to_str().unwrap().to_owned()
}

fn compile(before: &[&str], source: &Path, after: &[&str]) {
    let mut cc = Command::new("cc");
    let status = cc.args(before).arg(source).args(after).status().unwrap();
    assert!(status.success(), "{source:?}");
}

/// Whether the modules of a virtual environment work in a tree of its Python alone.
fn imported(lab: &Lab, module: &str) -> Ended {
    let python = lab.text("venv/bin/python");
    let script = format!(
        "import sys, pure\nprint(pure.answer, sys.prefix, flush=True)\nimport ctypes\nprint(ctypes.CDLL({module:?}).answer())\n"
    );
    lab.run(&programs(&[&python]), &[&python, "-c", &script])
}

#[test]
fn a_virtual_environment_comes_with_what_was_installed_into_it() {
    let name = "a_virtual_environment_comes_with_what_was_installed_into_it";
    for caller in callers(name, "python3") {
        for way in ["--symlinks", "--copies"] {
            let lab = Lab::new(caller);
            lab.keep_apart();
            let module = environment(&lab, way);
            let ended = imported(&lab, &module);
            let expected = format!("42 {}\n7\n", lab.text("venv"));
            assert_eq!(ended.out, expected, "{caller:?}: {way}: {ended:?}");
        }
    }
}

/// As on the host: what does not use it runs. The same file as an extra of the profile's own is an error, and once the
/// library is there the tree is another.
#[test]
fn a_plug_in_without_its_library_fails_when_it_is_used() {
    let name = "a_plug_in_without_its_library_fails_when_it_is_used";
    for caller in callers(name, "python3") {
        let lab = Lab::new(caller);
        lab.keep_apart();
        let module = environment(&lab, "--symlinks");
        fs::rename(lab.path("libneeded.so"), lab.path("away")).unwrap();
        let ended = imported(&lab, &module);
        assert!(ended.out.starts_with("42 "), "{caller:?}: {ended:?}");
        assert!(ended.err.contains("libneeded.so: cannot open"), "{ended:?}");
        let extra = format!(
            "version = 1\nrootfs.source = [{{ programs = [\"@command\"], extra = [\"{module}\"] }}]\n"
        );
        let refused = lab.run(&extra, &["/usr/bin/python3"]);
        assert_eq!(refused.code(), 125, "{refused:?}");
        assert!(refused.err.contains("libneeded.so"), "{refused:?}");
        fs::rename(lab.path("away"), lab.path("libneeded.so")).unwrap();
        let ended = imported(&lab, &module);
        assert!(ended.out.ends_with("\n7\n"), "{caller:?}: {ended:?}");
    }
}
