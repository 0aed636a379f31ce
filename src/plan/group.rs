//! A group of the host.

use std::fmt;

use serde::Serialize;

/// A group of the host, as the profile names it and as /etc/group knows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct HostGroup {
    /// Its number. [`HostGroup::UNKNOWN`] where only a host knows it.
    pub id: u32,
    /// Its name, if it has one.
    pub name: Option<String>,
}

impl HostGroup {
    /// What stands for the number of a name where no host was asked: no kernel takes it (setgroups(2)).
    pub const UNKNOWN: u32 = u32::MAX;
}

impl fmt::Display for HostGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.id) {
            (Some(name), HostGroup::UNKNOWN) => write!(f, "{name}"),
            (Some(name), id) => write!(f, "{id} ({name})"),
            (None, id) => write!(f, "{id}"),
        }
    }
}
