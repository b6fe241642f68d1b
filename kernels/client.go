package kernels

import (
	"context"
	"errors"
	"os"
	"strconv"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/command"
)

var errClientGone = errors.New("the client has ended")

// watchClient cancels the kernel when the process that started it has ended, which
// shows in that this process has another parent. It also watches the process that
// jupyter-client names, in case there is another process between the two.
func watchClient(ctx context.Context, cancel context.CancelCauseFunc) {
	parent := os.Getppid()
	named, err := strconv.Atoi(os.Getenv("JPY_PARENT_PID"))
	if err != nil || !command.Running(named) {
		named = 0 // of another process namespace
	}
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if os.Getppid() != parent || named != 0 && !command.Running(named) {
			cancel(errClientGone)
			return
		}
	}
}
