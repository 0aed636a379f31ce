sandbox up dev.toml < .
