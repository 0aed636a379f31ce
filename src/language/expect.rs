//! `[[expect]]`.

use super::shape::{Absent, Form, Key, Kind, Shape};

const WHY: Key = Key {
    name: "why",
    shape: Shape::Text(Form::Plain),
    absent: Absent::Means("none"),
    example: "\"passwords\"",
    meaning: "Why it matters; it is printed where it does not hold.",
    kernel: "",
};

macro_rules! kinds {
    ($($name:literal $form:ident $example:literal $meaning:literal;)+) => {
        &[$(Kind { keys: &[Key::required($name, Form::$form, $example, $meaning), WHY] }),+]
    };
}

pub(super) const KINDS: &[Kind] = kinds! {
    "deny_read" InsidePath "\"/etc/shadow\"" "The program can read nothing of this path.";
    "allow_read" InsidePath "\"/usr\"" "It can read this file, or list this directory.";
    "deny_write" InsidePath "\"/usr\"" "It can write nothing to this path.";
    "allow_write" InsidePath "\"/tmp\"" "It can write this file, or make files in this directory.";
    "deny_exec" InsidePath "\"/tmp\"" "It can run nothing from this path.";
    "allow_exec" InsidePath "\"/bin/sh\"" "It can run this file.";
    "deny_connect" Endpoint "\"198.51.100.7:443\"" "It cannot reach this address, or this Unix socket.";
    "allow_connect" Endpoint "\"127.0.0.1:5432\"" "It can reach it.";
    "deny_syscall" SystemCall "\"mount\"" "The filter refuses this system call.";
    "allow_syscall" SystemCall "\"clone3\"" "The filter lets this system call run.";
    "env_absent" VariablePattern "\"AWS_*\"" "No such variable is in its environment.";
    "max_memory" Size "\"512M\"" "The sandbox cannot use more memory.";
    "max_pids" Count "256" "The sandbox cannot have more processes and threads.";
    "max_open_files" Count "1024" "A process cannot open more files.";
};
