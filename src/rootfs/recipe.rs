//! The key of a tree: what its plan says, and nothing of where it says so.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::diag::At;
use crate::model::{FileMode, ImageName, InsidePath, Platform, PlatformSpec, Sha256};
use crate::plan::{Existing, Missing, MountPoint, MountPointKind, TreePlan, TreeSource};

/// Goes up when the same plan gives another tree.
const FORMAT: u64 = 3;

/// The key of the tree that `uid` builds from `plan`, in hexadecimal.
///
/// Origins stay out, so that a comment in a profile makes no new tree. The search path goes in,
/// because other programs are found along another one.
pub(super) fn key(plan: &TreePlan, uid: u32) -> String {
    let TreePlan {
        sources,
        mount_points,
        search_path,
        library_path,
    } = plan;
    let mut text = Canonical::default();
    text.number(FORMAT);
    text.number(uid.into());
    text.list(sources, |text, source| text.source(&source.value));
    text.list(mount_points, Canonical::mount_point);
    text.list(search_path, |text, dir| text.path(dir));
    text.list(library_path, |text, dir| text.path(dir));
    let hash = text.hasher.finalize().to_hex();
    hash.as_str().chars().take(super::record::ID).collect()
}

/// A hash of values that are each preceded by their length, so that no two lists run together.
#[derive(Default)]
struct Canonical {
    hasher: blake3::Hasher,
}

impl Canonical {
    fn number(&mut self, number: u64) {
        self.hasher.update(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.hasher.update(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn path(&mut self, path: &Path) {
        self.bytes(path.as_os_str().as_bytes());
    }

    fn inside(&mut self, path: &InsidePath) {
        self.text(path.as_str());
    }

    fn list<T>(&mut self, list: &[T], mut each: impl FnMut(&mut Self, &T)) {
        self.number(list.len() as u64);
        for value in list {
            each(self, value);
        }
    }

    fn mode(&mut self, FileMode(bits): FileMode) {
        self.number(bits.into());
    }

    fn existing(&mut self, existing: Existing) {
        self.number(match existing {
            Existing::Replaced => 0,
            Existing::Kept => 1,
        });
    }

    fn mount_point(&mut self, MountPoint { path, kind }: &MountPoint) {
        self.inside(path);
        self.number(match kind {
            MountPointKind::Directory => 0,
            MountPointKind::File => 1,
        });
    }

    fn source(&mut self, source: &TreeSource) {
        match source {
            TreeSource::Copy {
                from,
                to,
                exclude,
                missing,
                existing,
            } => {
                self.text("copy");
                self.path(from);
                self.list(to.as_slice(), Self::inside);
                self.list(exclude, |text, pattern| text.text(pattern));
                self.number(match missing {
                    Missing::Refused => 0,
                    Missing::Skipped => 1,
                });
                self.existing(*existing);
            }
            TreeSource::Programs { programs, extra } => {
                self.text("programs");
                self.list(programs, |text, At { value, origin: _ }| text.text(value));
                self.list(extra, |text, At { value, origin: _ }| text.path(value));
            }
            TreeSource::Bundle { bundles } => {
                self.text("bundle");
                self.list(bundles, |text, at| text.text(at.value.word()));
            }
            TreeSource::Archive { path, sha256, to } => {
                self.text("archive");
                self.path(path);
                self.list(sha256.as_slice(), |text, Sha256(hash)| text.bytes(hash));
                self.inside(to);
            }
            TreeSource::Image(ImageName {
                path,
                reference,
                platform,
            }) => {
                self.text("image");
                self.path(path);
                self.list(reference.as_slice(), |text, name| text.text(name));
                // A store may be shared by machines of several kinds.
                let platform = match platform {
                    PlatformSpec::Machine => Platform::of_machine(),
                    PlatformSpec::Named(platform) => platform.clone(),
                };
                self.text(&platform.to_string());
            }
            TreeSource::File {
                path,
                text,
                mode,
                existing,
            } => {
                self.text("file");
                self.inside(path);
                self.text(text);
                self.mode(*mode);
                self.existing(*existing);
            }
            TreeSource::Dir { path, mode } => {
                self.text("dir");
                self.inside(path);
                self.mode(*mode);
            }
            TreeSource::Symlink {
                path,
                target,
                existing,
            } => {
                self.text("symlink");
                self.inside(path);
                self.text(target);
                self.existing(*existing);
            }
        }
    }
}
