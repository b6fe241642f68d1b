package jupyter

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/command"
)

// kernelName is the kernel's default name.
const kernelName = "netdiffus"

// TemporaryKernel runs the program netdiffus at the path program to install its kernel
// into a new temporary folder, so that notebooks run on the kernel of exactly that
// program. close removes the folder.
func TemporaryKernel(ctx context.Context, program string) (k Kernel, close func() error, err error) {
	prefix, err := os.MkdirTemp("", "netdiffus-prefix-")
	if err != nil {
		return Kernel{}, nil, fmt.Errorf("jupyter: %w", err)
	}
	close = func() error { return os.RemoveAll(prefix) }
	cmd := exec.CommandContext(ctx, program, "kernel", "install", "--prefix", prefix, "--name", kernelName)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		close()
		if ctx.Err() != nil {
			return Kernel{}, nil, ctx.Err()
		}
		return Kernel{}, nil, fmt.Errorf("jupyter: installing the kernel: %w: %s", err, command.LastLines(string(out), 8))
	}
	return Kernel{Name: kernelName, Data: filepath.Join(prefix, "share", "jupyter")}, close, nil
}
