echo '<title>x</title><body><script>document.body.textContent = "chromium " + "ok"</script></body>' >p.html
chromium --headless --disable-gpu --user-data-dir=/tmp/profile --dump-dom file:///tmp/p.html 2>err |
    grep -o 'chromium ok' || { tail -5 err; exit 1; }
