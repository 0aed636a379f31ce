sandbox explain --rule mount.target-realtive
