//! The documents of images, as far as they are read. What is not named here is passed over.
//!
//! The crate `oci-spec` has types for all of it, and twenty crates of macros under them; these few
//! structs are what is needed.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::model::Platform;

/// `oci-layout`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Layout {
    pub image_layout_version: String,
}

/// `index.json`, and an index that another names.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Index {
    pub media_type: Option<String>,
    pub manifests: Vec<Descriptor>,
    /// Only a manifest has it (CVE-2021-41190: one document, read as either).
    pub layers: Option<IgnoredAny>,
}

/// A reference to bytes.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    #[serde(default)]
    pub media_type: String,
    pub digest: String,
    pub size: u64,
    pub platform: Option<RawPlatform>,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct RawPlatform {
    pub os: String,
    pub architecture: String,
    pub variant: Option<String>,
}

impl RawPlatform {
    pub fn platform(&self) -> Platform {
        Platform::new(&self.os, &self.architecture, self.variant.as_deref())
    }
}

/// What an image is made of.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    pub media_type: Option<String>,
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
    /// Only an index has it.
    pub manifests: Option<IgnoredAny>,
}

/// The configuration of an image.
#[derive(Deserialize)]
pub(super) struct Config {
    #[serde(default)]
    pub os: String,
    #[serde(default)]
    pub architecture: String,
    pub variant: Option<String>,
    pub config: Option<RunConfig>,
    pub rootfs: Rootfs,
}

impl Config {
    pub fn platform(&self) -> Platform {
        Platform::new(&self.os, &self.architecture, self.variant.as_deref())
    }
}

/// What the program of an image needs.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RunConfig {
    pub env: Option<Vec<String>>,
    pub entrypoint: Option<Vec<String>>,
    pub cmd: Option<Vec<String>>,
    pub user: Option<String>,
    pub working_dir: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Rootfs {
    #[serde(default)]
    pub diff_ids: Vec<String>,
}

/// An entry of `manifest.json`, as `docker save` writes it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Saved {
    pub config: String,
    pub repo_tags: Option<Vec<String>>,
    pub layers: Vec<String>,
}
