sandbox up --locked dev.toml
