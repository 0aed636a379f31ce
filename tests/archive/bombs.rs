//! Little that would become much.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use crate::recorder::{Recorder, walk};
use crate::tarball::{Header, Tarball};

/// Ten gigabytes of zeros behind one header.
struct Zeros {
    head: io::Cursor<Vec<u8>>,
    left: u64,
}

const SIZE: u64 = 10 << 30;

impl Zeros {
    fn new(left: u64) -> Zeros {
        let header = Header::new(b'0', "zeros").with(124, &[0x80, 0, 0, 0]);
        let header = header.with(128, &SIZE.to_be_bytes());
        Zeros {
            head: io::Cursor::new(Tarball::default().header(&header).bytes),
            left,
        }
    }
}

impl Read for Zeros {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.head.read(buffer)?;
        if read > 0 {
            return Ok(read);
        }
        let most = buffer.len().min(usize::try_from(self.left).unwrap());
        buffer[..most].fill(0);
        self.left -= most as u64;
        Ok(most)
    }
}

/// What is said of a bomb, and how much of it the receiver saw.
fn refused(write: impl FnOnce(File)) -> (String, u64) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bomb");
    write(File::create(&path).unwrap());
    let mut recorder = Recorder {
        thrown_away: true,
        ..Recorder::default()
    };
    let start = Instant::now();
    let error = walk(&path, None, &mut recorder).unwrap_err().to_string();
    assert!(start.elapsed() < Duration::from_secs(30));
    (error, recorder.bytes)
}

#[test]
fn ten_gigabytes_of_zeros_are_refused_early() {
    let limit = "unpacks to more than 200 times its size";
    let gzip = |file| {
        // A part does: it is refused long before its end.
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::best());
        io::copy(&mut Zeros::new(512 << 20), &mut encoder).unwrap();
        encoder.finish().unwrap();
    };
    let zstd = |file| zstd::stream::copy_encode(Zeros::new(SIZE), file, 1).unwrap();
    let xz = |file| {
        let mut encoder = liblzma::write::XzEncoder::new(file, 0);
        io::copy(&mut Zeros::new(256 << 20), &mut encoder).unwrap();
        encoder.finish().unwrap();
    };
    let refusals = [refused(gzip), refused(zstd), refused(xz)];
    for (error, bytes) in refusals {
        assert!(error.ends_with(limit), "{error}");
        // The file was not read to its end, so nobody has counted it.
        assert_eq!(bytes, 0);
    }
}

#[test]
fn zeros_behind_the_end_mark_count_too() {
    let zeros = |file| {
        let end = io::repeat(0).take(1 << 30);
        zstd::stream::copy_encode(end, file, 1).unwrap();
    };
    let (error, _) = refused(zeros);
    assert!(
        error.ends_with("unpacks to more than 200 times its size"),
        "{error}"
    );
}

#[test]
fn a_file_of_holes_alone_is_refused() {
    let sparse = |size: u64| {
        let header = Header::gnu(b'S', "holes").with(483, &[0x80, 0, 0, 0]);
        let header = header.with(487, &size.to_be_bytes());
        Tarball::default().header(&header).end()
    };
    let (error, _) = refused(|mut file| file.write_all(&sparse(1 << 40)).unwrap());
    assert!(
        error.ends_with("member `holes` unpacks to more than 64 GiB"),
        "{error}"
    );
    let (error, _) = refused(|mut file| file.write_all(&sparse(1 << 30)).unwrap());
    assert!(
        error.ends_with("unpacks to more than 200 times its size"),
        "{error}"
    );
}

#[test]
fn headers_without_end_are_refused() {
    let pax = Header::new(b'x', "pax").size(1 << 33);
    let (error, _) = refused(|mut file| {
        file.write_all(&Tarball::default().header(&pax).bytes)
            .unwrap();
        file.set_len(1 << 34).unwrap();
    });
    assert!(
        error.ends_with("has more than 1024 KiB of headers"),
        "{error}"
    );
    let globals = Tarball::default().raw_pax(b'g', b"13 comment=x\n").bytes;
    let labels = Tarball::default().header(&Header::gnu(b'V', "label")).bytes;
    for one in [labels, globals] {
        let mut bytes = one.repeat(3000);
        bytes.extend(Tarball::default().file("a", "").end());
        let (error, _) = refused(|mut file| file.write_all(&bytes).unwrap());
        assert!(
            error.ends_with("has more than 1024 KiB of headers"),
            "{error}"
        );
    }
}

/// Each of 3000 members needs 250 directories that nothing else needs.
#[test]
fn directories_without_number_are_refused() {
    let members = (0..3000).fold(Tarball::default(), |tar, number| {
        let path = format!("{number}/{}", "d/".repeat(250));
        tar.pax(&[("path", path.as_bytes())]).dir("x")
    });
    let (error, _) = refused(|mut file| file.write_all(&members.end()).unwrap());
    assert!(error.ends_with("holds more than 500000 members"), "{error}");
}

#[test]
fn attributes_without_end_are_refused() {
    let value = vec![b'x'; 60 << 10];
    let name = |number: usize| format!("SCHILY.xattr.user.{number}");
    let names: Vec<String> = (0..16).map(name).collect();
    let records: Vec<(&str, &[u8])> = names
        .iter()
        .map(|name| (name.as_str(), &value[..]))
        .collect();
    let one = Tarball::default().pax(&records).file("x", "").bytes;
    let (error, _) = refused(|mut file| {
        // Packed, it would be refused for what it unpacks to.
        for _ in 0..300 {
            file.write_all(&one).unwrap();
        }
    });
    assert!(
        error.ends_with("has more than 256 MiB of names, links and attributes"),
        "{error}"
    );
}

#[test]
fn a_window_that_is_too_wide_is_refused() {
    let zstd = |file| {
        let mut encoder = zstd::stream::Encoder::new(file, 1).unwrap();
        encoder.window_log(28).unwrap();
        encoder.include_contentsize(false).unwrap();
        encoder
            .write_all(&Tarball::default().file("a", "x").end())
            .unwrap();
        encoder.finish().unwrap();
    };
    let xz = |file| {
        let mut options = liblzma::stream::LzmaOptions::new_preset(0).unwrap();
        options.dict_size(512 << 20);
        let mut filters = liblzma::stream::Filters::new();
        filters.lzma2(&options);
        let stream =
            liblzma::stream::Stream::new_stream_encoder(&filters, liblzma::stream::Check::Crc32);
        let mut encoder = liblzma::write::XzEncoder::new_stream(file, stream.unwrap());
        encoder
            .write_all(&Tarball::default().file("a", "x").end())
            .unwrap();
        encoder.finish().unwrap();
    };
    for (error, _) in [refused(zstd), refused(xz)] {
        assert!(
            error.ends_with("needs more than 128 MiB of memory to unpack"),
            "{error}"
        );
    }
}

#[test]
fn what_is_well_packed_is_no_bomb() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("logs");
    let line = b"2026-01-01T00:00:00 service started in 12 ms\n";
    let text = line.repeat(64 << 10);
    let tarball = (0..8).fold(Tarball::default(), |tar, number| {
        tar.file(format!("log.{number}"), &text)
    });
    fs::write(&path, crate::tarball::gzip(&tarball.end())).unwrap();
    let mut recorder = Recorder::default();
    assert_eq!(walk(&path, None, &mut recorder).unwrap(), 0);
    assert_eq!(recorder.bytes, 8 * text.len() as u64);
}
