//! The caller's own limits, and which capabilities the kernel knows.

use std::collections::BTreeSet;

use nix::sys::resource::{self, getrlimit};

use crate::model::{Resource, Rlimit, RlimitValue};

/// The caller's limit of each of these resources.
pub(super) fn own(wanted: &BTreeSet<Resource>) -> Vec<(Resource, Rlimit)> {
    let value = |number| match number {
        resource::RLIM_INFINITY => RlimitValue::Unlimited,
        number => RlimitValue::Value(number),
    };
    let limits = wanted.iter().filter_map(|wanted| {
        let (soft, hard) = getrlimit(kernels(*wanted)?).ok()?;
        let limit = Rlimit {
            soft: value(soft),
            hard: value(hard),
        };
        Some((*wanted, limit))
    });
    limits.collect()
}

/// The same resource for the system call.
fn kernels(resource: Resource) -> Option<resource::Resource> {
    use resource::Resource as Kernel;
    Some(match resource.key {
        "as" => Kernel::RLIMIT_AS,
        "core" => Kernel::RLIMIT_CORE,
        "cpu" => Kernel::RLIMIT_CPU,
        "data" => Kernel::RLIMIT_DATA,
        "fsize" => Kernel::RLIMIT_FSIZE,
        "locks" => Kernel::RLIMIT_LOCKS,
        "memlock" => Kernel::RLIMIT_MEMLOCK,
        "msgqueue" => Kernel::RLIMIT_MSGQUEUE,
        "nice" => Kernel::RLIMIT_NICE,
        "nofile" => Kernel::RLIMIT_NOFILE,
        "nproc" => Kernel::RLIMIT_NPROC,
        "rss" => Kernel::RLIMIT_RSS,
        "rtprio" => Kernel::RLIMIT_RTPRIO,
        "rttime" => Kernel::RLIMIT_RTTIME,
        "sigpending" => Kernel::RLIMIT_SIGPENDING,
        "stack" => Kernel::RLIMIT_STACK,
        _ => return None,
    })
}

/// The highest capability of this kernel. Where /proc is hidden, the kernel is asked for each.
pub(super) fn last_capability() -> u8 {
    let text = std::fs::read_to_string("/proc/sys/kernel/cap_last_cap");
    let number = text.ok().and_then(|text| text.trim().parse().ok());
    number.unwrap_or_else(|| {
        let known = caps::runtime::thread_all_supported();
        known.iter().map(caps::Capability::index).max().unwrap_or(0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_resource_has_its_number_in_the_kernel() {
        for resource in Resource::ALL {
            let kernel = kernels(*resource).unwrap();
            assert_eq!(kernel as u32, resource.number, "{}", resource.key);
        }
        let all: BTreeSet<Resource> = Resource::ALL.iter().copied().collect();
        assert_eq!(own(&all).len(), Resource::ALL.len());
    }

    #[test]
    fn the_kernels_two_answers_agree() {
        let known = caps::runtime::thread_all_supported();
        let highest = known.iter().map(caps::Capability::index).max().unwrap();
        assert!(highest <= last_capability());
    }
}
