//! `[rootfs]`: what the root tree is made of, and what becomes of writes to it.

use crate::profile::raw::{RawEtc, RawRootfs};

use super::source::sources;
use super::table::Table;

pub(super) fn rootfs(table: &mut Table<'_, '_>) -> RawRootfs {
    RawRootfs {
        writes: table.optional("writes"),
        writes_size: table.optional("writes_size"),
        sources: sources(table),
        etc: table.section("etc", etc),
    }
}

fn etc(table: &mut Table<'_, '_>) -> RawEtc {
    RawEtc {
        hosts: table.optional("hosts"),
        resolv_conf: table.optional("resolv_conf"),
        passwd: table.optional("passwd"),
        mtab: table.optional("mtab"),
        hostname: table.optional("hostname"),
        localtime: table.optional("localtime"),
    }
}
