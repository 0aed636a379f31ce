mv dev.toml dev.lock; sandbox lock ./dev.lock
