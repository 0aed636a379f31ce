//! Tar files written header by header, so that they can be wrong in any way.

use std::io::Write;

/// The bytes of an archive.
#[derive(Clone, Default)]
pub struct Tarball {
    pub bytes: Vec<u8>,
}

/// One header, its fields as they will be written.
#[derive(Clone)]
pub struct Header {
    block: [u8; 512],
}

impl Header {
    /// A header of POSIX.
    pub fn new(kind: u8, name: impl AsRef<[u8]>) -> Header {
        let mut header = Header { block: [0; 512] };
        header.put(0, name.as_ref());
        header.put(100, b"0000644\0");
        header.put(108, b"0000000\0");
        header.put(116, b"0000000\0");
        header.put(124, b"00000000000\0");
        header.put(136, b"00000000007\0");
        header.put(156, &[kind]);
        header.put(257, b"ustar\x0000");
        header
    }

    /// A header of GNU.
    pub fn gnu(kind: u8, name: impl AsRef<[u8]>) -> Header {
        Header::new(kind, name).with(257, b"ustar  \0")
    }

    /// With these bytes at this offset.
    pub fn with(mut self, at: usize, bytes: &[u8]) -> Header {
        self.put(at, bytes);
        self
    }

    pub fn mode(self, mode: u32) -> Header {
        self.with(100, format!("{mode:07o}\0").as_bytes())
    }

    pub fn size(self, size: u64) -> Header {
        self.with(124, format!("{size:011o}\0").as_bytes())
    }

    pub fn link(self, target: impl AsRef<[u8]>) -> Header {
        self.with(157, target.as_ref())
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.block[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn sealed(&self) -> [u8; 512] {
        let mut block = self.block;
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    }
}

impl Tarball {
    pub fn header(mut self, header: &Header) -> Tarball {
        self.bytes.extend(header.sealed());
        self
    }

    /// Bytes as they are, with the zeros that fill their last block.
    pub fn content(mut self, content: &[u8]) -> Tarball {
        self.bytes.extend(content);
        let end = self.bytes.len().next_multiple_of(512);
        self.bytes.resize(end, 0);
        self
    }

    pub fn file(self, name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Tarball {
        let content = content.as_ref();
        let header = Header::new(b'0', name).size(content.len() as u64);
        self.header(&header).content(content)
    }

    pub fn dir(self, name: impl AsRef<[u8]>) -> Tarball {
        self.header(&Header::new(b'5', name).mode(0o755))
    }

    pub fn symlink(self, name: impl AsRef<[u8]>, target: &str) -> Tarball {
        self.header(&Header::new(b'2', name).link(target))
    }

    pub fn hard_link(self, name: impl AsRef<[u8]>, target: &str) -> Tarball {
        self.header(&Header::new(b'1', name).link(target))
    }

    /// An extended header of pax with these records.
    pub fn pax(self, records: &[(&str, &[u8])]) -> Tarball {
        self.raw_pax(b'x', &records_of(records))
    }

    pub fn raw_pax(self, kind: u8, records: &[u8]) -> Tarball {
        let header = Header::new(kind, "pax").size(records.len() as u64);
        self.header(&header).content(records)
    }

    /// GNU's long name (`L`) or long link (`K`).
    pub fn long(self, kind: u8, text: &[u8]) -> Tarball {
        let header = Header::gnu(kind, "././@LongLink").size(text.len() as u64);
        self.header(&header).content(text)
    }

    /// The whole archive, with its end mark.
    pub fn end(mut self) -> Vec<u8> {
        self.bytes.extend([0; 1024]);
        self.bytes
    }
}

fn records_of(records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let mut length = rest + 1;
        while length != rest + length.to_string().len() {
            length = rest + length.to_string().len();
        }
        write!(bytes, "{length} {key}=").unwrap();
        bytes.extend(*value);
        bytes.push(b'\n');
    }
    bytes
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 3).unwrap()
}

pub fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An archive with one of everything.
pub fn everything() -> Vec<u8> {
    let sparse = Header::gnu(b'S', "sparse")
        .size(4)
        .with(386, b"00000001000\0");
    let sparse = sparse
        .with(398, b"00000000004\0")
        .with(483, b"00000002000\0");
    Tarball::default()
        .raw_pax(b'g', b"16 mtime=123456\n")
        .dir("d")
        .file("d/f", "content")
        .pax(&[("path", b"a/long/one"), ("SCHILY.xattr.user.a", b"1\n2")])
        .file("x", "y")
        .long(b'L', b"another/long/one\0")
        .symlink("l", "d/f")
        .hard_link("h", "d/f")
        .header(&sparse)
        .content(b"data")
        .pax(&[
            ("GNU.sparse.major", b"1"),
            ("GNU.sparse.minor", b"0"),
            ("GNU.sparse.name", b"newer"),
            ("GNU.sparse.realsize", b"2000"),
        ])
        .header(&Header::new(b'0', "y").size(516))
        .content(&[&b"1\n1000\n4\n"[..], &[0; 503], b"data"].concat())
        .header(&Header::new(b'3', "null"))
        .end()
}
