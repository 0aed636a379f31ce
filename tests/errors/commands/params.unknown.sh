printf 'version = 1\ncommand.args = ["sh"]\nparams.size = { default = "64M" }\nlimits.memory = "${param:size}"\n' > dev.toml
sandbox check dev.toml --param syze=1G
