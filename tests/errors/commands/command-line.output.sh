sandbox explain dev.toml > /dev/full
