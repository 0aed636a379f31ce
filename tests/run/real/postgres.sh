set -e
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
export TZ=UTC
"$bin/initdb" --username=pg -D /tmp/pg >/tmp/log 2>&1 || { tail -5 /tmp/log; exit 1; }
"$bin/pg_ctl" -D /tmp/pg -o "-k /tmp -h 127.0.0.1" -w -l /tmp/server start >/dev/null || { tail -5 /tmp/server; exit 1; }
query="create table t as select generate_series(1, 1000) a; select sum(a) from t"
[ "$("$bin/psql" -h /tmp -U pg postgres -qAtc "$query")" = 500500 ]
"$bin/pg_ctl" -D /tmp/pg -w stop -m fast >/dev/null
echo "postgres ok"
