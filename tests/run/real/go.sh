set -e
cat >m.go <<'GO'
package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
)

func main() {
	var all sync.WaitGroup
	for i := 0; i < 100; i++ {
		all.Add(1)
		go func() { defer all.Done() }()
	}
	all.Wait()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go net.Dial("tcp", server.Addr().String())
	server.Accept()
	if exec.Command("true").Run() != nil || os.WriteFile("/tmp/q", nil, 0644) != nil {
		panic("files")
	}
	fmt.Println("go ok")
}
GO
GO111MODULE=off GOCACHE=/tmp/cache go build -o m m.go
./m
