//! What an image says of the program that it was made for.

use crate::model::{ImageFact, ImageName};
use crate::oci::Image;

/// Reads an image's description, and none of its layers.
pub(super) fn look(name: &ImageName) -> ImageFact {
    match Image::open(name) {
        Ok(image) => ImageFact::Found(image.config().clone()),
        Err(error) => ImageFact::Refused {
            message: error.to_string(),
            help: error.help(),
        },
    }
}
