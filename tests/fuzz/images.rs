//! Images: their documents and layers, in a directory and in a tar archive, in OCI's form and docker's.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sandbox::model::ImageName;
use sandbox::oci::{Image, ImageWalkError};
use sha2::Digest;

use crate::archives::{Judge, mended};
use crate::harness::{Target, directory, kind};
use crate::tarball::{Tarball, everything, gzip};

/// Ends a part of an input; the first byte is its form, then come the index, the manifest, the configuration, and layers.
const END: &[u8] = b"\n%%%%\n";

const INDEX: &str = r#"{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"@M","size":@N,"platform":{"os":"linux","architecture":"amd64"},"annotations":{"org.opencontainers.image.ref.name":"latest"}}]}"#;
const MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"@C","size":@D},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"@0","size":@a},{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"@1","size":@b}]}"#;
const CONFIG: &str = r#"{"os":"linux","architecture":"amd64","config":{"Env":["PATH=/bin","A=b"],"Entrypoint":["/bin/sh"],"Cmd":["-c","x"],"User":"1:2","WorkingDir":"/w"},"rootfs":{"type":"layers","diff_ids":["@5","@6"]}}"#;
const SAVED: &str =
    r#"[{"Config":"config.json","RepoTags":["alpine:3.20"],"Layers":["layer0","layer1"]}]"#;

fn sha256(bytes: &[u8]) -> String {
    let hash = sha2::Sha256::digest(bytes);
    let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

/// Puts digests and sizes where an input leaves them open.
fn filled(part: &[u8], values: &BTreeMap<u8, String>) -> Vec<u8> {
    let mut text = Vec::new();
    let mut bytes = part.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match bytes.peek().and_then(|next| values.get(next)) {
            Some(value) if byte == b'@' => {
                text.extend(value.bytes());
                bytes.next();
            }
            _ => text.push(byte),
        }
    }
    text
}

/// The files of the image that an input stands for.
fn files(input: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut parts = Vec::new();
    let mut rest = input;
    while let Some(at) = rest.windows(END.len()).position(|window| window == END) {
        parts.push(&rest[..at]);
        rest = &rest[at + END.len()..];
    }
    parts.push(rest);
    let part = |index: usize| parts.get(index).copied().unwrap_or_default();
    let (mut values, mut files) = (BTreeMap::new(), BTreeMap::new());
    let put = |files: &mut BTreeMap<String, Vec<u8>>, name: &str, bytes: Vec<u8>| {
        let digest = sha256(&bytes);
        files.insert(format!("blobs/sha256/{}", &digest[7..]), bytes.clone());
        let size = bytes.len().to_string();
        files.insert(name.to_owned(), bytes);
        (digest, size)
    };
    for (index, (digest, size, plain)) in [(b'0', b'a', b'5'), (b'1', b'b', b'6')]
        .into_iter()
        .enumerate()
    {
        let layer = mended(part(3 + index));
        values.insert(plain, sha256(&layer));
        // The second is packed.
        let layer = if index == 0 { layer } else { gzip(&layer) };
        let (hash, bytes) = put(&mut files, &format!("layer{index}"), layer);
        values.insert(digest, hash);
        values.insert(size, bytes);
    }
    for (index, name, digest, size) in [
        (2, "config.json", b'C', b'D'),
        (1, "image.json", b'M', b'N'),
    ] {
        let text = filled(part(index), &values);
        let (hash, bytes) = put(&mut files, name, text);
        values.insert(digest, hash);
        values.insert(size, bytes);
    }
    let index = filled(part(0), &values);
    // Docker's form says so by itself.
    if index.starts_with(b"[") {
        files.insert("manifest.json".to_owned(), index);
    } else {
        files.insert("index.json".to_owned(), index);
        files.insert(
            "oci-layout".to_owned(),
            br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec(),
        );
    }
    files
}

fn lay_out(at: &Path, files: &BTreeMap<String, Vec<u8>>) {
    if at.exists() {
        fs::remove_dir_all(at).unwrap();
    }
    fs::create_dir_all(at.join("blobs/sha256")).unwrap();
    for (name, bytes) in files {
        fs::write(at.join(name), bytes).unwrap();
    }
}

fn walk(path: &Path, reference: Option<&str>) -> String {
    let name = ImageName {
        path: path.to_owned(),
        reference: reference.map(str::to_owned),
        platform: "linux/amd64".parse().unwrap(),
    };
    let mut judge = Judge::default();
    let told = |error: sandbox::oci::ImageError| {
        let help = error.help().map(|help| kind(&help));
        format!("{} {help:?}", kind(&error.to_string()))
    };
    let image = match Image::open(&name) {
        Ok(image) => image,
        Err(error) => return told(error),
    };
    let config = image.config();
    let config = (
        config.env.len().min(3),
        config.entrypoint.len().min(3),
        config.user.is_some(),
        config.workdir.is_some(),
    );
    match image.walk(&mut judge) {
        Ok(_) => format!("{config:?} {}", judge.seen()),
        Err(ImageWalkError::Image(error)) => told(error),
        Err(ImageWalkError::Receiver(error)) => kind(&error.to_string()),
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let small = Tarball::default()
        .dir("d")
        .file("d/.wh.f", "")
        .file("x", "y")
        .end();
    let plain = everything();
    let image = |index: &str, first: &[u8]| {
        let parts = [
            index.as_bytes(),
            MANIFEST.as_bytes(),
            CONFIG.as_bytes(),
            first,
            &small,
        ];
        parts.join(END)
    };
    let nested = INDEX.replace("image.manifest", "image.index");
    vec![
        image(INDEX, &small),
        image(INDEX, &plain),
        image(SAVED, &small),
        image(&nested, &small),
        image(&INDEX.replace("amd64", "arm64"), &small),
        [INDEX, MANIFEST, CONFIG].map(str::as_bytes).join(END),
    ]
}

#[test]
fn images() {
    let dir = directory();
    let (layout, tar) = (dir.path().join("image"), dir.path().join("image.tar"));
    let target = Target {
        name: "images",
        seeds: seeds(),
        dictionary: &[
            b"@M",
            b"@C",
            b"@0",
            b"@5",
            b"\"manifests\":[",
            b"\"layers\":[",
            b"\"digest\":\"sha256:",
            b"\"size\":-1",
            b"\"platform\":{",
            b"null",
            b"{}",
            b"[]",
            b"\"\"",
            b"\"../../../etc/passwd\"",
            b"sha512:",
            b"\"mediaType\":\"application/vnd.docker.distribution.manifest.list.v2+json\"",
            b"\"variant\":\"v8\"",
            b"\\u0000",
            b"\\ud800",
            b"\"urls\":[\"http://x\"]",
            b"[[[[[[[[[[[[[[[[",
            b".wh.",
            b".wh..wh..opq",
        ],
        memory: 32 << 20,
    };
    target.run(|input| {
        let files = files(input);
        let reference = (input.len() % 4 == 0).then_some("latest");
        // A directory costs many calls, a tar archive few.
        if input.len() % 3 == 0 {
            lay_out(&layout, &files);
            return walk(&layout, reference);
        }
        let mut tarball = Tarball::default();
        for (name, bytes) in &files {
            tarball = tarball.file(name, bytes);
        }
        fs::write(&tar, tarball.end()).unwrap();
        walk(&tar, reference)
    });
}
