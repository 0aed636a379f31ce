//! Named policy to BPF programs; groups and tables of system calls. Pure.
//!
//! The default policy is an allow-list in three layers of data, each with its reasons: [`groups`]
//! say where every call stands, [`openings`] what a grant adds, [`argument_rules`] which arguments
//! are refused. Listed calls run, known others answer EPERM, unknown numbers ENOSYS (so that
//! programs fall back to older calls), and foreign architectures and x32 end the process.
//!
//! Each answer depends on registers alone, which no other thread can change behind the filter.

mod answer;
mod arch;
mod arguments;
mod check;
mod grants;
mod groups;
mod instruction;
mod policy;
mod program;
mod ready;
mod table;

pub use answer::{Answer, Errno};
pub use arch::{Arch, syscall_name, syscall_number};
pub use arguments::{ArgumentRule, argument_rules};
pub use grants::{Grants, Key, NestedUserNamespaces, Opening, openings};
pub use groups::{Group, Standing, groups};
pub use instruction::Instruction;
pub use policy::{CompileError, Filter, Policy, compile, compile_anew};
