//! The `sandbox` program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    sandbox::cli::main()
}
