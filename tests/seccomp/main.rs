//! The system-call policy: its tables, its programs in a machine of the test's own, and in the kernel.
#![allow(unsafe_code)]
#![allow(missing_docs)]

mod kernel;
mod load;
mod machine;
mod oracle;
mod policy;
mod programs;
mod table;
