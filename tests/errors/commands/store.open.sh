mkdir -p cache; echo > cache/sandbox; XDG_CACHE_HOME=$PWD/cache sandbox store
