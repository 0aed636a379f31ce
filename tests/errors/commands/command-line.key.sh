sandbox explain dev.toml limits.memroy
