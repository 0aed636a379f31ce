//! Where libraries are found: each case is held against the loader.

use std::fs;
use std::path::Path;

use sandbox::elf::{Defect, Environment, ResolveError, Resolver, Why, find_in_path};

use super::fixture::{Fixture, agrees, closure, failure, paths, resolver};
use super::ldd::{resolved, traced};

#[test]
fn runpath_with_origin_keeps_its_dots() {
    let fixture = Fixture::new("runpath");
    let library = fixture.library("lib/libone.so.1", "libone.so.1", &[]);
    let library = library.to_str().expect("text");
    let program = fixture.program(
        "bin/x",
        &[library, "-Wl,--enable-new-dtags,-rpath,$ORIGIN/../lib"],
    );
    agrees(&program, &[], &fixture.path("bin/../lib/libone.so.1"));
}

#[test]
fn origin_of_a_program_is_behind_its_links() {
    let fixture = Fixture::new("origin-link");
    let library = fixture.library("real/lib/libone.so.1", "libone.so.1", &[]);
    fixture.program(
        "real/bin/x",
        &[
            library.to_str().expect("text"),
            "-Wl,-rpath,${ORIGIN}/../lib",
        ],
    );
    let link = fixture.link("elsewhere/x", "../real/bin/x");
    agrees(&link, &[], &fixture.path("real/bin/../lib/libone.so.1"));
}

/// `DT_RPATH` serves the libraries of libraries, `DT_RUNPATH` only its own file.
#[test]
fn rpath_is_inherited_and_runpath_is_not() {
    let fixture = Fixture::new("inherited");
    let inner = fixture.library("lib/libinner.so", "libinner.so", &[]);
    let outer = fixture.library(
        "lib/libouter.so",
        "libouter.so",
        &[inner.to_str().expect("text")],
    );
    let lib = fixture.path("lib");
    let search = |tags: &str| format!("-Wl,--{tags}-new-dtags,-rpath,{}", lib.display());
    let outer = outer.to_str().expect("text");
    let old = fixture.program("old", &[outer, &search("disable")]);
    agrees(&old, &[], &inner);
    let new = fixture.program("new", &[outer, &search("enable")]);
    let error = failure(&new).to_string();
    let chain = format!(
        "`libinner.so` is needed by `{outer}`, which is needed by `{}`, and is not in `/etc/ld.so.cache`, ",
        new.display()
    );
    assert!(error.starts_with(&chain), "{error}");
    assert!(error.ends_with("`/usr/lib`"), "{error}");
}

#[test]
fn order_is_rpath_environment_runpath() {
    let fixture = Fixture::new("order");
    let own = fixture.library("own/libone.so", "libone.so", &[]);
    let other = fixture.library("other/libone.so", "libone.so", &[]);
    let search = |tags: &str| {
        format!(
            "-Wl,--{tags}-new-dtags,-rpath,{}",
            fixture.path("own").display()
        )
    };
    let library = own.to_str().expect("text");
    let rpath = fixture.program("rpath", &[library, &search("disable")]);
    let runpath = fixture.program("runpath", &[library, &search("enable")]);
    let environment = fixture.path("other");
    agrees(&rpath, &[&environment], &own);
    agrees(&runpath, &[&environment], &other);
    agrees(&runpath, &[], &own);
}

#[test]
fn lib_and_platform_are_the_loaders() {
    let fixture = Fixture::new("tokens");
    let library = fixture.library("tmp.so", "libone.so", &[]);
    let library = library.to_str().expect("text");
    let program = fixture.program(
        "x",
        &[library, "-Wl,-rpath,$ORIGIN/${LIB}:$ORIGIN/$PLATFORM"],
    );
    for place in ["x86_64", "lib/x86_64-linux-gnu", "lib64", "lib"] {
        let copy = fixture.directory(place).join("libone.so");
        fs::copy(library, &copy).expect("a copy");
        if traced_finds(&program, &copy) {
            agrees(&program, &[], &copy);
            return;
        }
        fs::remove_file(copy).expect("the copy");
    }
    panic!("no place is what the loader takes");
}

fn traced_finds(program: &Path, library: &Path) -> bool {
    let output = std::process::Command::new(program)
        .env("LD_TRACE_LOADED_OBJECTS", "1")
        .output()
        .expect("the loader runs");
    String::from_utf8_lossy(&output.stdout).contains(library.to_str().expect("text"))
}

#[test]
fn library_for_another_class_is_passed_over() {
    let fixture = Fixture::new("class");
    let good = fixture.library("good/libone.so", "libone.so", &[]);
    let mut other = fs::read(&good).expect("the library");
    other[4] = 1; // ELFCLASS32
    fixture.file("bad/libone.so", other, 0o755);
    let program = fixture.program("x", &[good.to_str().expect("text")]);
    agrees(
        &program,
        &[&fixture.path("bad"), &fixture.path("good")],
        &good,
    );
}

#[test]
fn library_that_is_no_elf_file_ends_the_search() {
    let fixture = Fixture::new("text");
    let good = fixture.library("good/libone.so", "libone.so", &[]);
    let text = fixture.file("bad/libone.so", "INPUT(libone.so.1)\n".repeat(9), 0o644);
    let program = fixture.program("x", &[good.to_str().expect("text")]);
    let error = resolver(&[&fixture.path("bad"), &fixture.path("good")])
        .closure(&program)
        .expect_err("the loader fails too");
    let ResolveError::Malformed {
        path,
        defect,
        chain,
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!((path, defect), (text, Defect::Invalid("ELF header")));
    assert_eq!(chain.0, [program]);
}

/// A name that was loaded is not searched again, even where another file would be found.
#[test]
fn loaded_names_are_not_searched_again() {
    let fixture = Fixture::new("soname");
    let real = fixture.library("a/librealname.so", "libshared.so.3", &[]);
    fixture.library("b/libshared.so.3", "libshared.so.3", &[]);
    let real = real.to_str().expect("text");
    let user = fixture.library("b/libuser.so", "libuser.so", &[real]);
    // By its path, because the linker writes the name of a file without DT_SONAME as it was given.
    let program = fixture.program(
        "x",
        &[
            real,
            user.to_str().expect("text"),
            "-Wl,--disable-new-dtags,-rpath,$ORIGIN/a:$ORIGIN/b",
        ],
    );
    fixture.link("a/libshared.so.3", "librealname.so");
    agrees(&program, &[], &fixture.path("a/libshared.so.3"));
}

/// Both names have to be in the tree, though the loader maps the file once.
#[test]
fn one_file_by_two_names_is_needed_under_both() {
    let fixture = Fixture::new("two-names");
    let library = fixture.library("lib/libone.so.1", "libone.so.1", &[]);
    let bare = fixture.library("lib/libone.so", "libone.so", &[]);
    let program = fixture.program(
        "x",
        &[
            library.to_str().expect("text"),
            bare.to_str().expect("text"),
            "-Wl,-rpath,$ORIGIN/lib",
        ],
    );
    fs::remove_file(&bare).expect("the second library");
    fixture.link("lib/libone.so", "libone.so.1");
    agrees(&program, &[], &library);
    agrees(&program, &[], &bare);
}

#[test]
fn needed_with_a_slash_is_opened_as_it_is() {
    let fixture = Fixture::new("slash");
    // Without DT_SONAME the linker writes the path.
    let library = fixture.path("lib/libone.so");
    fixture.library("lib/libone.so", library.to_str().expect("text"), &[]);
    let program = fixture.program("x", &[library.to_str().expect("text")]);
    agrees(&program, &[], &library);
    fixture.library("lib/libone.so", "lib/libone.so", &[]);
    let relative = fixture.program("y", &[library.to_str().expect("text")]);
    let error = failure(&relative).to_string();
    assert!(error.starts_with("`lib/libone.so` is needed by"), "{error}");
}

#[test]
fn nodeflib_leaves_the_directories_of_the_system_out() {
    let fixture = Fixture::new("nodeflib");
    let program = fixture.program("x", &["-Wl,-z,nodefaultlib"]);
    let error = failure(&program);
    let ResolveError::MissingLibrary { name, searched, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(name, "libc.so.6");
    assert_eq!(searched, &[Path::new("/etc/ld.so.cache")]);
}

#[test]
fn hwcaps_directory_comes_before_the_plain_one() {
    let fixture = Fixture::new("hwcaps");
    let plain = fixture.library("lib/libone.so", "libone.so", &[]);
    let program = fixture.program(
        "x",
        &[plain.to_str().expect("text"), "-Wl,-rpath,$ORIGIN/lib"],
    );
    for level in ["x86-64-v2", "x86-64-v3", "x86-64-v4"] {
        let directory = fixture.directory(&format!("lib/glibc-hwcaps/{level}"));
        fs::copy(&plain, directory.join("libone.so")).expect("a copy");
        let closure = closure(&program);
        assert_eq!(resolved(&closure), traced(&program, &[]), "{level}");
    }
}

#[test]
fn absent_places_are_reported() {
    let fixture = Fixture::new("looked-at");
    let library = fixture.library("b/libone.so", "libone.so", &[]);
    let empty = fixture.directory("a");
    let program = fixture.program("x", &[library.to_str().expect("text")]);
    let none = fixture.path("none");
    let places = [none.as_path(), empty.as_path(), &fixture.path("b")];
    let closure = resolver(&places).closure(&program).expect("a closure");
    for path in [&none, &empty.join("libone.so"), &library, &program] {
        assert!(closure.looked_at.contains(path), "{}", path.display());
    }
    fs::copy(&library, empty.join("libone.so")).expect("a copy");
    agrees(&program, &places, &empty.join("libone.so"));
}

#[test]
fn static_programs_need_only_themselves() {
    let fixture = Fixture::new("static");
    for (name, option) in [("static", "-static"), ("static-pie", "-static-pie")] {
        let program = fixture.program(name, &[option]);
        let closure = closure(&program);
        assert_eq!(closure.files.len(), 1, "{name}");
        assert_eq!(paths(&closure, Why::Program), [program]);
    }
}

#[test]
fn plug_in_brings_its_libraries() {
    let fixture = Fixture::new("plug-in");
    let inner = fixture.library("lib/libinner.so", "libinner.so", &[]);
    let plug_in = fixture.library(
        "plugins/one.so",
        "one.so",
        &[inner.to_str().expect("text"), "-Wl,-rpath,$ORIGIN/../lib"],
    );
    let closure = closure(&plug_in);
    assert_eq!(paths(&closure, Why::Program), [plug_in]);
    let libraries = paths(&closure, Why::Library);
    assert_eq!(
        libraries[0].as_os_str(),
        fixture.path("plugins/../lib/libinner.so").as_os_str()
    );
    assert!(libraries.iter().any(|path| path.ends_with("libc.so.6")));
}

#[test]
fn program_is_no_library() {
    let fixture = Fixture::new("program-as-library");
    let library = fixture.library("libone.so", "libone.so", &[]);
    let program = fixture.program(
        "x",
        &[library.to_str().expect("text"), "-Wl,-rpath,$ORIGIN"],
    );
    fs::copy(&program, &library).expect("a copy");
    let error = failure(&program).to_string();
    assert!(
        error.contains("it is a program, not a library; it is needed by"),
        "{error}"
    );
}

#[test]
fn relative_entries_of_search_lists_are_passed_over() {
    let relative = Resolver::new(Environment {
        path: Vec::new(),
        library_path: vec!["lib".into(), "".into()],
    });
    let with = relative.closure(Path::new("/bin/sh")).expect("a closure");
    assert_eq!(with.files, closure(Path::new("/bin/sh")).files);
}

#[test]
fn path_search_takes_executable_files() {
    let fixture = Fixture::new("path");
    fixture.file("a/tool", "", 0o644);
    fixture.directory("b/tool");
    let tool = fixture.file("c/tool", "", 0o755);
    let path = ["a", "b", "none", "c"].map(|below| fixture.path(below));
    assert_eq!(find_in_path("tool", &path), Some(tool.clone()));
    assert_eq!(find_in_path("other", &path), None);
    assert_eq!(find_in_path("", &path), None);
    assert_eq!(find_in_path("c/tool", &path), None);
    assert_eq!(find_in_path(tool.to_str().expect("text"), &[]), Some(tool));
}
