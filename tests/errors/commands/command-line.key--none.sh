sandbox explain dev.toml qqqqqq
