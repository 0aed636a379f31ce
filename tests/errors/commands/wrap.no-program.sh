mkdir -p bin .config/sandbox/profiles; cp dev.toml .config/sandbox/profiles/firefox.toml; ln -s "$SANDBOX" bin/firefox; PATH=$PWD/bin firefox
