//! An X server of a test's own, with or without a key.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// It ends with the test.
pub(crate) struct Display {
    server: Child,
    name: String,
}

impl Display {
    /// A server that lets in whoever has the key, or everybody of this host.
    pub(crate) fn start(key: Option<&Path>) -> Display {
        let mut command = Command::new("Xvfb");
        command
            .args(["-displayfd", "1", "-screen", "0", "800x600x24"])
            .args(["-nolisten", "tcp"]);
        if let Some(key) = key {
            command.arg("-auth").arg(key);
        }
        let mut server = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut number = String::new();
        let mut lines = BufReader::new(server.stdout.take().unwrap());
        lines.read_line(&mut number).unwrap();
        Display {
            server,
            name: format!(":{}", number.trim()),
        }
    }

    /// The value of DISPLAY.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

/// The file of a key (Xau(3)): for every display of the host of this name, as a display manager writes it.
pub(crate) fn key() -> Vec<u8> {
    let host = nix::sys::utsname::uname().unwrap();
    let parts: [&[u8]; 4] = [
        host.nodename().as_encoded_bytes(),
        b"",
        b"MIT-MAGIC-COOKIE-1",
        b"a key of a test.",
    ];
    // The family of names of this host.
    let mut bytes = 256_u16.to_be_bytes().to_vec();
    for part in parts {
        bytes.extend(u16::try_from(part.len()).unwrap().to_be_bytes());
        bytes.extend(part);
    }
    bytes
}
