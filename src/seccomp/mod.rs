//! Named policy to BPF program; groups and tables of system calls. Pure.
//!
//! A policy is an allow-list in layers of data, each with its reasons: [`groups()`] say where every call stands,
//! [`lacks()`] what the strict policy takes away, [`openings()`] what a grant adds, [`argument_rules()`] which
//! arguments are refused; then comes what the profile itself opens and closes. [`Verdicts`] put them together.
//! Listed calls run, known others are refused with EPERM or what `on_deny` says, unknown numbers answer ENOSYS
//! (so that programs fall back to older calls), and foreign architectures and x32 end the process. A listener, where
//! there is one, is asked in the place of each refusal and each end ([`Filter::listened`]).
//!
//! `on_deny` is for refusals alone: errors by which a kernel says that it lacks something (ENOSYS,
//! EAFNOSUPPORT, EPROTONOSUPPORT, EINVAL of prctl) stay, since programs fall back on them. `allow` opens calls,
//! never arguments: a call that it opens keeps its rule. So no entry opens set-id bits, TIOCSTI or a foreign
//! architecture, nor the calls whose arguments no filter sees ([`never_opens`]). A capability opens an argument
//! where its whole point is that (CAP_NET_RAW), and under the strict policy `socket` opens the usual families
//! again. `log` runs what a group refuses, but no refused argument.
//!
//! Without a list ([`Base::None`]) every known call runs, and the rules over modes hold all the same: a set-id
//! file on the host is nobody's choice. Unknown numbers answer ENOSYS there too: one of them may make files.
//!
//! Only policies that grant nothing are ready in the binary. Others are compiled at each start: that takes 0.3 ms
//! in a build without optimisation, where a start takes 8 ms. Keeping them with the plan would save a part of
//! that, and cost a file that would have to be found, read and trusted.
//!
//! Each answer depends on registers alone, which no other thread can change behind the filter.

mod answer;
mod arch;
mod arguments;
mod check;
mod entry;
mod grants;
mod groups;
mod instruction;
mod lacks;
mod policy;
mod program;
mod ready;
mod table;
mod verdict;
mod x86;

pub use answer::Answer;
pub use arch::{Arch, call, syscall_name, syscall_number};
pub use arguments::{ArgumentRule, Families, argument_rules};
pub use entry::Entry;
pub use grants::{Grants, Key, NestedUserNamespaces, Opening, openings};
pub use groups::{Bundle, Group, Standing, bundles, groups};
pub use instruction::Instruction;
pub use lacks::{Lack, lacks};
pub use policy::{Base, CompileError, Ends, Filter, HostFiles, Policy, X86, compile, compile_anew};
pub use verdict::{Cause, Verdict, Verdicts, families, never_closes, never_opens, rules_in_force};
pub use x86::{Basis, Own, basis, own_calls};
