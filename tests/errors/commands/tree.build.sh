printf 'version = 1\ncommand.args = ["sh"]\nrootfs.source = [{ archive = "a.tar" }]\n' > dev.toml; echo nothing > a.tar; sandbox build dev.toml
