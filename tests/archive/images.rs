//! Images: which one is meant, and whether it is what it says.

use std::fs;
use std::os::unix::fs::symlink;

use sandbox::oci::Image;
use serde_json::{Value, json};

use crate::layout::{CONFIG, INDEX, LAYER, Layout, MANIFEST, called, on, one_file, sha256};
use crate::tarball::{Tarball, gzip, xz, zstd};
use crate::told::{lines, name, on_platform, refusal, tagged, walk};

const ONE_FILE: [&str; 2] = ["layer", "f 644 f 1"];

fn simple() -> Layout {
    let layout = Layout::new();
    let layer = one_file();
    let image = layout.image("linux/amd64", &[(&layer, &layer)], Value::Null);
    layout.index(&[image]);
    layout
}

#[test]
fn a_layout_is_read_as_a_directory_and_as_a_tar() {
    let layout = simple();
    assert_eq!(lines(&name(&layout.path())), ONE_FILE);
    assert_eq!(lines(&name(&layout.tar())), ONE_FILE);
}

#[test]
fn layers_are_packed_in_any_way() {
    let plain = one_file();
    for packed in [gzip(&plain), zstd(&plain), xz(&plain)] {
        let layout = Layout::new();
        let image = layout.image("linux/amd64", &[(&packed, &plain)], Value::Null);
        layout.index(&[image]);
        assert_eq!(lines(&name(&layout.path())), ONE_FILE);
    }
}

#[test]
fn the_platform_chooses() {
    let layout = Layout::new();
    let layer = |content: &str| Tarball::default().file("f", content).end();
    let image = |platform: &str, content: &str| {
        let layer = layer(content);
        layout.image(platform, &[(&layer, &layer)], Value::Null)
    };
    let amd = on(image("linux/amd64", "1"), "linux", "amd64");
    let arm = on(image("linux/arm64", "22"), "linux", "arm64");
    let signature = on(image("unknown/unknown", "333"), "unknown", "unknown");
    let inner =
        json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [amd, arm, signature] });
    layout.index(&[called(layout.document(INDEX, &inner), "3.20")]);
    let path = layout.path();
    assert_eq!(lines(&on_platform(&path, "linux/amd64"))[1], "f 644 f 1");
    assert_eq!(lines(&on_platform(&path, "linux/aarch64"))[1], "f 644 f 2");
    assert_eq!(
        refusal(&on_platform(&path, "linux/riscv64")),
        "image `IMAGE` holds nothing for `linux/riscv64`, but for `linux/amd64`, `linux/arm64` \
         [write `platform = \"linux/amd64\"` if it is meant]"
    );
    assert_eq!(lines(&tagged(&path, "3.20"))[1], "f 644 f 1");
    let error = refusal(&tagged(&path, "3.19"));
    assert_eq!(
        error,
        "image `IMAGE` has no name `3.19`; it has `3.20` [write `image = \"IMAGE:3.20\"`]"
    );
}

#[test]
fn a_platform_that_only_the_configuration_tells_counts_too() {
    let layout = Layout::new();
    let layer = one_file();
    let image = layout.image("linux/arm64", &[(&layer, &layer)], Value::Null);
    layout.index(&[image]);
    assert_eq!(
        lines(&on_platform(&layout.path(), "linux/arm64/v8")),
        ONE_FILE
    );
    let error = layout.refusal();
    assert!(
        error.contains("holds nothing for `linux/amd64`, but for `linux/arm64`"),
        "{error}"
    );
}

#[test]
fn several_images_are_told_apart_by_name() {
    let layout = Layout::new();
    let image = |content: &str| {
        let layer = Tarball::default().file("f", content).end();
        layout.image("linux/amd64", &[(&layer, &layer)], Value::Null)
    };
    let (old, new) = (image("1"), image("22"));
    let names = [
        called(old, "a:1"),
        called(new.clone(), "a:2"),
        called(new, "latest"),
    ];
    layout.index(&names);
    assert_eq!(
        layout.refusal(),
        "image `IMAGE` holds several images: `a:1`, `a:2`, `latest` [write `image = \"IMAGE:a:1\"`]"
    );
    assert_eq!(lines(&tagged(&layout.path(), "1"))[1], "f 644 f 1");
    assert_eq!(lines(&tagged(&layout.path(), "a:2"))[1], "f 644 f 2");
    assert_eq!(lines(&tagged(&layout.path(), "latest"))[1], "f 644 f 2");
}

#[test]
fn a_blob_that_is_not_what_it_is_called_is_refused() {
    let flip = |layout: &Layout, descriptor: &str| {
        let path = layout.path().join("blobs/sha256").join(descriptor);
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, &bytes).unwrap();
        sha256(&bytes)
    };
    let layer = sha256(&one_file());
    let layout = simple();
    let found = flip(&layout, &layer);
    let part = format!("image `IMAGE` is damaged: `blobs/sha256/{layer}`");
    let help = "[get the image again]";
    assert_eq!(
        layout.refusal(),
        format!("{part} has the hash `sha256:{found}` {help}")
    );
    assert_eq!(refusal(&name(&layout.tar())), layout.refusal());
    let path = layout.path().join("blobs/sha256").join(&layer);
    fs::write(&path, b"short").unwrap();
    assert_eq!(
        layout.refusal(),
        format!("{part} has 5 bytes, not 2048 {help}")
    );
    fs::remove_file(&path).unwrap();
    assert_eq!(layout.refusal(), format!("{part} is not there {help}"));
    // A link out of the layout is not followed, not even to what would be right.
    let outside = layout.dir.path().join("outside");
    fs::write(&outside, one_file()).unwrap();
    symlink(&outside, &path).unwrap();
    assert_eq!(
        layout.refusal(),
        format!("{part} leads out of the image {help}")
    );
    fs::remove_file(&path).unwrap();
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(layout.refusal(), format!("{part} is no file {help}"));
}

#[test]
fn the_unpacked_content_is_what_the_configuration_says() {
    let layout = Layout::new();
    let other = Tarball::default().file("g", "y").end();
    let image = layout.image("linux/amd64", &[(&gzip(&one_file()), &other)], Value::Null);
    layout.index(&[image]);
    let (found, wanted) = (sha256(&one_file()), sha256(&other));
    let expected =
        format!("layer 1 of image `IMAGE` unpacks to the SHA-256 `{found}`, not `{wanted}`");
    assert_eq!(layout.refusal(), expected);
}

#[test]
fn documents_that_are_not_as_they_should_be_are_refused() {
    let layout = simple();
    let index = |text: &str| {
        layout.write("index.json", text.as_bytes());
        layout.refusal()
    };
    assert!(
        index("{")
            .starts_with("image `IMAGE` is damaged: `index.json` is not as it should be: EOF")
    );
    assert!(index(&"[".repeat(1 << 16)).contains("is not as it should be"));
    let digest = |digest: &str| {
        let text = json!({ "manifests": [{ "mediaType": MANIFEST, "digest": digest, "size": 3 }] });
        index(&text.to_string())
    };
    let end = "is no SHA-256 or SHA-512 [get the image again]";
    for wrong in [
        "md5:00",
        "sha256:../../../etc/passwd",
        "",
        "sha256:\u{1b}[2J",
    ] {
        let shown = wrong.replace('\u{1b}', "\\u{1b}");
        assert_eq!(
            digest(wrong),
            format!("image `IMAGE` is damaged: `{shown}` {end}")
        );
    }
    layout.write("oci-layout", br#"{"imageLayoutVersion":"2.0.0"}"#);
    let expected = "image `IMAGE` is a layout of version `2.0.0`, and `1.0.0` is known";
    assert_eq!(layout.refusal(), expected);
    fs::remove_file(layout.path().join("oci-layout")).unwrap();
    assert!(
        layout
            .refusal()
            .starts_with("image `IMAGE` holds neither an OCI layout nor a saved image")
    );
}

#[test]
fn indexes_without_end_are_refused() {
    let layout = Layout::new();
    let mut inner = layout.document(INDEX, &json!({ "manifests": [] }));
    for _ in 0..6 {
        inner = layout.document(INDEX, &json!({ "manifests": [inner] }));
    }
    layout.index(&[inner]);
    let expected = "image `IMAGE` has more indexes, or deeper ones, than are read";
    assert_eq!(layout.refusal(), expected);
    let empty = layout.document(INDEX, &json!({ "manifests": [] }));
    layout.index(&vec![empty; 1001]);
    assert_eq!(layout.refusal(), expected);
}

/// CVE-2021-41190: one document that some read as an index, others as a manifest.
#[test]
fn a_document_is_of_one_kind() {
    let layout = simple();
    let layer = one_file();
    let image = layout.image("linux/amd64", &[(&layer, &layer)], Value::Null);
    let both = json!({ "mediaType": INDEX, "manifests": [image], "layers": [], "config": image });
    layout.index(&[layout.document(INDEX, &both)]);
    assert!(
        layout
            .refusal()
            .contains("says of itself that it is no index")
    );
    layout.index(&[layout.document(MANIFEST, &both)]);
    assert!(
        layout
            .refusal()
            .contains("says of itself that it is no manifest")
    );
}

#[test]
fn layers_from_elsewhere_and_of_unknown_kinds_are_refused() {
    let layout = Layout::new();
    let with = |kind: &str| {
        let layer = layout.blob(kind, &one_file());
        let config = json!({
            "os": "linux", "architecture": "amd64",
            "rootfs": { "diff_ids": [format!("sha256:{}", sha256(&one_file()))] },
        });
        layout.index(&[layout.manifest(layout.document(CONFIG, &config), vec![layer])]);
        layout.refusal()
    };
    let foreign = "image `IMAGE` does not come with its layer 1, which is to be had elsewhere \
                   [copy the image with all its layers]";
    assert_eq!(
        with("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"),
        foreign
    );
    assert_eq!(
        with("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
        foreign
    );
    let encrypted = format!("{LAYER}+gzip+encrypted");
    let expected = format!("image `IMAGE` has a layer 1 of the unknown type `{encrypted}`");
    assert_eq!(with(&encrypted), expected);
}

#[test]
fn a_layer_without_a_hash_of_its_content_is_refused() {
    let layout = Layout::new();
    let layer = layout.blob(LAYER, &one_file());
    let config = json!({ "os": "linux", "architecture": "amd64", "rootfs": { "diff_ids": [] } });
    layout.index(&[layout.manifest(layout.document(CONFIG, &config), vec![layer])]);
    let expected = "image `IMAGE` has 1 layers, and names the content of 0";
    assert_eq!(layout.refusal(), expected);
}

#[test]
fn the_configuration_is_told() {
    let layout = Layout::new();
    let layer = one_file();
    let config = json!({
        "Env": ["PATH=/bin", "EMPTY="], "Entrypoint": ["/init"], "Cmd": ["a", "b"],
        "User": "1000:50", "WorkingDir": "/srv", "Labels": { "a": "b" },
    });
    layout.index(&[layout.image("linux/amd64", &[(&layer, &layer)], config)]);
    let image = Image::open(&name(&layout.path())).unwrap();
    let config = image.config();
    assert_eq!(
        config.env,
        [
            ("PATH".to_owned(), "/bin".to_owned()),
            ("EMPTY".to_owned(), String::new())
        ]
    );
    assert_eq!(
        (config.entrypoint.join(" "), config.cmd.join(" ")),
        ("/init".to_owned(), "a b".to_owned())
    );
    assert_eq!(
        (config.user.as_deref(), config.workdir.as_deref()),
        (Some("1000:50"), Some("/srv"))
    );
    // The layers were not looked at, the rest was.
    assert_eq!(image.files().len(), 4);
    for wrong in ["HOST_VARIABLE", "=x"] {
        let config = json!({ "Env": [wrong] });
        layout.index(&[layout.image("linux/amd64", &[(&layer, &layer)], config)]);
        assert!(
            layout
                .refusal()
                .contains("has an `Env` that is not `NAME=VALUE`")
        );
    }
}

/// What `docker save` wrote before it wrote layouts: a layer that comes twice is a link.
fn saved(change: impl Fn(&mut Value)) -> (tempfile::TempDir, std::path::PathBuf) {
    let layer = one_file();
    let id = format!("sha256:{}", sha256(&layer));
    let config = json!({
        "os": "linux", "architecture": "amd64", "rootfs": { "diff_ids": [id, id] },
    });
    let config = config.to_string();
    let name = format!("{}.json", sha256(config.as_bytes()));
    let mut manifest = json!([{
        "Config": name, "RepoTags": ["alpine:3.20"], "Layers": ["a/layer.tar", "b/layer.tar"],
    }]);
    change(&mut manifest);
    let tar = Tarball::default()
        .file("a/layer.tar", &layer)
        .symlink("b/layer.tar", "../a/layer.tar")
        .symlink("out/layer.tar", "../../etc/passwd")
        .file(&name, &config)
        .file("manifest.json", manifest.to_string());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("saved.tar");
    fs::write(&path, tar.end()).unwrap();
    (dir, path)
}

#[test]
fn what_docker_saves_is_read() {
    let (_dir, path) = saved(|_| ());
    assert_eq!(
        lines(&name(&path)),
        ["layer", "f 644 f 1", "layer", "f 644 f 1"]
    );
    assert_eq!(lines(&tagged(&path, "3.20")).len(), 4);
    assert!(refusal(&tagged(&path, "3.19")).contains("has no name `3.19`; it has `alpine:3.20`"));
}

#[test]
fn what_docker_saves_is_checked() {
    let (_dir, path) = saved(|manifest| manifest[0]["Layers"][1] = "out/layer.tar".into());
    let expected = "image `IMAGE` is damaged: `out/layer.tar` is not there [get the image again]";
    assert_eq!(refusal(&name(&path)), expected);
    let (_dir, path) = saved(|manifest| manifest[0]["Layers"][1] = "manifest.json".into());
    assert!(refusal(&name(&path)).contains("`manifest.json` unpacks to the SHA-256"));
    let (_dir, path) = saved(|manifest| manifest[0]["Config"] = "manifest.json".into());
    assert!(refusal(&name(&path)).contains("`manifest.json` is not as it should be"));
}

#[test]
fn an_image_that_is_packed_as_a_whole_is_refused() {
    let layout = simple();
    let tar = layout.tar();
    fs::write(&tar, gzip(&fs::read(&tar).unwrap())).unwrap();
    assert_eq!(
        refusal(&name(&tar)),
        "image `IMAGE` is packed with gzip [unpack it first: an image is read in place]"
    );
}

#[test]
fn a_name_that_comes_twice_in_a_tar_is_refused() {
    let (_dir, path) = saved(|_| ());
    let mut bytes = fs::read(&path).unwrap();
    bytes.truncate(bytes.len() - 1024);
    let twice = Tarball { bytes }.file("./manifest.json", "[]").end();
    fs::write(&path, twice).unwrap();
    let expected = "image `IMAGE`: member `./manifest.json` has a bad header: its name comes twice";
    assert_eq!(refusal(&name(&path)), expected);
}

#[test]
fn an_image_of_sha512_is_read() {
    use sha2::Digest;
    let layout = Layout::new();
    let layer = one_file();
    let hash: String = sha2::Sha512::digest(&layer)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    layout.write(&format!("blobs/sha512/{hash}"), &layer);
    let descriptor =
        json!({ "mediaType": LAYER, "digest": format!("sha512:{hash}"), "size": layer.len() });
    let config = json!({
        "os": "linux", "architecture": "amd64",
        "rootfs": { "diff_ids": [format!("sha256:{}", sha256(&layer))] },
    });
    layout.index(&[layout.manifest(layout.document(CONFIG, &config), vec![descriptor])]);
    assert!(walk(&name(&layout.path())).is_ok());
}
