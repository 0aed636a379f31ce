printf '\377' > dev.lock; sandbox up --locked dev.toml
