sandbox test dev.toml
