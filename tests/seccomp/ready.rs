//! The programs that are ready in the binary are what the compiler makes.

use sandbox::seccomp::{Arch, Policy, compile, compile_anew};

const POLICIES: [(Policy<'static>, &str); 2] =
    [(Policy::DEFAULT, "default"), (Policy::STRICT, "strict")];
const PLACES: [(Arch, &str); 2] = [(Arch::X86_64, "X86_64"), (Arch::Aarch64, "AARCH64")];

#[test]
fn ready_programs_are_the_compilers() {
    let bless_them = std::env::var_os("BLESS").is_some();
    for (policy, file) in &POLICIES {
        for (arch, name) in PLACES {
            if bless_them {
                bless(policy, file, arch, name);
                continue;
            }
            let (ready, anew) = (compile(policy, arch), compile_anew(policy, arch));
            let rewrite = "rewrite it: BLESS=1 cargo test --test seccomp ready";
            assert!(ready.is_ok() && ready == anew, "{rewrite}");
        }
    }
}

fn bless(policy: &Policy<'_>, file: &str, arch: Arch, name: &str) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/seccomp/ready");
    let path = format!("{folder}/{file}.rs");
    let old = std::fs::read_to_string(&path).expect("the file is there");
    let head = format!("const {name}: &[Row] = &[\n");
    let (before, rest) = old.split_once(&head).expect("the program begins");
    let (_, after) = rest.split_once("];\n").expect("the program ends");
    let anew = compile_anew(policy, arch).expect("it compiles");
    let rows: String = anew
        .program
        .iter()
        .map(|i| format!("    (0x{:02x}, {}, {}, 0x{:x}),\n", i.code, i.jt, i.jf, i.k))
        .collect();
    std::fs::write(path, format!("{before}{head}{rows}];\n{after}")).expect("it can be written");
}
