//! Images: which one is meant, what it says, and its layers, read in place; and how one is written.
//!
//! Three forms are read, and nothing of them is unpacked to the disk: a directory with the OCI image
//! layout, a tar archive of such a directory, and what `docker save` writes. A tar archive is read by
//! offset, so it must not be packed as a whole.
//!
//! # What is checked
//!
//! - Everything that a digest names has that digest and that size before any of it is used, down to the
//!   layers. What a layer unpacks to has the hash that the configuration gives it (`diff_id`), and that
//!   is hashed again while the members are given on.
//! - Names in the image are never paths of the host: blobs are opened by the digits of their digest, and
//!   no link leads out of the layout.
//! - A document that says of itself to be another kind is refused (CVE-2021-41190).
//! - Labels, annotations and history are not read, but for the names of images.

mod choose;
mod digest;
mod error;
mod image;
mod json;
mod place;
mod write;

pub use error::{Fault, ImageError};
pub use image::{Image, ImageWalkError};
pub use write::write;
