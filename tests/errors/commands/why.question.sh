sandbox why dev.toml --connect nothing
