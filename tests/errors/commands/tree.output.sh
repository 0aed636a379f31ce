printf 'version = 1\ncommand.args = ["sh"]\nrootfs.source = [{ file = "/a", text = "x" }]\n' > dev.toml; sandbox build dev.toml --output .
