//! apk: one file with a paragraph a package, one letter a field.

use std::path::Path;

use super::asked::Asked;
use super::{Manager, Package};

/// The second is the place since Alpine 3.22.
const INSTALLED: [&str; 2] = ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"];

pub(super) fn read(asked: &mut Asked<'_>) {
    for path in INSTALLED {
        let text = asked.root.read(path);
        if let Some(text) = asked.take(path, text) {
            // With /lib as a link both are one file.
            return packages(&text, asked);
        }
    }
}

/// What is known of the package whose paragraph is read.
#[derive(Default)]
struct Paragraph<'t, 'a> {
    name: &'t [u8],
    version: &'t [u8],
    architecture: &'t [u8],
    directory: &'t [u8],
    files: Vec<&'a Path>,
}

fn packages(text: &[u8], asked: &mut Asked<'_>) {
    let mut paragraph = Paragraph::default();
    let end: &[u8] = b"";
    for line in text.split(|byte| *byte == b'\n').chain([end]) {
        let Some((field, value)) = line.split_first_chunk::<2>() else {
            std::mem::take(&mut paragraph).own(asked);
            continue;
        };
        match field {
            b"P:" => paragraph.name = value,
            b"V:" => paragraph.version = value,
            b"A:" => paragraph.architecture = value,
            b"F:" => paragraph.directory = value,
            b"R:" => {
                let file = match paragraph.directory {
                    b"" => [b"/", value].concat(),
                    directory => [b"/", directory, b"/", value].concat(),
                };
                paragraph.files.extend(asked.find(&file));
            }
            _ => {}
        }
    }
}

impl<'a> Paragraph<'_, 'a> {
    fn own(self, asked: &mut Asked<'a>) {
        let Paragraph {
            name,
            version,
            architecture,
            directory: _,
            files,
        } = self;
        if let Some(package) = Package::new(Manager::Apk, name, architecture, version) {
            for path in files {
                asked.own(path, &package);
            }
        }
    }
}
