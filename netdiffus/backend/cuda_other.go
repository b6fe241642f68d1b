//go:build !(linux && amd64)

package backend

import "errors"

var errNoCUDA = errors.New("go-xla has CUDA for linux/amd64 only")

func cudaReachable() error { return errNoCUDA }

func installCUDA(folder string) error { return errNoCUDA }
