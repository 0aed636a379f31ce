//! From the bytes of a file to those of a tar archive: by what the file starts with, never by its name.
//!
//! gzip, zstd and xz are unpacked in this process, with all members, frames and streams that follow each
//! other. What is unpacked is counted before anybody sees it.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use liblzma::bufread::XzDecoder;
use sha2::{Digest, Sha256 as Hasher};

use super::error::Reason;
use super::limits::{Budget, Limit, XZ_MEMORY, ZSTD_WINDOW};
use super::tape::Input;
use crate::model::Sha256;

/// Bytes that are read of a file at a time.
const CHUNK: usize = 128 << 10;

/// Bytes that tell how a file is packed.
const MAGIC: usize = 6;

/// Counts the bytes of a file as they are read.
struct Counted<'a, R> {
    input: R,
    budget: &'a Budget,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.budget.read(read as u64);
        Ok(read)
    }
}

type Packed<'a, R> = BufReader<Counted<'a, R>>;

enum Decoder<'a, R: Read> {
    Plain(Packed<'a, R>),
    Gzip(Box<MultiGzDecoder<Packed<'a, R>>>),
    Zstd(zstd::stream::read::Decoder<'static, Packed<'a, R>>),
    Xz(XzDecoder<Packed<'a, R>>),
}

/// The unpacked bytes of a file.
pub(super) struct Stream<'a, R: Read> {
    decoder: Decoder<'a, R>,
    budget: &'a Budget,
    hasher: Option<Hasher>,
}

/// Whether what is unpacked is hashed on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hashing {
    On,
    Off,
}

impl<'a, R: Read> Stream<'a, R> {
    /// Looks how the file is packed.
    pub fn new(input: R, budget: &'a Budget, hashing: Hashing) -> Result<Stream<'a, R>, Reason> {
        let mut input = BufReader::with_capacity(CHUNK, Counted { input, budget });
        // A pipe may give less at first; a file gives what it has.
        let start = input.fill_buf()?;
        let magic = &start[..start.len().min(MAGIC)];
        let decoder = match packing(magic)? {
            Packing::Plain => Decoder::Plain(input),
            Packing::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(input))),
            Packing::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
                decoder.window_log_max(ZSTD_WINDOW)?;
                Decoder::Zstd(decoder)
            }
            Packing::Xz => {
                let flags = liblzma::stream::CONCATENATED;
                let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, flags);
                Decoder::Xz(XzDecoder::new_stream(
                    input,
                    stream.map_err(io::Error::from)?,
                ))
            }
        };
        Ok(Stream {
            decoder,
            budget,
            hasher: (hashing == Hashing::On).then(Hasher::new),
        })
    }

    /// Reads to the end, which checks all sums, and gives the SHA-256 of everything unpacked where it
    /// was hashed.
    pub fn finish(mut self) -> Result<Option<Sha256>, Reason> {
        let mut buffer = vec![0; CHUNK];
        while self.read(&mut buffer)? > 0 {}
        Ok(self.hasher.map(|hasher| Sha256(hasher.finalize().into())))
    }
}

impl<R: Read> Read for Stream<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.decoder {
            Decoder::Plain(input) => input.read(buffer),
            Decoder::Gzip(decoder) => decoder.read(buffer),
            Decoder::Zstd(decoder) => decoder.read(buffer),
            Decoder::Xz(decoder) => decoder.read(buffer),
        };
        let read = read.map_err(named)?;
        self.budget.give(read as u64)?;
        if let (Some(hasher), Some(bytes)) = (&mut self.hasher, buffer.get(..read)) {
            hasher.update(bytes);
        }
        Ok(read)
    }
}

impl<R: Read> Input for Stream<'_, R> {}

/// What the libraries say, where it has a meaning of its own here.
fn named(error: io::Error) -> io::Error {
    let inner = error.get_ref();
    let xz = inner.and_then(|inner| inner.downcast_ref::<liblzma::stream::Error>());
    // The zstd library gives its errors as text alone.
    let zstd = "Frame requires too much memory for decoding";
    match xz == Some(&liblzma::stream::Error::MemLimit) || error.to_string() == zstd {
        true => Reason::from(Limit::Memory).into(),
        false => error,
    }
}

/// How a file that starts with these bytes is packed; nothing for one that is not, as far as it shows.
pub(crate) fn packing_of(start: &[u8]) -> Option<&'static str> {
    match packing(start) {
        Ok(Packing::Plain) => None,
        Ok(Packing::Gzip) => Some("gzip"),
        Ok(Packing::Zstd) => Some("zstd"),
        Ok(Packing::Xz) => Some("xz"),
        Err(Reason::Compression(name)) => Some(name),
        Err(_) => None,
    }
}

enum Packing {
    Plain,
    Gzip,
    Zstd,
    Xz,
}

fn packing(magic: &[u8]) -> Result<Packing, Reason> {
    let others: [(&[u8], &str); 6] = [
        (b"BZh", "bzip2"),
        (b"LZIP", "lzip"),
        (b"\x04\x22\x4d\x18", "lz4"),
        (b"\x1f\x9d", "compress"),
        (b"PK\x03\x04", "zip"),
        (b"7z\xbc\xaf", "7-Zip"),
    ];
    Ok(match magic {
        [] => return Err(Reason::CutOff),
        [0x1f, 0x8b, ..] => Packing::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Packing::Zstd,
        // A frame to be skipped, with which parallel packers start.
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Packing::Zstd,
        [0xfd, b'7', b'z', b'X', b'Z', 0] => Packing::Xz,
        magic => match others.iter().find(|(other, _)| magic.starts_with(other)) {
            Some((_, name)) => return Err(Reason::Compression(name)),
            None => Packing::Plain,
        },
    })
}
