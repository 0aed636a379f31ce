//! Image layouts, written by hand so that they can be wrong in any way.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::Digest;

use super::tarball::Tarball;

pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// A layout in a directory of its own.
pub struct Layout {
    pub dir: tempfile::TempDir,
}

pub fn sha256(bytes: &[u8]) -> String {
    let hash = sha2::Sha256::digest(bytes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Layout {
    pub fn new() -> Layout {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout { dir };
        fs::create_dir_all(layout.path().join("blobs/sha256")).unwrap();
        layout.write("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
        layout
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("image")
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Puts a blob into the layout; its descriptor.
    pub fn blob(&self, kind: &str, bytes: &[u8]) -> Value {
        let hash = sha256(bytes);
        self.write(&format!("blobs/sha256/{hash}"), bytes);
        json!({ "mediaType": kind, "digest": format!("sha256:{hash}"), "size": bytes.len() })
    }

    pub fn document(&self, kind: &str, document: &Value) -> Value {
        self.blob(kind, document.to_string().as_bytes())
    }

    /// An image of these layers, each with what it unpacks to; its descriptor.
    pub fn image(&self, platform: &str, layers: &[(&[u8], &[u8])], config: Value) -> Value {
        let (os, architecture) = platform.split_once('/').unwrap();
        let ids: Vec<_> = layers
            .iter()
            .map(|(_, plain)| format!("sha256:{}", sha256(plain)))
            .collect();
        let config = json!({
            "os": os, "architecture": architecture, "config": config,
            "rootfs": { "type": "layers", "diff_ids": ids },
        });
        let layers: Vec<_> = layers
            .iter()
            .map(|(packed, _)| self.blob(LAYER, packed))
            .collect();
        let config = self.document(CONFIG, &config);
        self.manifest(config, layers)
    }

    pub fn manifest(&self, config: Value, layers: Vec<Value>) -> Value {
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
        });
        self.document(MANIFEST, &manifest)
    }

    pub fn index(&self, manifests: &[Value]) {
        let index = json!({ "schemaVersion": 2, "manifests": manifests });
        self.write("index.json", index.to_string().as_bytes());
    }

    /// The layout as a tar archive.
    pub fn tar(&self) -> PathBuf {
        let file = self.dir.path().join("image.tar");
        let mut tarball = Tarball::default();
        for path in files(&self.path()) {
            let name = path.strip_prefix(self.path()).unwrap().to_str().unwrap();
            tarball = tarball.file(name, fs::read(&path).unwrap());
        }
        fs::write(&file, tarball.end()).unwrap();
        file
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

/// A single layer that holds one file.
pub fn one_file() -> Vec<u8> {
    Tarball::default().file("f", "x").end()
}

/// With a name in the layout.
pub fn called(mut descriptor: Value, name: &str) -> Value {
    descriptor["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
    descriptor
}

/// With a platform beside it.
pub fn on(mut descriptor: Value, os: &str, architecture: &str) -> Value {
    descriptor["platform"] = json!({ "os": os, "architecture": architecture });
    descriptor
}
