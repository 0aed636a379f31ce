//! What a key is, and the shapes of values.

/// One key of a table.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// As it is written.
    pub name: &'static str,
    /// What may stand under it.
    pub shape: Shape,
    /// What holds where it is left out.
    pub absent: Absent,
    /// A value, in TOML; empty for tables, whose keys have examples of their own.
    pub example: &'static str,
    /// What it is for: one or two sentences for whoever writes a profile.
    pub meaning: &'static str,
    /// What it becomes in the kernel: calls, files, flags. Empty where the kernel never sees it.
    pub kernel: &'static str,
}

impl Key {
    /// Whether the host may lack what an entry names.
    pub(super) const MAY_BE_MISSING: Key = Key {
        name: "optional",
        shape: Shape::Flag,
        absent: Absent::Value("false"),
        example: "true",
        meaning: "Whether the host may lack it.",
        kernel: "",
    };

    /// A text without which its table has no meaning, and of which the kernel sees nothing.
    pub(super) const fn required(
        name: &'static str,
        form: Form,
        example: &'static str,
        meaning: &'static str,
    ) -> Key {
        Key {
            name,
            shape: Shape::Text(form),
            absent: Absent::Required,
            example,
            meaning,
            kernel: "",
        }
    }
}

/// What holds where a key is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// The table has no meaning without it.
    Required,
    /// As if this TOML value were written.
    Value(&'static str),
    /// What words have to tell.
    Means(&'static str),
}

/// What may stand under a key.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// The number of the language's version.
    Version,
    /// `true` or `false`.
    Flag,
    /// A whole number in a range, both ends included.
    Number {
        /// The least.
        least: u64,
        /// The greatest.
        most: u64,
    },
    /// A text of a form.
    Text(Form),
    /// One of several words.
    Words(Words),
    /// An array; equal entries are one.
    List(&'static Shape),
    /// A table with these keys.
    Table(&'static [Key]),
    /// A table whose keys are free.
    Map {
        /// What a key is.
        key: Form,
        /// What stands under each.
        value: &'static Shape,
    },
    /// A table of one of several kinds, told apart by the first key of each.
    Kinds(&'static [Kind]),
    /// Tables as in a profile, with lists of keys and entries in the place of values.
    Removals,
    /// One of several shapes.
    Either(&'static [Shape]),
}

/// A kind of mount, source or expectation; its first key chooses it.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// All keys that go together.
    pub keys: &'static [Key],
}

/// Words to choose from.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    /// As the decoder knows them.
    pub known: &'static [&'static str],
    /// What each stands for, in the same order.
    pub meanings: &'static [&'static str],
}

/// What a text, or a number in its place, has to look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Any text in which variables stand.
    Text,
    /// Text as it is; a variable in it is an error.
    Plain,
    /// A path of the host; relative ones are relative to the profile.
    HostPath,
    /// An absolute path inside.
    InsidePath,
    /// A path of a device below /dev.
    Device,
    /// A pattern of single names, as `*.pyc`.
    NamePattern,
    /// A path below a bind, with `?` before one that may be missing.
    Part,
    /// A size in bytes: `"512M"`, `"512MB"`, or a number of bytes.
    Size,
    /// A time: `"10s"`, `"1m30s"`.
    Time,
    /// An offset of a clock: a time that may be negative.
    Offset,
    /// A number of processors: `1.5` or `"150%"`.
    Cpus,
    /// A whole number, at least 1.
    Count,
    /// A share beside those of others, from 1 to 10000.
    Weight,
    /// Numbers of CPUs or memory nodes: `"0-3,7"`.
    NumberList,
    /// A size of huge pages: `2M`.
    PageSize,
    /// A limit of setrlimit(2) in bytes.
    RlimitBytes,
    /// A limit of setrlimit(2) in a unit of time.
    RlimitTime,
    /// A limit of setrlimit(2) that counts.
    RlimitCount,
    /// An octal mode: `"0755"`.
    Mode,
    /// A sandbox's or a volume's name.
    Name,
    /// 64 hexadecimal digits.
    Sha256,
    /// `linux/amd64`.
    Platform,
    /// `caller`, `root`, a name, or ids.
    User,
    /// The name or the id of a group.
    Group,
    /// `SIGTERM` or `TERM`.
    Signal,
    /// `CAP_NET_RAW`.
    Capability,
    /// The name of an environment variable.
    Variable,
    /// The same, or the start of several with a `*` behind it.
    VariablePattern,
    /// A system call, or a group as `@file-system`.
    SystemCalls,
    /// The name of one system call.
    SystemCall,
    /// The name of a parameter.
    Parameter,
    /// What becomes of a refused system call.
    OnDeny,
    /// `ADDRESS:PORT`, or the path of a Unix socket.
    Endpoint,
}

/// How forms look, for a schema and for a reader.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// What a manual calls it.
    pub noun: &'static str,
    /// A regular expression that every such text matches; empty where any may.
    pub pattern: &'static str,
    /// The least number that may stand in the text's place, where one may.
    pub number: Option<u64>,
    /// Whether one whole variable may stand for it where the pattern would refuse it.
    pub variable: Variable,
}

/// Whether `"${…}"` may stand for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variable {
    /// It may.
    May,
    /// It may not, or the pattern allows it.
    MayNot,
}

/// Absolute, or a variable first, and no `..`.
const INSIDE: &str = "^(?!(.*/)?\\.\\.(/|$))(/|\\$\\{)";
const NAME: &str = "^[a-z0-9][a-z0-9._-]{0,62}$";
const SIZE: &str = "^ *(0|[0-9]+(\\.[0-9]+)? *([KMGTkmgt]([iI]?[bB])?|[bB])) *$";
const LIST: &str = "^ *[0-9]+ *(- *[0-9]+ *)?(, *[0-9]+ *(- *[0-9]+ *)?)*$";
const TIME: &str = "^ *([0-9]+(\\.[0-9]+)? *(ns|us|ms|s|min|m|h|d) *)+$";
const LIMIT_OF_SIZE: &str =
    "^(unlimited| *(0|[0-9]+(\\.[0-9]+)? *([KMGTkmgt]([iI]?[bB])?|[bB])) *)$";
const LIMIT_OF_TIME: &str = "^(unlimited| *([0-9]+(\\.[0-9]+)? *(ns|us|ms|s|min|m|h|d) *)+)$";

impl Form {
    /// How it looks.
    pub fn look(self) -> Look {
        use Variable::{May, MayNot};
        let look = |noun, pattern, number, variable| Look {
            noun,
            pattern,
            number,
            variable,
        };
        match self {
            Form::Text => look("text", "", None, MayNot),
            Form::Plain => look("text without variables", "", None, MayNot),
            Form::HostPath => look("path of the host", "^.", None, MayNot),
            Form::InsidePath => look("absolute path inside", INSIDE, None, MayNot),
            Form::Device => look(
                "path below /dev",
                "^(?!.*/\\.\\.(/|$))(/dev/+[^/]|\\$\\{)",
                None,
                MayNot,
            ),
            Form::NamePattern => look("pattern of names", "^[^/]+$", None, MayNot),
            Form::Part => look("path below the bind", "^\\??[^/?]", None, MayNot),
            Form::Size => look("size", SIZE, Some(0), May),
            Form::Time => look("time", TIME, None, May),
            Form::Offset => look("offset of a clock", "^ *[+-]? *[0-9]", None, MayNot),
            Form::Cpus => look(
                "number of processors",
                "^ *[0-9]+(\\.[0-9]+)? *%? *$",
                Some(0),
                May,
            ),
            Form::Count => look("count", "^$", Some(1), May),
            Form::Weight => look("weight from 1 to 10000", "^$", Some(1), May),
            Form::NumberList => look("list of numbers", LIST, None, May),
            Form::PageSize => look("size of a page", SIZE, None, MayNot),
            Form::RlimitBytes => look("size or \"unlimited\"", LIMIT_OF_SIZE, Some(0), May),
            Form::RlimitTime => look("time or \"unlimited\"", LIMIT_OF_TIME, Some(0), May),
            Form::RlimitCount => look("count or \"unlimited\"", "^unlimited$", Some(0), May),
            Form::Mode => look("mode in octal", "^[0-7]{1,4}$", None, MayNot),
            Form::Name => look("name", NAME, None, MayNot),
            Form::Sha256 => look("SHA-256 in hexadecimal", "^[0-9a-fA-F]{64}$", None, MayNot),
            Form::Platform => look(
                "platform",
                "^[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?$",
                None,
                MayNot,
            ),
            Form::User => look("user", "^.", None, MayNot),
            Form::Group => look("group", "^.", Some(0), MayNot),
            Form::Signal => look("signal", "^(SIG)?[A-Z][A-Z0-9+-]*$", None, MayNot),
            Form::Capability => look("capability", "^CAP_[A-Z_]+$", None, MayNot),
            Form::Variable => look(
                "name of a variable",
                "^[A-Za-z_][A-Za-z0-9_.-]*$",
                None,
                MayNot,
            ),
            Form::VariablePattern => look(
                "name of a variable, or the start of several",
                "^[A-Za-z_][A-Za-z0-9_.-]*\\*?$",
                None,
                MayNot,
            ),
            Form::SystemCalls => look(
                "system call or group",
                "^@?[a-z_0-9][a-z0-9_-]*$",
                None,
                MayNot,
            ),
            Form::SystemCall => look("system call", "^[a-z_0-9]+$", None, MayNot),
            Form::Parameter => look(
                "name of a parameter",
                "^[A-Za-z][A-Za-z0-9_-]{0,62}$",
                None,
                MayNot,
            ),
            Form::OnDeny => look("answer", "^(errno:E[A-Z0-9]+|kill|log)$", None, MayNot),
            Form::Endpoint => look("address and port, or a socket's path", "^.", None, MayNot),
        }
    }
}
