//! The kernel, call by call: owned descriptors and `&CStr` in, errno out. No policy, no formatting.

pub mod pidfd;
pub mod xattr;
