package atomicfile

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"
)

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := Lock(t.Context(), path, func() { t.Error("waits for a lock that nobody has") })
	if err != nil {
		t.Fatal(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	waited := 0
	if _, err := Lock(soon, path, func() { waited++ }); !errors.Is(err, context.DeadlineExceeded) || waited != 1 {
		t.Errorf("Lock of a taken lock = %v after %d calls of waiting, want the deadline and one", err, waited)
	}
	time.AfterFunc(50*time.Millisecond, unlock)
	second, err := Lock(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	second()
	if _, err := Lock(t.Context(), filepath.Join(path, "below", "a file"), nil); err == nil {
		t.Error("a lock in no folder was taken")
	}
}
