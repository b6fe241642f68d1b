//go:build !linux

package nb

import (
	"os"
	"time"
)

// drain gives the kernel a moment to read what the cell printed. Printed text
// and pictures reach it on two roads; without this a picture may overtake the
// line printed before it.
func drain(*os.File) { time.Sleep(20 * time.Millisecond) }
