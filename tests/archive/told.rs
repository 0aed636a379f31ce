//! What an image tells a receiver, and what is wrong with it.

use std::path::Path;

use sandbox::model::{ImageName, PlatformSpec};
use sandbox::oci::{Image, ImageError, ImageWalkError};

use crate::layout::Layout;
use crate::recorder::Recorder;

impl Layout {
    pub fn refusal(&self) -> String {
        refusal(&name(&self.path()))
    }
}

pub fn name(path: &Path) -> ImageName {
    ImageName {
        path: path.to_owned(),
        reference: None,
        platform: "linux/amd64".parse().unwrap(),
    }
}

pub fn tagged(path: &Path, tag: &str) -> ImageName {
    ImageName {
        reference: Some(tag.to_owned()),
        ..name(path)
    }
}

pub fn on_platform(path: &Path, platform: &str) -> ImageName {
    let platform: PlatformSpec = platform.parse().unwrap();
    ImageName {
        platform,
        ..name(path)
    }
}

pub fn walk(name: &ImageName) -> Result<Recorder, ImageError> {
    let mut recorder = Recorder::default();
    let image = Image::open(name)?;
    match image.walk(&mut recorder) {
        Ok(_) => Ok(recorder),
        Err(ImageWalkError::Image(error)) => Err(error),
        Err(ImageWalkError::Receiver(error)) => panic!("{error}"),
    }
}

pub fn lines(name: &ImageName) -> Vec<String> {
    match walk(name) {
        Ok(recorder) => recorder.lines,
        Err(error) => panic!("{error}"),
    }
}

/// What is wrong, with the path taken out, and what to do about it.
pub fn refusal(name: &ImageName) -> String {
    let error = walk(name).map(|recorder| recorder.lines).unwrap_err();
    let shown = name.path.display().to_string();
    let help = error
        .help()
        .map_or(String::new(), |help| format!(" [{help}]"));
    format!("{error}{help}").replace(&shown, "IMAGE")
}
