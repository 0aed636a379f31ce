//! Small ELF files, written field by field: of both widths and both orders, without a compiler.

/// What a file says.
pub struct Made<'a> {
    pub wide: bool,
    pub little: bool,
    pub machine: u16,
    pub interpreter: Option<&'a str>,
    /// Tags of the dynamic section with their texts.
    pub dynamic: &'a [(u64, &'a str)],
}

pub const NEEDED: u64 = 1;
pub const SONAME: u64 = 14;
pub const RPATH: u64 = 15;
pub const RUNPATH: u64 = 29;
const STRTAB: u64 = 5;
const STRSZ: u64 = 10;
const FLAGS_1: u64 = 0x6fff_fffb;

struct Writer {
    wide: bool,
    little: bool,
    bytes: Vec<u8>,
}

impl Writer {
    fn number(&mut self, number: u64, width: usize) {
        let mut bytes = number.to_le_bytes()[..width].to_vec();
        if !self.little {
            bytes.reverse();
        }
        self.bytes.extend(bytes);
    }

    /// An address or an offset.
    fn word(&mut self, number: u64) {
        self.number(number, if self.wide { 8 } else { 4 });
    }

    fn segment(&mut self, kind: u64, offset: u64, size: u64) {
        let flags = 4;
        self.number(kind, 4);
        if self.wide {
            self.number(flags, 4);
        }
        for number in [offset, offset, offset, size, size] {
            self.word(number);
        }
        if !self.wide {
            self.number(flags, 4);
        }
        self.word(4);
    }
}

impl Made<'_> {
    pub fn bytes(&self) -> Vec<u8> {
        let (head, segment, word) = if self.wide { (64, 56, 8) } else { (52, 32, 4) };
        let interpreter = format!("{}\0", self.interpreter.unwrap_or_default());
        let note = b"\x04\0\0\0\x04\0\0\0\x03\0\0\0GNU\0\xab\xcd\xef\x01";
        let mut strings = vec![0];
        let mut entries = Vec::new();
        for (tag, text) in self.dynamic {
            entries.push((*tag, strings.len() as u64));
            strings.extend(text.bytes());
            strings.push(0);
        }
        let interpreter_at = head + 4 * segment;
        let note_at = (interpreter_at + interpreter.len()).next_multiple_of(8);
        let strings_at = note_at + note.len();
        let dynamic_at = (strings_at + strings.len()).next_multiple_of(8);
        entries.extend([
            (STRTAB, strings_at as u64),
            (STRSZ, strings.len() as u64),
            (FLAGS_1, 0),
            (0, 0),
        ]);
        let end = dynamic_at + entries.len() * 2 * word;
        let mut to = Writer {
            wide: self.wide,
            little: self.little,
            bytes: b"\x7fELF".to_vec(),
        };
        to.bytes
            .extend([1 + u8::from(self.wide), 2 - u8::from(self.little), 1]);
        to.bytes.resize(16, 0);
        to.number(3, 2);
        to.number(self.machine.into(), 2);
        to.number(1, 4);
        for number in [0, head as u64, 0] {
            to.word(number);
        }
        to.number(0, 4);
        for number in [head as u64, segment as u64, 4, 0, 0, 0] {
            to.number(number, 2);
        }
        to.segment(1, 0, end as u64);
        // Without a loader its place is an ignored one.
        let kind = if self.interpreter.is_some() { 3 } else { 0 };
        to.segment(kind, interpreter_at as u64, interpreter.len() as u64);
        to.segment(2, dynamic_at as u64, (end - dynamic_at) as u64);
        to.segment(4, note_at as u64, note.len() as u64);
        for (at, bytes) in [
            (interpreter_at, interpreter.as_bytes()),
            (note_at, note),
            (strings_at, &strings),
        ] {
            to.bytes.resize(at, 0);
            to.bytes.extend(bytes);
        }
        to.bytes.resize(dynamic_at, 0);
        for (tag, value) in entries {
            to.word(tag);
            to.word(value);
        }
        to.bytes
    }
}
