//! One ELF file: the few facts that decide what else is loaded.
//!
//! Only headers, the dynamic section and the strings that it names are read, each with a limit of its own, so that a
//! hostile file costs neither memory nor time.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use object::Endianness;
use object::elf::{self, FileHeader32, FileHeader64};
use object::pod;
use object::read::elf::{Dyn, FileHeader, ProgramHeader};

use super::error::Defect;
use super::machine::{Class, Machine};

/// `load_elf_phdrs` of the kernel refuses larger tables.
const MAX_PROGRAM_HEADERS: u64 = 65_536;
/// `PATH_MAX`: the kernel's limit for the name of the loader, and ours for names of libraries.
const MAX_NAME: usize = 4_096;
/// For lists of directories.
const MAX_SEARCH_PATH: usize = 65_536;
/// The largest in common libraries are a thousand times smaller.
const MAX_DYNAMIC: u64 = 1 << 20;
/// Names of needed libraries in one file.
const MAX_NEEDED: usize = 4_096;
/// How much of each file is read at once: headers and the loader's name nearly always lie within.
pub(super) const HEAD: usize = 4_096;

/// Whether a program fails without a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Demand {
    /// `DT_NEEDED` and `DT_FILTER`.
    Required,
    /// `DT_AUXILIARY`: used if it is there.
    Optional,
}

/// Whether the directories of the system serve this file's needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DefaultDirectories {
    Searched,
    /// `DF_1_NODEFLIB`.
    Skipped,
}

/// Whether another file may load this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// `ET_EXEC`, or `ET_DYN` with `DF_1_PIE`.
    Program,
    Library,
}

/// What an ELF file says about its loading.
#[derive(Debug)]
pub(super) struct Object {
    pub machine: Machine,
    pub role: Role,
    /// `PT_INTERP`: the loader.
    pub interpreter: Option<PathBuf>,
    pub needed: Vec<(OsString, Demand)>,
    pub soname: Option<OsString>,
    pub rpath: Option<OsString>,
    pub runpath: Option<OsString>,
    pub default_directories: DefaultDirectories,
}

/// A file with its first bytes at hand.
pub(super) struct Bytes<'a> {
    pub file: &'a File,
    pub head: &'a [u8],
}

/// The machine of a file, and what else it says, if that is sound.
///
/// The two are apart because a loader steps over a file for another machine without reading on.
pub(super) type Reading = Result<(Machine, Result<Object, Defect>), Defect>;

/// Reads a file that starts with the ELF magic.
pub(super) fn read(bytes: &Bytes<'_>) -> Reading {
    match bytes.head.get(4).copied().map(elf::FileClass) {
        Some(elf::ELFCLASS32) => read_as::<FileHeader32<Endianness>>(bytes, Class::Bits32),
        Some(elf::ELFCLASS64) => read_as::<FileHeader64<Endianness>>(bytes, Class::Bits64),
        Some(_) => Err(Defect::Invalid("ELF class")),
        None => Err(Defect::Truncated("ELF header")),
    }
}

/// Where a file keeps its notes.
pub(super) struct Notes {
    pub order: Endianness,
    /// Offset and size in the file, and alignment.
    pub segments: Vec<(u64, u64, u64)>,
}

/// Finds the notes of a file that starts with the ELF magic.
pub(super) fn notes(bytes: &Bytes<'_>) -> Result<Notes, Defect> {
    match bytes.head.get(4).copied().map(elf::FileClass) {
        Some(elf::ELFCLASS32) => notes_of::<FileHeader32<Endianness>>(bytes),
        Some(elf::ELFCLASS64) => notes_of::<FileHeader64<Endianness>>(bytes),
        _ => Err(Defect::Invalid("ELF class")),
    }
}

fn notes_of<E: FileHeader<Endian = Endianness>>(bytes: &Bytes<'_>) -> Result<Notes, Defect> {
    let (header, _) =
        pod::from_bytes::<E>(bytes.head).map_err(|()| Defect::Truncated("ELF header"))?;
    let order = header
        .endian()
        .map_err(|_| Defect::Invalid("byte order of the ELF header"))?;
    let segments = Segments::read(bytes, header, order)?.notes;
    Ok(Notes { order, segments })
}

fn read_as<E: FileHeader<Endian = Endianness>>(bytes: &Bytes<'_>, class: Class) -> Reading {
    let (header, _) =
        pod::from_bytes::<E>(bytes.head).map_err(|()| Defect::Truncated("ELF header"))?;
    if !header.is_supported() {
        return Err(Defect::Invalid("ELF header"));
    }
    let order = header
        .endian()
        .map_err(|_| Defect::Invalid("byte order of the ELF header"))?;
    let machine = Machine {
        number: header.e_machine(order),
        class,
        order,
    };
    Ok((machine, read_object(bytes, header, machine)))
}

fn read_object<E: FileHeader<Endian = Endianness>>(
    bytes: &Bytes<'_>,
    header: &E,
    machine: Machine,
) -> Result<Object, Defect> {
    let order = machine.order;
    let kind = header.e_type(order);
    if header.e_version(order) != u32::from(elf::EV_CURRENT.0) {
        return Err(Defect::Invalid("ELF version"));
    }
    if kind != elf::ET_EXEC && kind != elf::ET_DYN {
        return Err(Defect::NeitherProgramNorLibrary);
    }
    let segments = Segments::read(bytes, header, order)?;
    let dynamic = Dynamic::read::<E>(bytes, &segments, order)?;
    let pie = dynamic.flags & elf::DF_1_PIE.0 != 0;
    let skipped = dynamic.flags & elf::DF_1_NODEFLIB.0 != 0;
    Ok(Object {
        machine,
        role: match kind == elf::ET_EXEC || pie {
            true => Role::Program,
            false => Role::Library,
        },
        interpreter: segments.interpreter(bytes)?,
        needed: dynamic.needed(bytes, &segments)?,
        soname: dynamic.text(bytes, &segments, dynamic.soname, MAX_NAME)?,
        rpath: dynamic.text(bytes, &segments, dynamic.rpath, MAX_SEARCH_PATH)?,
        runpath: dynamic.text(bytes, &segments, dynamic.runpath, MAX_SEARCH_PATH)?,
        default_directories: match skipped {
            true => DefaultDirectories::Skipped,
            false => DefaultDirectories::Searched,
        },
    })
}

impl Bytes<'_> {
    /// Exactly `size` bytes at `offset`; the caller has checked `size` against a limit.
    pub fn exactly(&self, offset: u64, size: u64, part: &'static str) -> Result<Vec<u8>, Defect> {
        let size = usize::try_from(size).map_err(|_| Defect::TooLarge(part))?;
        let bytes = self.up_to(offset, size, part)?;
        match bytes.len() == size {
            true => Ok(bytes),
            false => Err(Defect::Truncated(part)),
        }
    }

    /// At most `size` bytes at `offset`, fewer at the end of the file.
    fn up_to(&self, offset: u64, size: usize, part: &'static str) -> Result<Vec<u8>, Defect> {
        let inside = usize::try_from(offset)
            .ok()
            .and_then(|start| self.head.get(start..start.checked_add(size)?));
        if let Some(known) = inside {
            return Ok(known.to_vec());
        }
        let mut buffer = vec![0; size];
        let mut filled = 0;
        while filled < size {
            let at = offset
                .checked_add(filled as u64)
                .ok_or(Defect::Truncated(part))?;
            match self.file.read_at(&mut buffer[filled..], at) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                // An offset beyond what the file system can address is as good as the end.
                Err(_) => return Err(Defect::Truncated(part)),
            }
        }
        buffer.truncate(filled);
        Ok(buffer)
    }

    /// The string at `offset`, without its NUL.
    fn string(&self, offset: u64, limit: usize) -> Result<OsString, Defect> {
        const PART: &str = "string of the dynamic section";
        // Most names are short; one small read serves them.
        for size in [limit.min(256), limit] {
            let bytes = self.up_to(offset, size, PART)?;
            if let Some(end) = bytes.iter().position(|byte| *byte == 0) {
                return Ok(OsStr::from_bytes(&bytes[..end]).to_owned());
            }
        }
        Err(Defect::Unterminated(PART))
    }
}

/// Part of the file that is mapped.
struct Load {
    address: u64,
    offset: u64,
    size: u64,
}

/// What the program headers say.
#[derive(Default)]
struct Segments {
    loads: Vec<Load>,
    /// Offset and size in the file.
    interpreter: Option<(u64, u64)>,
    /// Address in memory and size in the file.
    dynamic: Option<(u64, u64)>,
    /// Offset and size in the file, and alignment.
    notes: Vec<(u64, u64, u64)>,
}

impl Segments {
    fn read<E: FileHeader<Endian = Endianness>>(
        bytes: &Bytes<'_>,
        header: &E,
        order: Endianness,
    ) -> Result<Segments, Defect> {
        const PART: &str = "program header table";
        let count = header.e_phnum(order);
        if count == 0 {
            return Ok(Segments::default());
        }
        let entry = size_of::<E::ProgramHeader>();
        if usize::from(header.e_phentsize(order)) != entry {
            return Err(Defect::Invalid(PART));
        }
        let size = entry as u64 * u64::from(count);
        if size > MAX_PROGRAM_HEADERS {
            return Err(Defect::TooLarge(PART));
        }
        let table = bytes.exactly(header.e_phoff(order).into(), size, PART)?;
        let headers = pod::slice_from_all_bytes::<E::ProgramHeader>(&table)
            .map_err(|()| Defect::Invalid(PART))?;
        let mut segments = Segments::default();
        for header in headers {
            segments.note(header, order);
        }
        Ok(segments)
    }

    fn note<P: ProgramHeader<Endian = Endianness>>(&mut self, header: &P, order: Endianness) {
        let (offset, size) = header.file_range(order);
        let address = header.p_vaddr(order).into();
        match header.p_type(order) {
            elf::PT_LOAD => self.loads.push(Load {
                address,
                offset,
                size,
            }),
            // The kernel takes the first, glibc's loader the last dynamic section.
            elf::PT_INTERP if self.interpreter.is_none() => self.interpreter = Some((offset, size)),
            elf::PT_DYNAMIC => self.dynamic = Some((address, size)),
            elf::PT_NOTE => self
                .notes
                .push((offset, size, header.p_align(order).into())),
            _ => {}
        }
    }

    /// Where in the file an address of memory comes from; a later segment covers an earlier one.
    fn offset_of(&self, address: u64, part: &'static str) -> Result<u64, Defect> {
        self.loads
            .iter()
            .rev()
            .filter_map(|load| Some((load, address.checked_sub(load.address)?)))
            .find(|(load, inside)| *inside < load.size)
            .and_then(|(load, inside)| load.offset.checked_add(inside))
            .ok_or(Defect::Unmapped(part))
    }

    fn interpreter(&self, bytes: &Bytes<'_>) -> Result<Option<PathBuf>, Defect> {
        const PART: &str = "name of the loader";
        let Some((offset, size)) = self.interpreter else {
            return Ok(None);
        };
        if size < 2 {
            return Err(Defect::Invalid(PART));
        }
        if size > MAX_NAME as u64 {
            return Err(Defect::TooLarge(PART));
        }
        let name = bytes.exactly(offset, size, PART)?;
        let (Some(0), Some(end)) = (name.last(), name.iter().position(|byte| *byte == 0)) else {
            return Err(Defect::Unterminated(PART));
        };
        Ok(Some(PathBuf::from(OsStr::from_bytes(&name[..end]))))
    }
}

/// The dynamic section, its strings still as offsets.
#[derive(Default)]
struct Dynamic {
    strings: Option<u64>,
    needed: Vec<(u64, Demand)>,
    soname: Option<u64>,
    rpath: Option<u64>,
    runpath: Option<u64>,
    flags: u64,
}

impl Dynamic {
    fn read<E: FileHeader<Endian = Endianness>>(
        bytes: &Bytes<'_>,
        segments: &Segments,
        order: Endianness,
    ) -> Result<Dynamic, Defect> {
        const PART: &str = "dynamic section";
        let mut dynamic = Dynamic::default();
        let Some((address, size)) = segments.dynamic else {
            return Ok(dynamic);
        };
        if size > MAX_DYNAMIC {
            return Err(Defect::TooLarge(PART));
        }
        let table = bytes.exactly(segments.offset_of(address, PART)?, size, PART)?;
        let whole = table.len() / size_of::<E::Dyn>();
        let (entries, _) =
            pod::slice_from_bytes::<E::Dyn>(&table, whole).map_err(|()| Defect::Invalid(PART))?;
        for entry in entries {
            let tag = entry.tag(order);
            if tag == elf::DT_NULL {
                return Ok(dynamic);
            }
            dynamic.note(tag, entry.val(order))?;
        }
        Err(Defect::Unterminated(PART))
    }

    /// Of a tag that comes twice the loader keeps the last.
    fn note(&mut self, tag: elf::DynamicTag, value: u64) -> Result<(), Defect> {
        match tag {
            elf::DT_NEEDED | elf::DT_FILTER => self.needed.push((value, Demand::Required)),
            elf::DT_AUXILIARY => self.needed.push((value, Demand::Optional)),
            elf::DT_STRTAB => self.strings = Some(value),
            elf::DT_SONAME => self.soname = Some(value),
            elf::DT_RPATH => self.rpath = Some(value),
            elf::DT_RUNPATH => self.runpath = Some(value),
            elf::DT_FLAGS_1 => self.flags = value,
            _ => {}
        }
        match self.needed.len() > MAX_NEEDED {
            true => Err(Defect::TooLarge("list of needed libraries")),
            false => Ok(()),
        }
    }

    fn needed(
        &self,
        bytes: &Bytes<'_>,
        segments: &Segments,
    ) -> Result<Vec<(OsString, Demand)>, Defect> {
        self.needed
            .iter()
            .map(|(at, demand)| Ok((self.string(bytes, segments, *at, MAX_NAME)?, *demand)))
            .collect()
    }

    fn text(
        &self,
        bytes: &Bytes<'_>,
        segments: &Segments,
        at: Option<u64>,
        limit: usize,
    ) -> Result<Option<OsString>, Defect> {
        at.map(|at| self.string(bytes, segments, at, limit))
            .transpose()
    }

    fn string(
        &self,
        bytes: &Bytes<'_>,
        segments: &Segments,
        at: u64,
        limit: usize,
    ) -> Result<OsString, Defect> {
        const PART: &str = "string table";
        let table = self.strings.ok_or(Defect::Invalid(PART))?;
        let address = table.checked_add(at).ok_or(Defect::Unmapped(PART))?;
        bytes.string(segments.offset_of(address, PART)?, limit)
    }
}
