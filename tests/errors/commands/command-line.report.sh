sandbox up dev.toml --report gone/report.json
