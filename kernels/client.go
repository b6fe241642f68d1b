package kernels

import (
	"context"
	"errors"
	"os"
	"strconv"
	"syscall"
	"time"
)

var errClientGone = errors.New("the client has gone")

// watchClient ends the kernel when the process that started it has ended: then
// this one gets another parent. It also heeds the process that jupyter-client
// names, where there may be something in between.
func watchClient(ctx context.Context, cancel context.CancelCauseFunc) {
	parent := os.Getppid()
	named, err := strconv.Atoi(os.Getenv("JPY_PARENT_PID"))
	if err != nil || !exists(named) {
		named = 0 // of another namespace
	}
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if os.Getppid() != parent || named != 0 && !exists(named) {
			cancel(errClientGone)
			return
		}
	}
}

// exists says whether there is a process of that number.
func exists(pid int) bool {
	if pid <= 0 {
		return false
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	err = p.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, os.ErrPermission)
}
