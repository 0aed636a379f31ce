//! The members of a tar archive one after the other, with what headers before them say of them.

use std::ffi::CString;
use std::io::{self, Read};

use super::error::Reason;
use super::header::{BLOCK, Block, CHECKSUM, Head, Kind, is_zero};
use super::limits::{Budget, DESCRIPTION, Limit};
use super::pax::Pax;
use super::sparse::{self, More, Sparse};

/// What an archive is read from.
pub(super) trait Input: Read {
    /// Goes on behind the next `bytes`.
    fn skip(&mut self, mut bytes: u64) -> io::Result<()> {
        let mut buffer = [0; 64 * BLOCK];
        while bytes > 0 {
            let most = usize::try_from(bytes)
                .unwrap_or(usize::MAX)
                .min(buffer.len());
            match self.read(&mut buffer[..most])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => bytes -= read as u64,
            }
        }
        Ok(())
    }
}

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    Directory,
    File(Pieces),
    Symlink,
    HardLink,
    /// A device or a pipe.
    Special,
}

/// How the archive holds a file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pieces {
    /// All of it: so many bytes.
    Whole(u64),
    /// Without its holes.
    Sparse(Sparse),
}

/// One member, as it is written.
#[derive(Debug)]
pub(super) struct Entry {
    pub name: Vec<u8>,
    pub link: Vec<u8>,
    pub mode: u32,
    pub modified: (i64, i64),
    pub attributes: Vec<(CString, Vec<u8>)>,
    pub shape: Shape,
}

impl Entry {
    /// Bytes of its content, holes included.
    pub fn size(&self) -> u64 {
        match &self.shape {
            Shape::File(Pieces::Whole(size)) => *size,
            Shape::File(Pieces::Sparse(sparse)) => sparse.size,
            _ => 0,
        }
    }
}

/// A tar archive that is read from its start to its end.
pub(super) struct Tape<I> {
    input: I,
    started: bool,
    /// Bytes of the last content that were not read.
    left: u64,
    /// Bytes behind it up to the next header.
    padding: u64,
    global: Pax,
}

/// What headers before a member say of it.
#[derive(Default)]
struct Before {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    pax: Option<Pax>,
    /// Bytes of them so far.
    bytes: u64,
}

impl Before {
    fn is_empty(&self) -> bool {
        self.name.is_none() && self.link.is_none() && self.pax.is_none()
    }

    fn count(&mut self, bytes: u64) -> Result<(), Reason> {
        self.bytes = self.bytes.saturating_add(bytes);
        match self.bytes > DESCRIPTION {
            true => Err(Limit::Description.into()),
            false => Ok(()),
        }
    }
}

impl<I: Input> Tape<I> {
    pub fn new(input: I) -> Tape<I> {
        Tape {
            input,
            started: false,
            left: 0,
            padding: 0,
            global: Pax::default(),
        }
    }

    /// The next member; nothing at the end mark. Content that was not read is passed over.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, Reason> {
        let mut before = Before::default();
        loop {
            self.skip_content()?;
            let block = self.block()?;
            if is_zero(&block) {
                return match before.is_empty() {
                    true => Ok(None),
                    false => Err(Reason::Header("it describes a member that does not come")),
                };
            }
            let head = Head::read(&block).map_err(|reason| match reason {
                CHECKSUM if !self.started => Reason::NoTar,
                reason => reason,
            })?;
            self.started = true;
            before.count(BLOCK as u64)?;
            match head.kind {
                Kind::Label => {}
                Kind::LongName => once(
                    &mut before.name,
                    long(self.text(&head, &mut before.bytes)?)?,
                )?,
                Kind::LongLink => once(
                    &mut before.link,
                    long(self.text(&head, &mut before.bytes)?)?,
                )?,
                Kind::Pax => {
                    let mut pax = self.global.clone();
                    pax.read(&self.text(&head, &mut before.bytes)?)?;
                    once(&mut before.pax, pax)?;
                }
                Kind::GlobalPax => {
                    let mut global = Pax::default();
                    global.read(&self.text(&head, &mut before.bytes)?)?;
                    let modified = global.into_global()?.modified;
                    self.global.modified = modified.or(self.global.modified);
                }
                _ => return self.entry(head, &block, before).map(Some),
            }
        }
    }

    /// The content of the last member.
    pub fn content<'t>(&'t mut self, entry: &'t Entry, budget: &'t Budget) -> Content<'t, I> {
        let pieces = match &entry.shape {
            Shape::File(Pieces::Sparse(sparse)) => Some(sparse.pieces.as_slice()),
            _ => None,
        };
        Content {
            tape: self,
            budget,
            pieces,
            at: 0,
            size: entry.size(),
        }
    }

    /// Passes over what is left of the last content.
    pub fn skip_content(&mut self) -> Result<(), Reason> {
        let bytes = self.left.saturating_add(self.padding);
        (self.left, self.padding) = (0, 0);
        Ok(self.input.skip(bytes)?)
    }

    /// Reads on behind the end mark, where only zeros may be.
    pub fn finish(mut self) -> Result<I, Reason> {
        let mut buffer = [0; 64 * BLOCK];
        loop {
            let read = self.input.read(&mut buffer)?;
            if read == 0 {
                return Ok(self.input);
            }
            if buffer[..read].iter().any(|byte| *byte != 0) {
                return Err(Reason::Trailing);
            }
        }
    }

    /// What the archive is read from.
    pub fn input(&self) -> &I {
        &self.input
    }

    fn block(&mut self) -> Result<Block, Reason> {
        let mut block = [0; BLOCK];
        self.input.read_exact(&mut block)?;
        Ok(block)
    }

    fn expect(&mut self, size: u64) {
        self.left = size;
        self.padding = size.wrapping_neg() % BLOCK as u64;
    }

    fn text(&mut self, head: &Head, bytes: &mut u64) -> Result<Vec<u8>, Reason> {
        *bytes = bytes.saturating_add(head.size);
        if *bytes > DESCRIPTION {
            return Err(Limit::Description.into());
        }
        self.expect(head.size);
        self.take(head.size)
    }

    /// Reads some of the content.
    fn take(&mut self, size: u64) -> Result<Vec<u8>, Reason> {
        let size = usize::try_from(size).map_err(|_| Limit::Description)?;
        let mut text = vec![0; size];
        self.input.read_exact(&mut text)?;
        self.left -= size as u64;
        Ok(text)
    }

    fn entry(&mut self, head: Head, block: &Block, mut before: Before) -> Result<Entry, Reason> {
        let mut pax = before.pax.take().unwrap_or_else(|| self.global.clone());
        let shape = self.shape(&head, block, &mut before, &pax)?;
        let name = one_of(before.name, pax.sparse.name.take().or(pax.path))?;
        let link = one_of(before.link, pax.link)?;
        Ok(Entry {
            name: name.unwrap_or(head.name),
            link: link.unwrap_or(head.link),
            mode: head.mode,
            modified: pax.modified.unwrap_or(head.modified),
            attributes: pax.attributes,
            shape,
        })
    }

    fn shape(
        &mut self,
        head: &Head,
        block: &Block,
        before: &mut Before,
        pax: &Pax,
    ) -> Result<Shape, Reason> {
        let only_files = || match pax.size.is_none_or(|size| size == 0) && !pax.sparse.is_used() {
            true => Ok(()),
            false => Err(Reason::Header("it has content, and only files have")),
        };
        Ok(match head.kind {
            Kind::Directory => {
                only_files()?;
                Shape::Directory
            }
            Kind::Symlink => {
                only_files()?;
                Shape::Symlink
            }
            Kind::HardLink => {
                only_files()?;
                Shape::HardLink
            }
            Kind::Special => {
                only_files()?;
                Shape::Special
            }
            Kind::Sparse => {
                let stored = head.size_with(pax.size)?;
                let (mut pieces, size, mut more) = sparse::of_header(block)?;
                while more == More::Follows {
                    before.count(BLOCK as u64)?;
                    let (further, again) = sparse::of_block(&self.block()?)?;
                    pieces.extend(further);
                    more = again;
                }
                self.expect(stored);
                Shape::File(Pieces::Sparse(Sparse::new(pieces, size, stored)?))
            }
            _ => {
                let stored = head.size_with(pax.size)?;
                self.expect(stored);
                Shape::File(self.pieces(stored, before, pax)?)
            }
        })
    }

    /// What of a file is stored, by the keys of pax.
    fn pieces(&mut self, stored: u64, before: &mut Before, pax: &Pax) -> Result<Pieces, Reason> {
        if !pax.sparse.is_used() {
            return Ok(Pieces::Whole(stored));
        }
        let size = pax.sparse.real_size;
        let size = size.ok_or(Reason::Header("its map of holes makes no sense"))?;
        let sparse = match pax.sparse.major.unwrap_or(0) {
            0 => Sparse::from_pairs(&pax.sparse.pieces, size, stored),
            _ => {
                let numbers = self.map_before_content(before)?;
                Sparse::from_pairs(&numbers, size, self.left)
            }
        };
        sparse.map(Pieces::Sparse)
    }

    /// The map of version 1.0, which lies in whole blocks before the content.
    fn map_before_content(&mut self, before: &mut Before) -> Result<Vec<u64>, Reason> {
        let mut text = Vec::new();
        loop {
            if self.left < BLOCK as u64 {
                return Err(Reason::Header("its map of holes makes no sense"));
            }
            before.count(BLOCK as u64)?;
            text.extend(self.take(BLOCK as u64)?);
            if let Some(numbers) = sparse::of_lines(&text)? {
                return Ok(numbers);
            }
        }
    }
}

/// Keeps the first of what may be said once.
fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), Reason> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Reason::Header("it says one thing twice")),
    }
}

/// GNU's and pax's word for one thing, of which there may be one.
fn one_of(gnu: Option<Vec<u8>>, pax: Option<Vec<u8>>) -> Result<Option<Vec<u8>>, Reason> {
    match (gnu, pax) {
        (Some(_), Some(_)) => Err(Reason::Header("it says one thing twice")),
        (gnu, pax) => Ok(gnu.or(pax)),
    }
}

/// A name that ends with a zero, or with its content.
fn long(mut text: Vec<u8>) -> Result<Vec<u8>, Reason> {
    if let Some(zero) = text.iter().position(|byte| *byte == 0) {
        if text.iter().skip(zero).any(|byte| *byte != 0) {
            return Err(Reason::Header("its long name goes on behind a zero byte"));
        }
        text.truncate(zero);
    }
    Ok(text)
}

/// The content of one member, holes filled with zeros.
pub(super) struct Content<'t, I> {
    tape: &'t mut Tape<I>,
    budget: &'t Budget,
    /// The pieces that are still to come; nothing for a whole file.
    pieces: Option<&'t [(u64, u64)]>,
    at: u64,
    size: u64,
}

impl<I: Input> Content<'_, I> {
    fn stored(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.tape.input.read(buffer)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.tape.left -= read as u64;
        Ok(read)
    }
}

impl<I: Input> Read for Content<'_, I> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Where the next piece starts and ends; behind the last, a hole up to the end.
        let next = |pieces: &[(u64, u64)]| {
            let first = pieces.first();
            first.map_or((self.size, self.size), |(offset, length)| {
                (*offset, offset + length)
            })
        };
        let (start, end) = self.pieces.map_or((0, self.size), next);
        let stop = if self.at < start { start } else { end };
        let most = usize::try_from(stop - self.at).unwrap_or(usize::MAX);
        let most = most.min(buffer.len());
        let buffer = &mut buffer[..most];
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = if self.at < start {
            buffer.fill(0);
            self.budget.give(most as u64)?;
            most
        } else {
            self.stored(buffer)?
        };
        self.at += read as u64;
        if let Some([_, rest @ ..]) = self.pieces
            && self.at == end
        {
            self.pieces = Some(rest);
        }
        Ok(read)
    }
}
