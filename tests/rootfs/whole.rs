//! Directories that come whole: the library of an interpreter, here one that is made up.

use std::fs;

use sandbox::diag::At;
use sandbox::plan::{TreePlan, TreeSource};

use crate::lab::{Lab, chmod, inside, plan, read};

/// A Python of the lab's: by its name and by its library, which is all that is looked at.
fn python(lab: &Lab) -> TreePlan {
    let program = lab.file("bin/python3.11", "#!/bin/sh\n");
    chmod(&program, 0o755);
    lab.file("lib/python3.11/os.py", "first");
    let program = program.to_str().unwrap().to_owned();
    plan([TreeSource::Programs {
        programs: vec![At::default_value(program)],
        extra: Vec::new(),
    }])
}

#[test]
fn links_bring_what_they_lead_to() {
    let lab = Lab::new();
    let plan = python(&lab);
    let settings = lab.file("etc/real.py", "settings");
    lab.link("etc/site.py", "real.py");
    lab.link("lib/python3.11/site.py", "../../etc/site.py");
    let module = lab.file("share/module/a.py", "module");
    lab.file("share/beside", "no part of it");
    lab.link(
        "lib/python3.11/module",
        lab.host("share/module").to_str().unwrap(),
    );
    let tree = lab.build(&plan);
    let library = lab.host("lib/python3.11");
    assert_eq!(read(inside(&tree, library.join("os.py"))), "first");
    assert_eq!(read(inside(&tree, settings)), "settings");
    assert_eq!(read(inside(&tree, module)), "module");
    assert!(!inside(&tree, lab.host("share/beside")).exists());
    for link in [
        "lib/python3.11/site.py",
        "etc/site.py",
        "lib/python3.11/module",
    ] {
        let (here, there) = (inside(&tree, lab.host(link)), lab.host(link));
        assert_eq!(fs::read_link(here).unwrap(), fs::read_link(there).unwrap());
    }
}

/// Neither a circle nor the way up makes the copy larger; what leads nowhere is left so.
#[test]
fn links_upwards_bring_nothing() {
    let lab = Lab::new();
    let plan = python(&lab);
    lab.link("lib/python3.11/up", "../..");
    lab.link("lib/python3.11/itself", ".");
    lab.link("lib/python3.11/circle", "circle");
    lab.link("lib/python3.11/kernel", "/proc/self/status");
    lab.link("lib/python3.11/root", "/");
    lab.file("secret", "");
    let tree = lab.build(&plan);
    assert!(!inside(&tree, lab.host("secret")).exists());
    for name in ["up", "itself", "circle", "kernel", "root"] {
        let link = inside(&tree, lab.host("lib/python3.11").join(name));
        assert!(link.is_symlink(), "{name}");
    }
}

#[test]
fn what_is_installed_beside_the_library_stays_out() {
    let lab = Lab::new();
    let plan = python(&lab);
    for path in [
        "site-packages/x.py",
        "dist-packages/x.py",
        "config-3.11/x.c",
        "test/x.py",
        "x.a",
    ] {
        lab.file(&format!("lib/python3.11/{path}"), "");
    }
    lab.file("lib/python3.11/json/test/x.py", "");
    let tree = lab.build(&plan);
    let library = inside(&tree, lab.host("lib/python3.11"));
    let entries = fs::read_dir(&library).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["json", "os.py"]);
    assert!(library.join("json/test/x.py").is_file());
}

#[test]
fn changes_make_another_tree() {
    let lab = Lab::new();
    let plan = python(&lab);
    lab.link("lib/python3.11/late.py", "../../etc/late.py");
    lab.link("lib/python3.11/site.py", "../../etc/site.py");
    lab.file("etc/site.py", "first");
    let first = lab.build(&plan);
    assert_eq!(lab.build(&plan).root, first.root, "nothing has changed");
    let mut last = first.root;
    let mut changed = |what: &str| {
        let tree = lab.build(&plan);
        assert_ne!(tree.root, last, "{what}");
        last = tree.root.clone();
        tree
    };
    lab.file("lib/python3.11/os.py", "second");
    changed("a file of the library");
    lab.file("lib/python3.11/new.py", "");
    changed("a new file");
    lab.file("etc/site.py", "second");
    changed("what a link leads to");
    lab.file("etc/late.py", "late");
    let tree = changed("what a link led to in vain");
    assert_eq!(read(inside(&tree, lab.host("etc/late.py"))), "late");
    lab.file("pyvenv.cfg", "home = /nowhere\n");
    let tree = changed("the settings of a virtual environment");
    assert!(inside(&tree, lab.host("pyvenv.cfg")).is_file());
}
