//! `[rootfs]`.

use super::shape::{Absent, Form, Key, Kind, Shape, Words};
use crate::model::{Bundle, EtcFile, Writes};

const fn optional(key: Key, absent: Absent) -> Key {
    Key { absent, ..key }
}

const fn mode(absent: &'static str) -> Key {
    Key {
        name: "mode",
        shape: Shape::Text(Form::Mode),
        absent: Absent::Value(absent),
        example: absent,
        meaning: "Its permissions. Set-user-id and set-group-id bits are an error.",
        kernel: "chmod(2)",
    }
}

const fn list(
    name: &'static str,
    shape: &'static Shape,
    absent: Absent,
    example: &'static str,
    meaning: &'static str,
) -> Key {
    Key {
        name,
        shape: Shape::List(shape),
        absent,
        example,
        meaning,
        kernel: "",
    }
}

const BUNDLES: Shape = Shape::Words(Words {
    known: Bundle::WORDS,
    meanings: Bundle::MEANINGS,
});

const TO: Key = optional(
    Key::required(
        "to",
        Form::InsidePath,
        "\"/usr/local/tool\"",
        "The path inside.",
    ),
    Absent::Means("the same path as on the host; of an archive the root"),
);

const COPY: &[Key] = &[
    Key::required(
        "copy",
        Form::HostPath,
        "\"/opt/tool\"",
        "A file or directory of the host. Links, hard links and modes are kept; a path that is a link brings the link and its \
         target.",
    ),
    TO,
    list(
        "exclude",
        &Shape::Text(Form::NamePattern),
        Absent::Value("[]"),
        "[\"*.pyc\"]",
        "Patterns of names that are left out, at any depth.",
    ),
    Key::MAY_BE_MISSING,
];

const PROGRAMS: &[Key] = &[
    list(
        "programs",
        &Shape::Text(Form::Text),
        Absent::Required,
        "[\"bash\", \"@command\"]",
        "Programs, by name or path, each with its loader, its libraries and its interpreters; `@command` is what is run.",
    ),
    list(
        "extra",
        &Shape::Text(Form::HostPath),
        Absent::Value("[]"),
        "[\"/usr/lib/x/plugin.so\"]",
        "Files that they open at run time, with their libraries.",
    ),
];

const BUNDLE: &[Key] = &[list(
    "bundle",
    &BUNDLES,
    Absent::Required,
    "[\"ca-certificates\", \"tzdata\"]",
    "What programs open at run time and no list of libraries names.",
)];

const ARCHIVE: &[Key] = &[
    Key::required(
        "archive",
        Form::HostPath,
        "\"alpine.tar.zst\"",
        "A tar file: plain, gzip, zstd or xz, told by its bytes.",
    ),
    optional(
        Key::required(
            "sha256",
            Form::Sha256,
            "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"",
            "What the file has to hash to; it is checked before a byte is used.",
        ),
        Absent::Means("not checked"),
    ),
    TO,
];

const IMAGE: &[Key] = &[
    Key::required(
        "image",
        Form::HostPath,
        "\"images/alpine:3.20\"",
        "An OCI layout, as a directory or a tar, or what `docker save` writes; behind a `:` which of several.",
    ),
    optional(
        Key::required(
            "platform",
            Form::Platform,
            "\"linux/arm64\"",
            "Which platform's image.",
        ),
        Absent::Means("this machine's"),
    ),
];

const HOST: &[Key] = &[Key {
    kernel: "a read-only bind over the built tree",
    ..Key::required(
        "host",
        Form::InsidePath,
        "\"/usr\"",
        "The live host's directory, at the same place inside; nothing is copied. `/usr` brings the links /bin, /sbin and /lib* too.",
    )
}];

const FILE: &[Key] = &[
    Key::required(
        "file",
        Form::InsidePath,
        "\"/etc/motd\"",
        "The path of a file that the profile itself holds.",
    ),
    Key::required("text", Form::Text, "\"hello\\n\"", "All that it holds."),
    mode("\"0644\""),
];

const DIR: &[Key] = &[
    Key::required("dir", Form::InsidePath, "\"/home/user\"", "A directory."),
    mode("\"0755\""),
];

const SYMLINK: &[Key] = &[
    Key::required(
        "symlink",
        Form::InsidePath,
        "\"/etc/mtab\"",
        "The path of a symbolic link.",
    ),
    Key::required(
        "target",
        Form::Text,
        "\"/proc/mounts\"",
        "Where it leads, inside.",
    ),
];

const SOURCES: &[Kind] = &[
    Kind { keys: COPY },
    Kind { keys: PROGRAMS },
    Kind { keys: BUNDLE },
    Kind { keys: ARCHIVE },
    Kind { keys: IMAGE },
    Kind { keys: HOST },
    Kind { keys: FILE },
    Kind { keys: DIR },
    Kind { keys: SYMLINK },
];

const fn etc(
    name: &'static str,
    absent: Absent,
    example: &'static str,
    meaning: &'static str,
) -> Key {
    Key {
        name,
        shape: Shape::Words(Words {
            known: EtcFile::WORDS,
            meanings: EtcFile::MEANINGS,
        }),
        absent,
        example,
        meaning,
        kernel: "",
    }
}

const fn switch(name: &'static str, absent: Absent, meaning: &'static str) -> Key {
    Key {
        name,
        shape: Shape::Flag,
        absent,
        example: "false",
        meaning,
        kernel: "",
    }
}

const ETC: &[Key] = &[
    etc(
        "hosts",
        Absent::Value("\"generate\""),
        "\"copy\"",
        "/etc/hosts: localhost and the sandbox's host name.",
    ),
    etc(
        "resolv_conf",
        Absent::Means("`copy` with the host's network, else `generate`, which is empty"),
        "\"copy\"",
        "/etc/resolv.conf.",
    ),
    etc(
        "passwd",
        Absent::Value("\"generate\""),
        "\"replace\"",
        "/etc/passwd and /etc/group: the sandbox's user, root and nobody.",
    ),
    switch(
        "mtab",
        Absent::Means("true where there is a /proc"),
        "/etc/mtab, a link to /proc/mounts.",
    ),
    switch("hostname", Absent::Value("true"), "/etc/hostname."),
    switch(
        "localtime",
        Absent::Value("true"),
        "/etc/localtime, as on the host.",
    ),
];

pub(super) const ROOTFS: &[Key] = &[
    Key {
        name: "writes",
        shape: Shape::Words(Words {
            known: Writes::WORDS,
            meanings: Writes::MEANINGS,
        }),
        absent: Absent::Value("\"discard\""),
        example: "\"deny\"",
        meaning: "What becomes of writes to the tree.",
        kernel: "MOUNT_ATTR_RDONLY, or overlayfs over a tmpfs or a kept directory",
    },
    Key {
        name: "writes_size",
        shape: Shape::Text(Form::Size),
        absent: Absent::Value("\"1G\""),
        example: "\"256M\"",
        meaning: "How much `discard` may hold; its pages count to `limits.memory`.",
        kernel: "the option size of a tmpfs",
    },
    Key {
        name: "source",
        shape: Shape::List(&Shape::Kinds(SOURCES)),
        absent: Absent::Value("[]"),
        example: "[{ programs = [\"bash\"] }, { file = \"/etc/motd\", text = \"hello\\n\" }]",
        meaning: "What the tree is made of, in order: a later one lies over an earlier one. It is built once, kept in a store \
                  of yours, and found again while nothing that it was made of has changed.",
        kernel: "",
    },
    Key {
        name: "etc",
        shape: Shape::Table(ETC),
        absent: Absent::Means("every key as if left out"),
        example: "",
        meaning: "Files that a usable tree needs; they lie over the sources.",
        kernel: "",
    },
];
