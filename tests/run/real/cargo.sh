set -e
/usr/bin/cargo new --quiet --vcs none hello 2>/dev/null
cd hello
sed -i 's/Hello, world!/cargo ok/' src/main.rs
/usr/bin/cargo build --quiet --offline
/usr/bin/cargo test --quiet --offline >/dev/null
./target/debug/hello
