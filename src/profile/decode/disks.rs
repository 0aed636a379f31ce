//! `limits.io` and `limits.hugetlb`: limits of one disk, or of one size of page.

use std::collections::BTreeMap;

use crate::diag::{At, Origin};
use crate::model::{ByteSize, Invalid};
use crate::profile::raw::{RawHugetlb, RawIo};

use super::entries::Keyed;
use super::reader::{Decode, Reader, Value};
use super::table::{Member, Table};
use super::text::filled_template;

pub(super) fn io(table: &mut Table<'_, '_>) -> Vec<At<RawIo>> {
    let mut disks = Keyed::new("limits.io-duplicate", "two entries for");
    for value in table.values("io") {
        if let Some(disk) = disk(&value, table.reader) {
            let key = disk.device.value.to_string();
            disks.add(Some(key), value.at(disk), value, table.reader);
        }
    }
    disks.finish()
}

fn disk<'d>(value: &Value<'d>, reader: &mut Reader<'d>) -> Option<RawIo> {
    let title = "an entry of `limits.io`".to_owned();
    Table::read(value, reader, title, |table| {
        let device = table.required("device", filled_template);
        let read_bps = table.optional("read_bps");
        let write_bps = table.optional("write_bps");
        let read_iops = table.optional("read_iops");
        let write_iops = table.optional("write_iops");
        let keys = ["read_bps", "write_bps", "read_iops", "write_iops"];
        if !keys.iter().any(|key| table.has(key)) {
            let message = "an entry of `limits.io` limits nothing";
            let problem = value.error("limits.io-without-rate", message);
            let help = "add one of `read_bps`, `write_bps`, `read_iops`, `write_iops`";
            table.reader.problems.push(problem.help(help));
        }
        Some(RawIo {
            device: device?,
            read_bps,
            write_bps,
            read_iops,
            write_iops,
        })
    })?
}

pub(super) fn hugetlb(table: &mut Table<'_, '_>) -> Vec<RawHugetlb> {
    let Some(value) = table.value("hugetlb") else {
        return Vec::new();
    };
    let title = format!("`{}`", value.path);
    let read = Table::read(&value, table.reader, title, |table| {
        let mut seen: BTreeMap<u64, Origin> = BTreeMap::new();
        let members = table.members();
        let pages = members
            .iter()
            .filter_map(|member| page(member, &mut seen, table.reader));
        pages.collect()
    });
    read.unwrap_or_default()
}

fn page(
    member: &Member<'_>,
    seen: &mut BTreeMap<u64, Origin>,
    reader: &mut Reader<'_>,
) -> Option<RawHugetlb> {
    let word = member.key.value;
    let page = match page_size(word) {
        Ok(page) => page,
        Err(Invalid { reason, help }) => {
            let message = format!("page size `{word}` of `limits.hugetlb` {reason}");
            let problem = member.key.error("limits.hugetlb-page", message);
            reader.problems.push(match help {
                Some(help) => problem.help(help),
                None => problem,
            });
            return None;
        }
    };
    if let Some(first) = seen.insert(page.0, member.key.origin.clone()) {
        let message = format!("two entries for pages of {page} in `limits.hugetlb`");
        let problem = member.key.error("limits.hugetlb-duplicate", message);
        let problem = problem
            .also(&first, "first here")
            .help("keep one of the two");
        reader.problems.push(problem);
        return None;
    }
    let most = Decode::decode(&member.value, reader)?;
    Some(RawHugetlb {
        page: At::new(page, member.key.origin.clone()),
        most: member.value.at(most),
    })
}

/// A power of two, as every size of page is. `2MB`, which is how the kernel writes it, would be
/// two million bytes.
fn page_size(word: &str) -> Result<ByteSize, Invalid> {
    let size: ByteSize = word.parse()?;
    if size.0.is_power_of_two() {
        return Ok(size);
    }
    let binary = word.trim().to_ascii_uppercase();
    let binary = binary.strip_suffix('B').map(str::to_owned);
    let fits = |word: &String| {
        word.parse()
            .is_ok_and(|ByteSize(size)| size.is_power_of_two())
    };
    let invalid = Invalid::because("is no power of two");
    Err(match binary.filter(fits) {
        Some(word) => invalid.help(format!("write `\"{word}\"`")),
        None => invalid.help("write a size of page such as `\"2M\"` or `\"1G\"`"),
    })
}

#[cfg(test)]
mod tests {
    use super::page_size;

    #[test]
    fn sizes_of_pages_are_powers_of_two() {
        assert_eq!(page_size("2M").unwrap().0, 2 << 20);
        assert_eq!(page_size("1GiB").unwrap().0, 1 << 30);
        let decimal = page_size("2MB").unwrap_err();
        assert_eq!(decimal.help.as_deref(), Some("write `\"2M\"`"));
        assert!(page_size("3M").is_err() && page_size("2").is_err());
    }
}
