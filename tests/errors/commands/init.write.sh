echo > file; sandbox init file/dev.toml
