sandbox init dev.toml
