//! The programs that are ready in the binary are what the compiler makes.

use sandbox::seccomp::{Arch, Grants, Policy, compile, compile_anew};

const PLACES: [(Arch, &str); 2] = [(Arch::X86_64, "X86_64"), (Arch::Aarch64, "AARCH64")];

#[test]
fn ready_programs_are_the_compilers() {
    if std::env::var_os("BLESS").is_some() {
        PLACES.iter().for_each(|(arch, name)| bless(*arch, name));
        return;
    }
    for (arch, _) in PLACES {
        let ready = compile(&Policy::Default, arch, &Grants::NONE);
        let anew = compile_anew(&Policy::Default, arch, &Grants::NONE);
        let rewrite = "rewrite it: BLESS=1 cargo test --test seccomp ready";
        assert!(ready.is_ok() && ready == anew, "{rewrite}");
    }
}

fn bless(arch: Arch, name: &str) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/seccomp/ready.rs");
    let old = std::fs::read_to_string(path).expect("the file is there");
    let head = format!("const {name}: &[Row] = &[\n");
    let (before, rest) = old.split_once(&head).expect("the program begins");
    let (_, after) = rest.split_once("];\n").expect("the program ends");
    let anew = compile_anew(&Policy::Default, arch, &Grants::NONE).expect("it compiles");
    let rows: String = anew.programs[0]
        .iter()
        .map(|i| format!("    (0x{:02x}, {}, {}, 0x{:x}),\n", i.code, i.jt, i.jf, i.k))
        .collect();
    std::fs::write(path, format!("{before}{head}{rows}];\n{after}")).expect("it can be written");
}
