set -e
convert -size 200x100 gradient:red-blue -rotate 30 a.png
convert a.png -resize 50% b.jpg
identify b.jpg | grep -q JPEG
echo "imagemagick ok"
