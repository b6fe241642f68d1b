//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "capture: network namespaces and packet sockets are Linux's: run this there")
	os.Exit(1)
}
