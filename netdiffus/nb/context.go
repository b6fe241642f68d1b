package nb

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// Context returns a context that ends when the cell is interrupted. The kernel kills a
// cell that has not ended 5 s later; a training run with this context saves a
// checkpoint in that time. A second interrupt ends the program at once. All calls
// return the same context.
func Context() context.Context { return interruptible() }

var interruptible = sync.OnceValue(func() context.Context {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx
})
