set -e
f() { echo $((6 * 7)); }
(sleep 0.01 &)
coproc cat
echo x >&"${COPROC[1]}"
read -r -u "${COPROC[0]}" answer
[ "$answer" = x ]
printf '%(%Y)T\n' >/dev/null
f | cat | grep -qx 42
trap 'trapped=yes' USR1
kill -USR1 $$
[ "$trapped" = yes ]
diff <(echo a) <(echo a)
mkfifo p && (echo y >p &) && read -r answer <p
ulimit -a >/dev/null
echo "bash ok"
