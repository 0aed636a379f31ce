printf 'version = 1\ncommand.args = ["sh"]\nrootfs.source = [{ file = "/a", text = "x" }]\n' > dev.toml; mkdir dev.lock; sandbox lock dev.toml
