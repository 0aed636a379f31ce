rm dev.toml; sandbox fmt
