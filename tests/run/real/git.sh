set -e
git init -q r 2>/dev/null
cd r
git config user.email a@example.com
git config user.name a
echo 1 >f
git add f
git commit -qm one
git gc -q
git clone -q . ../c 2>/dev/null
git -C ../c log --oneline >/dev/null
git fsck 2>/dev/null
chmod 755 f
git mv f g
git commit -qm two
git worktree add -q ../w 2>/dev/null
git status --short
echo "git ok"
