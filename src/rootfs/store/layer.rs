//! A tree as the layer of an image.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use tar::{Builder, EntryType, Header};

use super::{INVENTORY, ROOT, Tree};
use crate::model::ImageConfig;
use crate::oci;
use crate::rootfs::error::{StoreError, SystemProblem};
use crate::rootfs::inventory::{Inventory, Item, ItemKind};
use crate::rootfs::key::attributes;
use crate::rootfs::walk::{open_below, open_dir};

impl Tree {
    /// Writes the tree as an OCI image layout of one layer into `output`, a directory that is not there yet. All
    /// of it belongs to root there, as in any image.
    ///
    /// # Errors
    /// When `output` is there or cannot be written; then it may hold a part of the layout, but no `oci-layout`.
    pub fn export_image(
        &self,
        output: &Path,
        name: &str,
        config: &ImageConfig,
    ) -> Result<(), StoreError> {
        let Some(inventory) = self.inventory() else {
            return Err(StoreError::Damaged {
                path: self.root.with_file_name(INVENTORY),
            });
        };
        let root = open_dir(&self.lock, OsStr::new(ROOT), OFlag::O_RDONLY)
            .map_err(SystemProblem::at("open", &self.root))?;
        let written = oci::write(output, name, config, |layer| pack(&root, &inventory, layer));
        let failed = SystemProblem::at("write the image", output);
        Ok(written.map_err(|error| failed(crate::rootfs::content::errno(error)))?)
    }
}

fn pack(root: &OwnedFd, inventory: &Inventory, layer: &mut dyn Write) -> io::Result<()> {
    let mut tar = Builder::new(layer);
    // Holes would be written as a format that not every reader of images knows.
    tar.sparse(false);
    for item in inventory.items.iter().skip(1) {
        member(&mut tar, root, item)?;
    }
    tar.finish()
}

fn member(tar: &mut Builder<&mut dyn Write>, root: &OwnedFd, item: &Item) -> io::Result<()> {
    let path = below(item.path());
    let mut header = Header::new_ustar();
    header.set_mode(item.mode);
    header.set_mtime(u64::try_from(item.modified.0).unwrap_or(0));
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    match &item.kind {
        ItemKind::Directory => {
            header.set_entry_type(EntryType::Directory);
            tar.append_data(&mut header, path, io::empty())
        }
        ItemKind::Symlink(text) => {
            header.set_entry_type(EntryType::Symlink);
            tar.append_link(&mut header, path, OsStr::from_bytes(text))
        }
        ItemKind::HardLink(first) => {
            header.set_entry_type(EntryType::Link);
            let first = Path::new(OsStr::from_bytes(first));
            tar.append_link(&mut header, path, below(first))
        }
        ItemKind::File(file) => {
            let content = open(root, item.path())?;
            attach(tar, &content)?;
            header.set_entry_type(EntryType::Regular);
            header.set_size(file.size);
            tar.append_data(&mut header, path, content)
        }
    }
}

/// The user attributes, in a header before the file's own.
fn attach(tar: &mut Builder<&mut dyn Write>, content: &File) -> io::Result<()> {
    let found = attributes(content.as_fd())?;
    let names: Vec<(String, Vec<u8>)> = found
        .attributes
        .into_iter()
        .map(|(name, value)| (format!("SCHILY.xattr.{}", name.to_string_lossy()), value))
        .collect();
    tar.append_pax_extensions(
        names
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice())),
    )
}

fn open(root: &OwnedFd, path: &Path) -> io::Result<File> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let parent = open_below(root.as_fd(), below(parent), OFlag::O_PATH)?;
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(openat(&parent, name, flags, Mode::empty())?.into())
}

/// A path inside, relative to the root.
fn below(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}
