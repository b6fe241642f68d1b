//go:build !linux

package nb

import (
	"os"
	"time"
)

// drain gives the kernel a moment to read the text that the cell printed. Text and
// pictures reach the kernel over two pipes; without drain, a picture may arrive before
// the line that was printed before it.
func drain(*os.File) { time.Sleep(20 * time.Millisecond) }
