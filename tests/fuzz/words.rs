//! The words of the vocabulary: every text is one or is refused, and a word that can be written comes back.

use std::fmt::Display;
use std::str::FromStr;

use sandbox::model::{
    ByteSize, Capability, Cpus, FileMode, GroupSpec, InsidePath, Period, PlatformSpec, Resource,
    SandboxName, Sha256, Signal, TimeOffset, User, UserSpec, VolumeName,
};
use sandbox::report::printable;
use sandbox::sys::pidfd::Identity;

use crate::harness::{Target, kind, safe};

fn word<T: FromStr>(text: &str) -> String
where
    T::Err: Display,
{
    match text.parse::<T>() {
        Ok(_) => "a word".to_owned(),
        Err(why) => {
            // What stands in a message has been made printable, or is not of the text.
            safe(&printable(&why.to_string()));
            kind(&why.to_string())
        }
    }
}

fn read(input: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(input);
    if let Ok(path) = text.parse::<InsidePath>() {
        let path = path.as_str();
        assert!(path.starts_with('/') && !path.contains('\0'), "{path:?}");
        assert!(!path.split('/').any(|name| name == ".."), "{path:?}");
    }
    let name = text
        .parse::<SandboxName>()
        .map(|name| name.as_str().to_owned());
    assert!(!name.is_ok_and(|name| name.contains('/') || name.starts_with('.')));
    vec![
        word::<ByteSize>(&text),
        word::<Capability>(&text),
        word::<Cpus>(&text),
        word::<FileMode>(&text),
        word::<GroupSpec>(&text),
        word::<InsidePath>(&text),
        word::<Period>(&text),
        word::<PlatformSpec>(&text),
        word::<Resource>(&text),
        word::<SandboxName>(&text),
        word::<Sha256>(&text),
        word::<Signal>(&text),
        word::<TimeOffset>(&text),
        word::<UserSpec>(&text),
        word::<VolumeName>(&text),
        format!("{:?}", User::from_line(&text).is_some()),
        format!("{:?}", text.parse::<Identity>().is_ok()),
    ]
}

#[test]
fn words() {
    let seeds = [
        "512M",
        "1.5G",
        "50%",
        "10m",
        "1h30m",
        "-1d",
        "0.5",
        "0755",
        "u+x",
        "CAP_NET_ADMIN",
        "linux/arm64/v8",
        "SIGTERM",
        "name:x:1:2:n:/home/x:/bin/sh",
        "/a/b",
        "dev-1",
        "1000:1000",
        "root",
        "nofile",
        "max",
        "infinity",
        "abababababababababababababababababababababababababababababababab",
        "123 456",
    ];
    let target = Target {
        name: "words",
        seeds: seeds.map(|seed| seed.as_bytes().to_vec()).to_vec(),
        dictionary: &[
            b":", b".", b"-", b"K", b"M", b"G", b"T", b"%", b"ms", b"s", b"h", b"d", b"/", b"..",
            b"+",
        ],
        memory: 1 << 20,
    };
    target.run(read);
}
