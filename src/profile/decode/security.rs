//! `[security]`: what the program is still allowed to ask of the kernel.

use crate::profile::raw::RawSecurity;

use super::reader::Decode;
use super::table::Table;
use super::words::or_table_later;

pub(super) fn security(table: &mut Table<'_, '_>) -> RawSecurity {
    table.later(&["architectures", "aslr", "reproducible_timing"]);
    RawSecurity {
        capabilities: table.list("capabilities", Decode::decode),
        seccomp: table.with("seccomp", or_table_later),
        nested_userns: table.optional("nested_userns"),
        landlock: table.optional("landlock"),
        allow_degraded: table.list("allow_degraded", Decode::decode),
    }
}
