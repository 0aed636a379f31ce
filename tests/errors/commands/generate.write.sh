echo > file; sandbox generate man --dir file/man
