//! Writes an image layout of one layer, the same bytes for the same tree.
//!
//! The layer is packed with gzip, which every reader knows. No time of writing and no host stand in it, so that a
//! tree has one digest.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::digest::Digest;
use crate::model::{ImageConfig, Platform};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Writes the layout into the directory `output`, which is made: it must not be there.
///
/// `layer` writes the tar file of the only layer.
///
/// # Errors
/// When something cannot be written; what was written until then stays.
pub fn write(
    output: &Path,
    name: &str,
    config: &ImageConfig,
    layer: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    DirBuilder::new().mode(0o755).create(output)?;
    for dir in ["blobs", "blobs/sha256"] {
        fs::create_dir(output.join(dir))?;
    }
    let (diff_id, layer) = write_layer(output, layer)?;
    let platform = Platform::of_machine();
    let config = document(output, CONFIG, &config_json(config, &platform, &diff_id))?;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config,
        "layers": [layer],
    });
    let mut manifest = document(output, MANIFEST, &manifest)?;
    manifest["platform"] = platform_json(&platform);
    manifest["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest] });
    new_file(output, "index.json")?.write_all(index.to_string().as_bytes())?;
    let layout = json!({ "imageLayoutVersion": "1.0.0" });
    // Last: who finds it finds a whole layout.
    new_file(output, "oci-layout")?.write_all(layout.to_string().as_bytes())
}

fn new_file(output: &Path, name: &str) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o644);
    options.open(output.join(name))
}

fn descriptor(kind: &str, digest: &Digest, size: u64) -> Value {
    json!({ "mediaType": kind, "digest": digest.to_string(), "size": size })
}

/// Writes a document as a blob.
fn document(output: &Path, kind: &str, content: &Value) -> io::Result<Value> {
    let text = content.to_string();
    let digest = Digest::Sha256(Sha256::digest(text.as_bytes()).into());
    new_file(output, &digest.path())?.write_all(text.as_bytes())?;
    Ok(descriptor(kind, &digest, text.len() as u64))
}

/// Hashes and counts what passes through.
struct Hashed<W> {
    inner: W,
    hasher: Sha256,
    size: u64,
}

impl<W> Hashed<W> {
    fn new(inner: W) -> Hashed<W> {
        Hashed {
            inner,
            hasher: Sha256::new(),
            size: 0,
        }
    }

    fn digest(self) -> (Digest, u64) {
        (Digest::Sha256(self.hasher.finalize().into()), self.size)
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The hash of the layer's tar file, and the descriptor of its blob.
fn write_layer(
    output: &Path,
    layer: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<(Digest, Value)> {
    let draft = "blobs/sha256/layer";
    let file = BufWriter::new(new_file(output, draft)?);
    // The header of gzip holds a time, which is zero unless it is set.
    let packer = GzBuilder::new().write(Hashed::new(file), Compression::default());
    let mut tar = Hashed::new(packer);
    layer(&mut tar)?;
    let Hashed { inner, hasher, .. } = tar;
    let mut packed = inner.finish()?;
    packed.flush()?;
    let (digest, size) = packed.digest();
    fs::rename(output.join(draft), output.join(digest.path()))?;
    let diff_id = Digest::Sha256(hasher.finalize().into());
    Ok((diff_id, descriptor(LAYER, &digest, size)))
}

fn platform_json(platform: &Platform) -> Value {
    let Platform {
        os,
        architecture,
        variant,
    } = platform;
    let mut json = json!({ "os": os, "architecture": architecture });
    if let Some(variant) = variant {
        json["variant"] = variant.as_str().into();
    }
    json
}

fn config_json(config: &ImageConfig, platform: &Platform, diff_id: &Digest) -> Value {
    let ImageConfig {
        env,
        entrypoint,
        cmd,
        user,
        workdir,
    } = config;
    let env: Vec<String> = env
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let mut run = json!({ "Env": env, "Cmd": cmd });
    if !entrypoint.is_empty() {
        run["Entrypoint"] = entrypoint.as_slice().into();
    }
    if let Some(user) = user {
        run["User"] = user.as_str().into();
    }
    if let Some(workdir) = workdir {
        run["WorkingDir"] = workdir.as_str().into();
    }
    let mut json = platform_json(platform);
    json["config"] = run;
    json["rootfs"] = json!({ "type": "layers", "diff_ids": [diff_id.to_string()] });
    json
}
