//! An image that was chosen: its configuration, and its layers one after the other.

use std::path::{Path, PathBuf};

use nix::sys::stat::FileStat;

use super::choose::{choose, manifest, of_index, of_saved};
use super::digest::Digest;
use super::error::{Fault, ImageError};
use super::json::{Config, Descriptor, Index, Layout, Manifest, RunConfig, Saved};
use super::place::{Blob, Place};
use crate::archive::{Names, Reason, Receiver, Walk, WalkError, unpacked_hash};
use crate::model::{ImageConfig, ImageName, Sha256, from_hex};

/// Layers of one image. Docker stops at 127.
const LAYERS: usize = 1000;

/// An image of a layout, or of what `docker save` wrote.
#[derive(Debug)]
pub struct Image {
    place: Place,
    config: ImageConfig,
    layers: Vec<Layer>,
}

#[derive(Debug)]
struct Layer {
    bytes: Bytes,
    /// What it unpacks to.
    content: Sha256,
}

/// Where a layer's bytes are.
#[derive(Debug)]
enum Bytes {
    /// Under their hash, so many.
    Blob(String, u64),
    /// Under a name that says nothing of them.
    File(String),
}

/// A walk over an image that ended early.
#[derive(Debug)]
pub enum ImageWalkError<E> {
    /// The image is at fault.
    Image(ImageError),
    /// The receiver did not take a member in.
    Receiver(E),
}

impl<E> From<ImageError> for ImageWalkError<E> {
    fn from(error: ImageError) -> ImageWalkError<E> {
        ImageWalkError::Image(error)
    }
}

impl<E> From<WalkError<E>> for ImageWalkError<E> {
    fn from(error: WalkError<E>) -> ImageWalkError<E> {
        match error {
            WalkError::Archive(error) => ImageWalkError::Image(error.into()),
            WalkError::Receiver(error) => ImageWalkError::Receiver(error),
        }
    }
}

impl Image {
    /// Opens an image, and reads and checks all that describes it; its layers are not read.
    ///
    /// # Errors
    /// When there is no such image, when several would do, and when a part of it is missing or is
    /// not what its hash says.
    pub fn open(name: &ImageName) -> Result<Image, ImageError> {
        let place = Place::open(&name.path)?;
        if let Some((layout, _)) = place.named_document::<Layout>("oci-layout")? {
            if layout.image_layout_version != "1.0.0" {
                return Err(place.fault(Fault::Version(layout.image_layout_version)));
            }
            return of_layout(place, name);
        }
        match place.named_document::<Vec<Saved>>("manifest.json")? {
            Some((saved, _)) => of_docker(place, saved, name),
            None => Err(place.fault(Fault::NoImage)),
        }
    }

    /// What it says of the program that it was made for.
    pub fn config(&self) -> &ImageConfig {
        &self.config
    }

    /// All host files that it was read from so far, as they were then.
    pub fn files(&self) -> Vec<(PathBuf, FileStat)> {
        self.place.seen()
    }

    /// Where it was opened.
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// Gives all layers to `receiver`, and returns how many devices and pipes were left out. Each layer
    /// is checked whole before any of it is given, and what is given is hashed again: after an error
    /// nothing that the receiver took in may be used.
    ///
    /// # Errors
    /// When a layer is missing, is not what its hash says, or holds what no tree may; and whatever
    /// the receiver says.
    pub fn walk<R: Receiver>(&self, receiver: &mut R) -> Result<u64, ImageWalkError<R::Error>> {
        let mut walk = Walk::default();
        for (index, layer) in self.layers.iter().enumerate() {
            let subject = format!("layer {} of image `{}`", index + 1, self.path().display());
            let blob = self.checked(layer, &subject)?;
            let content = Some(&layer.content);
            walk.layer(&subject, blob.reader(), Names::Layer, content, receiver)?;
            blob.unchanged()
                .map_err(|reason| self.place.fault(Fault::File(reason)))?;
        }
        self.place.unchanged()?;
        Ok(walk.skipped())
    }

    /// The bytes of a layer, which are those that the image means.
    fn checked(&self, layer: &Layer, subject: &str) -> Result<Blob<'_>, ImageError> {
        let name = match &layer.bytes {
            Bytes::Blob(digest, size) => return self.place.blob(digest, *size),
            Bytes::File(name) => name,
        };
        let blob = self.place.file(name)?;
        let blob = blob.ok_or_else(|| self.place.part(name, "is not there"))?;
        match unpacked_hash(subject, blob.reader())? {
            found if found == layer.content => Ok(blob),
            found => Err(self
                .place
                .part(name, format!("unpacks to the SHA-256 `{found}`"))),
        }
    }
}

fn of_layout(place: Place, name: &ImageName) -> Result<Image, ImageError> {
    let index = place.named_document::<Index>("index.json")?;
    let (index, _) = index.ok_or_else(|| place.part("index.json", "is not there"))?;
    let candidates = of_index(&place, index)?;
    let read = |descriptor: &Descriptor| {
        let found = manifest(&place, descriptor)?;
        Ok(found.map(|(manifest, config)| {
            let platform = config.platform();
            ((manifest, config), platform)
        }))
    };
    let reference = name.reference.as_deref();
    let chosen = choose(&place, candidates, reference, &name.platform, read)?;
    let (_, (Manifest { layers, .. }, config)) = chosen;
    let layers = layers.iter().enumerate();
    let blobs = layers.map(|(at, layer)| {
        judge_type(at + 1, &layer.media_type).map_err(|fault| place.fault(fault))?;
        Ok(Bytes::Blob(layer.digest.clone(), layer.size))
    });
    let blobs = blobs.collect::<Result<_, ImageError>>()?;
    image(place, blobs, config)
}

fn of_docker(place: Place, saved: Vec<Saved>, name: &ImageName) -> Result<Image, ImageError> {
    let candidates = of_saved(saved);
    let read = |saved: &Saved| {
        let config = saved_config(&place, &saved.config)?;
        let platform = config.platform();
        Ok::<_, ImageError>(Some((config, platform)))
    };
    let reference = name.reference.as_deref();
    let (saved, config) = choose(&place, candidates, reference, &name.platform, read)?;
    let blobs = saved.layers.into_iter().map(Bytes::File).collect();
    image(place, blobs, config)
}

/// A configuration whose name is its hash: `HEX.json`, or `blobs/sha256/HEX`.
fn saved_config(place: &Place, name: &str) -> Result<Config, ImageError> {
    let found = place.named_document::<Config>(name)?;
    let (config, text) = found.ok_or_else(|| place.part(name, "is not there"))?;
    let file = name.rsplit('/').next().unwrap_or(name);
    let hash = from_hex(file.strip_suffix(".json").unwrap_or(file));
    let named = hash.map(Digest::Sha256);
    let named = named.ok_or_else(|| place.part(name, "is not named by its SHA-256"))?;
    let own = named.of_same_kind(&mut &text[..]);
    match own {
        Ok((own, _)) if own == named => Ok(config),
        Ok((own, _)) => Err(place.part(name, format!("has the hash `{own}`"))),
        Err(error) => Err(place.part(name, Reason::from(error).to_string())),
    }
}

/// Whether layers of this type are read. How one is packed, its bytes tell.
fn judge_type(layer: usize, kind: &str) -> Result<(), Fault> {
    let oci = kind.strip_prefix("application/vnd.oci.image.layer.");
    let docker = kind.strip_prefix("application/vnd.docker.image.rootfs.");
    match (oci, docker) {
        (Some("v1.tar" | "v1.tar+gzip" | "v1.tar+zstd"), _)
        | (_, Some("diff.tar" | "diff.tar.gzip" | "diff.tar.zstd")) => Ok(()),
        (Some(rest), _) if rest.starts_with("nondistributable.") => Err(Fault::Foreign(layer)),
        (_, Some(rest)) if rest.starts_with("foreign.") => Err(Fault::Foreign(layer)),
        _ => Err(Fault::LayerType {
            layer,
            kind: crate::archive::printable(kind.as_bytes()),
        }),
    }
}

fn image(place: Place, blobs: Vec<Bytes>, config: Config) -> Result<Image, ImageError> {
    let hashes = config.rootfs.diff_ids;
    if blobs.len() != hashes.len() || blobs.len() > LAYERS {
        return Err(place.fault(Fault::Count {
            layers: blobs.len(),
            hashes: hashes.len(),
        }));
    }
    let layers = blobs
        .into_iter()
        .zip(&hashes)
        .map(|(bytes, hash)| match hash.parse() {
            Ok(Digest::Sha256(content)) => Ok(Layer {
                bytes,
                content: Sha256(content),
            }),
            _ => Err(place.part(hash, "is no SHA-256")),
        });
    let layers = layers.collect::<Result<_, _>>()?;
    let config = run_config(config.config.unwrap_or_default());
    Ok(Image {
        layers,
        config: config.map_err(|why| place.part("config", why))?,
        place,
    })
}

/// What the image says of its program, with nothing in it that no program can be given.
fn run_config(raw: RunConfig) -> Result<ImageConfig, &'static str> {
    let RunConfig {
        env,
        entrypoint,
        cmd,
        user,
        working_dir,
    } = raw;
    let text = |text: &String| match text.contains('\0') {
        true => Err("holds a zero byte"),
        false => Ok(text.clone()),
    };
    let texts = |list: Option<Vec<String>>| -> Result<Vec<String>, &'static str> {
        list.unwrap_or_default().iter().map(text).collect()
    };
    let pair = |entry: String| match entry.split_once('=') {
        // One without a value would be looked up in the host's environment by some.
        None | Some(("", _)) => Err("has an `Env` that is not `NAME=VALUE`"),
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
    };
    let env = texts(env)?
        .into_iter()
        .map(pair)
        .collect::<Result<_, _>>()?;
    let said = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    Ok(ImageConfig {
        env,
        entrypoint: texts(entrypoint)?,
        cmd: texts(cmd)?,
        user: said(&user).as_ref().map(text).transpose()?,
        workdir: said(&working_dir).as_ref().map(text).transpose()?,
    })
}
