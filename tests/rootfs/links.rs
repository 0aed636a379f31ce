//! Links on the way to a source, and in it.

use std::fs;

use sandbox::plan::{Existing, Missing, TreeSource};
use sandbox::rootfs::Built;

use crate::lab::{Lab, copy, copy_to, inside, plan, read};

fn target(path: std::path::PathBuf) -> String {
    let text = fs::read_link(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.into_os_string().into_string().unwrap()
}

#[test]
fn a_link_brings_itself_and_what_it_points_to() {
    let lab = Lab::new();
    lab.file("usr/bin/tool", "tool");
    let bin = lab.link("bin", "usr/bin");
    let tree = lab.build(&plan([copy(&bin)]));
    assert_eq!(target(inside(&tree, &bin)), "usr/bin");
    assert_eq!(read(inside(&tree, lab.host("usr/bin/tool"))), "tool");
    assert_eq!(read(inside(&tree, &bin).join("tool")), "tool");
}

#[test]
fn a_link_on_the_way_comes_too() {
    let lab = Lab::new();
    lab.file("usr/lib64/ld.so", "loader");
    lab.link("lib64", "usr/lib64");
    let tree = lab.build(&plan([copy(lab.host("lib64/ld.so"))]));
    assert_eq!(target(inside(&tree, lab.host("lib64"))), "usr/lib64");
    assert_eq!(read(inside(&tree, lab.host("usr/lib64/ld.so"))), "loader");
}

#[test]
fn every_link_of_a_chain_comes_until_the_file() {
    let lab = Lab::new();
    lab.file("opt/v1/bin/tool-1.2", "tool");
    lab.link("opt/v1/bin/tool", "tool-1.2");
    lab.link("opt/now", "v1");
    let absolute = lab.host("opt/now/bin/tool");
    lab.link("bin/tool", absolute.to_str().unwrap());
    lab.link("bin/up", "../bin/./tool");
    let tree = lab.build(&plan([copy(lab.host("bin/up"))]));
    assert_eq!(target(inside(&tree, lab.host("bin/up"))), "../bin/./tool");
    assert_eq!(
        target(inside(&tree, lab.host("bin/tool"))),
        absolute.to_str().unwrap()
    );
    assert_eq!(target(inside(&tree, lab.host("opt/now"))), "v1");
    assert_eq!(
        target(inside(&tree, lab.host("opt/v1/bin/tool"))),
        "tool-1.2"
    );
    assert_eq!(read(inside(&tree, lab.host("opt/v1/bin/tool-1.2"))), "tool");
}

#[test]
fn with_another_place_only_the_end_of_the_links_is_copied() {
    let lab = Lab::new();
    lab.file("d/tool-1", "tool");
    let link = lab.link("d/tool", "tool-1");
    let tree = lab.build(&plan([copy_to(&link, "/bin/tool")]));
    assert!(
        fs::symlink_metadata(inside(&tree, "/bin/tool"))
            .unwrap()
            .is_file()
    );
    assert_eq!(read(inside(&tree, "/bin/tool")), "tool");
    assert!(!inside(&tree, lab.host("d")).exists());
}

#[test]
fn a_link_in_a_copied_directory_stays_as_it_is() {
    let lab = Lab::new();
    lab.link("d/out", "/nowhere/at/all");
    lab.link("d/up", "../x");
    let tree = lab.build(&plan([copy_to(lab.host("d"), "/d")]));
    assert_eq!(target(inside(&tree, "/d/out")), "/nowhere/at/all");
    assert_eq!(target(inside(&tree, "/d/up")), "../x");
}

#[test]
fn a_loop_of_links_is_an_error() {
    let lab = Lab::new();
    lab.link("a", "b");
    let b = lab.link("b", "a");
    let error = lab.refused(&plan([copy(&b)]));
    let said = format!("`{}` leads through too many links", b.display());
    assert_eq!(error.to_string(), said);
}

#[test]
fn the_hosts_own_layout_is_kept() {
    let lab = Lab::new();
    let tree = lab.build(&plan([copy("/bin/sh")]));
    assert_eq!(
        fs::canonicalize("/bin/sh").unwrap().parent(),
        fs::canonicalize("/bin").ok().as_deref()
    );
    let merged = fs::symlink_metadata("/bin").unwrap().is_symlink();
    assert_eq!(
        fs::symlink_metadata(inside(&tree, "/bin"))
            .unwrap()
            .is_symlink(),
        merged
    );
    let real = inside(&tree, fs::canonicalize("/bin/sh").unwrap());
    assert!(fs::read(real).unwrap() == fs::read("/bin/sh").unwrap());
}

#[test]
fn an_optional_link_that_leads_nowhere_makes_no_new_tree_until_it_leads_somewhere() {
    let lab = Lab::new();
    lab.link("l", "m");
    lab.link("m", "end");
    let plan = plan([TreeSource::Copy {
        from: lab.host("l"),
        to: None,
        exclude: Vec::new(),
        missing: Missing::Skipped,
        existing: Existing::Replaced,
    }]);
    assert_eq!(lab.build(&plan).built, Built::Now);
    assert_eq!(lab.build(&plan).built, Built::Before);
    lab.file("end", "there");
    let tree = lab.build(&plan);
    assert_eq!(read(inside(&tree, lab.host("l"))), "there");
    fs::remove_file(lab.host("end")).unwrap();
    assert_eq!(lab.build(&plan).built, Built::Now);
    fs::remove_file(lab.host("m")).unwrap();
    lab.link("m", "other");
    lab.file("other", "there, too");
    let tree = lab.build(&plan);
    assert_eq!(read(inside(&tree, lab.host("l"))), "there, too");
}
