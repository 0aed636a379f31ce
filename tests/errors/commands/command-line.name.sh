sandbox up dev.toml --name "My Dev"
