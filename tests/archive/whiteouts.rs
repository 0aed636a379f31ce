//! Layers over layers.

use serde_json::Value;

use crate::layout::Layout;
use crate::tarball::{Header, Tarball};
use crate::told::{lines, name};

fn tar() -> Tarball {
    Tarball::default()
}

fn of_layers(layers: &[Tarball]) -> Layout {
    let layout = Layout::new();
    let layers: Vec<Vec<u8>> = layers.iter().map(|layer| layer.clone().end()).collect();
    let pairs: Vec<_> = layers
        .iter()
        .map(|layer| (&layer[..], &layer[..]))
        .collect();
    let image = layout.image("linux/amd64", &pairs, Value::Null);
    layout.index(&[image]);
    layout
}

#[test]
fn whiteouts_are_told_in_their_order() {
    let layout = of_layers(&[
        tar().file("a", "1").file("d/b", "2").file("d/c", "3"),
        tar()
            .file(".wh.a", "")
            .file("a", "4")
            .file("d/new", "5")
            .file("d/.wh..wh..opq", ""),
        tar().file("d/.wh.new", "").hard_link("e", "a"),
    ]);
    let expected = [
        "layer",
        "f 644 a 1",
        "f 644 d/b 1",
        "f 644 d/c 1",
        "layer",
        "w a",
        "f 644 a 1",
        "f 644 d/new 1",
        "o d",
        "layer",
        "w d/new",
        "h e = a",
    ];
    assert_eq!(lines(&name(&layout.path())), expected);
}

#[test]
fn what_is_gone_can_no_longer_be_linked_to() {
    let layout = of_layers(&[
        tar().file("a", "1").file("d/b", "2"),
        tar().file(".wh.d", "").hard_link("x", "d/b"),
    ]);
    let expected = "layer 2 of image `IMAGE`: member `x` is a hard link to `d/b`, which does not come before it";
    assert_eq!(layout.refusal(), expected);
}

#[test]
fn a_later_layer_puts_a_file_in_place_of_a_directory_and_back() {
    let layout = of_layers(&[
        tar().file("d/f", "1").file("f", "2").symlink("l", "d"),
        tar().file("d", "3").dir("f").dir("l"),
    ]);
    let expected = ["layer", "f 644 d 1", "d 755 f", "d 755 l"];
    assert_eq!(lines(&name(&layout.path()))[4..], expected);
}

#[test]
fn a_whiteout_stands_for_a_name_of_an_earlier_layer() {
    let cases = [
        (tar().file(".wh.", ""), ".wh.", "of the root"),
        (tar().file(".wh..", ""), ".wh..", "of the root"),
        (
            tar().file(".wh..wh..opq", ""),
            ".wh..wh..opq",
            "of the root",
        ),
        (
            tar().file("./.wh..wh..opq", ""),
            "./.wh..wh..opq",
            "of the root",
        ),
        (tar().file("a/.wh...", ""), "a/.wh...", "of no name"),
        (tar().file("a/.wh.", ""), "a/.wh.", "of no name"),
        (
            tar().file(".wh..wh.plnk", ""),
            ".wh..wh.plnk",
            "of a whiteout",
        ),
        (
            tar().file(".wh.a/b", ""),
            ".wh.a/b",
            "with something below it",
        ),
        (
            tar().file(".wh.a", "data"),
            ".wh.a",
            "that is no empty file",
        ),
        (tar().dir(".wh.a"), ".wh.a", "that is no empty file"),
        (
            tar().symlink(".wh.a", "b"),
            ".wh.a",
            "that is no empty file",
        ),
        (
            tar().header(&Header::new(b'3', ".wh.a")),
            ".wh.a",
            "that is no empty file",
        ),
    ];
    for (layer, member, why) in cases {
        let layout = of_layers(&[tar().file("a/f", "x"), layer]);
        let expected = format!("layer 2 of image `IMAGE`: member `{member}` is a whiteout {why}");
        assert_eq!(layout.refusal(), expected);
    }
}

#[test]
fn in_a_plain_archive_a_whiteout_is_a_file() {
    let archive = tar().file(".wh.a", "").end();
    assert_eq!(crate::recorder::lines(&archive), ["layer", "f 644 .wh.a 0"]);
}

#[test]
fn the_limits_are_about_all_layers_together() {
    let one = tar().dir("d").bytes;
    let bytes = one.repeat(250_001);
    let many = Tarball { bytes }.end();
    let layout = Layout::new();
    let image = layout.image("linux/amd64", &[(&many[..], &many[..]); 2], Value::Null);
    layout.index(&[image]);
    assert_eq!(
        layout.refusal(),
        "layer 2 of image `IMAGE` holds more than 500000 members"
    );
}
