mkdir bin; ln -s "$SANDBOX" bin/firefox; PATH=$PWD/bin:$PATH firefox
