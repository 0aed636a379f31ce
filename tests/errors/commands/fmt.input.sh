printf '\377' | sandbox fmt -
