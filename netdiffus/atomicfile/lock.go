package atomicfile

import (
	"context"
	"fmt"
	"time"

	"github.com/gofrs/flock"
)

// Lock locks the file at path, which it creates, so that processes take turns at
// what is made once for all of them, such as a folder of a cache. While another
// process holds the lock it waits, until ctx ends; waiting, if not nil, is then
// called once. The lock ends with unlock or with the process, however it dies. The
// file stays: removing it would let two processes hold locks of the same name.
func Lock(ctx context.Context, path string, waiting func()) (unlock func(), err error) {
	lock := flock.New(path)
	ours, err := lock.TryLock()
	if err == nil && !ours {
		if waiting != nil {
			waiting()
		}
		_, err = lock.TryLockContext(ctx, 100*time.Millisecond)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { lock.Unlock() }, nil
}
