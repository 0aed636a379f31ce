sandbox diff nothing:dev.toml dev.toml
