//! What a program needs to run: its interpreters, its loader, its libraries.
//!
//! Files are read, never run. The answer follows the rules of whoever opens each file: the kernel for `#!` lines and the
//! name of the loader, then that loader's own (`ld.so(8)` of glibc, `dynlink.c` of musl). What was decided:
//!
//! - **Directories of the system** are read from the loader that the program names, where they are compiled in.
//! - **`/etc/ld.so.conf`** is not read: only `ldconfig` reads it. Without `/etc/ld.so.cache`, glibc's loader knows its own
//!   directories alone, and so does this module.
//! - **`LD_PRELOAD` and `/etc/ld.so.preload`** are not followed. The tree holds no such file and the sandbox sets its own
//!   environment; whoever wants a library preloaded lists it as an extra file.
//! - **Set-user-id** changes nothing: nothing in a sandbox gains privileges by `execve`, so `AT_SECURE` is never set.
//! - **Relative entries** of search lists, and relative names of libraries and interpreters, depend on the working directory
//!   of a process that does not exist yet. Entries are passed over, names are errors.
//! - **Hardware directories** are the `glibc-hwcaps` of this processor. The directories of glibc before 2.37 (`tls`, `haswell`)
//!   are not searched: there the loader finds the plain library, which is in the tree.
//! - **A library that is given itself** (a plug-in for `dlopen`) is resolved as if the usual loader of its machine started it.

mod build_id;
mod env;
mod error;
mod ld_cache;
mod loader;
mod machine;
mod object;
mod script;
mod state;
mod store;
mod tokens;
mod walk;

use std::cell::RefCell;
use std::path::{Path, PathBuf};

pub use build_id::build_id;
pub use error::{Chain, Defect, LineFault, ResolveError};
pub use machine::{Class, Machine};
pub use script::find_in_path;
pub use state::{Closure, Needed, Why};

use script::Follow;
use state::State;

/// The variables of the sandbox that decide what is found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `PATH`, for `#!/usr/bin/env`.
    pub path: Vec<PathBuf>,
    /// `LD_LIBRARY_PATH`.
    pub library_path: Vec<PathBuf>,
}

/// Finds closures; reads each file once, however many programs need it.
pub struct Resolver {
    state: RefCell<State>,
}

impl Resolver {
    /// A resolver that has read nothing yet. It assumes that the host's files stay as they are while it lives.
    pub fn new(environment: Environment) -> Resolver {
        Resolver {
            state: RefCell::new(State::new(environment)),
        }
    }

    /// Everything that the program or library at this absolute path needs, itself included.
    ///
    /// # Errors
    /// Whatever would keep the kernel or the loader from starting it: see [`ResolveError`].
    pub fn closure(&self, program: &Path) -> Result<Closure, ResolveError> {
        let mut state = self.state.borrow_mut();
        let mut follow = Follow::new(&mut state);
        follow.program(program)?;
        Ok(follow.gathered.finish())
    }
}
