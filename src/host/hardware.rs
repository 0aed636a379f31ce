//! CPUs, memory nodes and huge pages.

use std::path::Path;

use nix::sys::sysinfo::sysinfo;

use crate::model::{ByteSize, Hardware, NumberList};

/// What the machine has. Where /sys is hidden nothing can be said against a number, so that the
/// kernel has to refuse it.
pub(super) fn look() -> Hardware {
    let list = |path: &str| {
        let text = std::fs::read_to_string(path).ok()?;
        text.parse::<NumberList>().ok()
    };
    Hardware {
        cpus: list("/sys/devices/system/cpu/online").unwrap_or(NumberList::ALL),
        nodes: list("/sys/devices/system/node/has_memory")
            // A kernel without NUMA has one node, and no list of them.
            .or_else(|| "0".parse().ok())
            .unwrap_or(NumberList::ALL),
        huge_pages: huge_pages(Path::new("/sys/kernel/mm/hugepages")),
        memory: sysinfo().ok().map(|host| ByteSize(host.ram_total())),
    }
}

/// The names of directories such as `hugepages-2048kB`, ascending.
fn huge_pages(directory: &Path) -> Vec<ByteSize> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let sizes = entries.flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let kilobytes = name.strip_prefix("hugepages-")?.strip_suffix("kB")?;
        Some(ByteSize(kilobytes.parse::<u64>().ok()?.checked_mul(1024)?))
    });
    let mut sizes: Vec<ByteSize> = sizes.collect();
    sizes.sort_unstable();
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_has_a_cpu_and_a_node() {
        let hardware = look();
        let count = std::thread::available_parallelism().unwrap().get();
        let all = 0..u32::try_from(count).unwrap();
        assert!(all.into_iter().any(|cpu| hardware.cpus.contains(cpu)));
        assert!(hardware.nodes.contains(0));
        assert!(hardware.memory.is_some_and(|memory| memory.0 > 1 << 20));
    }

    #[test]
    fn sizes_of_huge_pages_are_read_off_names() {
        let directory = std::env::temp_dir().join(format!("sandbox-huge-{}", std::process::id()));
        std::fs::create_dir(&directory).unwrap();
        for name in ["hugepages-1048576kB", "hugepages-2048kB", "other"] {
            std::fs::create_dir(directory.join(name)).unwrap();
        }
        let found = huge_pages(&directory);
        std::fs::remove_dir_all(&directory).unwrap();
        assert_eq!(found, [ByteSize(2 << 20), ByteSize(1 << 30)]);
    }
}
