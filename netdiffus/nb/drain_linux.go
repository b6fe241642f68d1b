package nb

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// drain waits until the kernel has read the text that the cell printed. Text and
// pictures reach the kernel over two pipes; without drain, a picture may arrive before
// the line that was printed before it.
func drain(f *os.File) {
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		waiting, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCINQ)
		if err != nil || waiting == 0 {
			break
		}
	}
	time.Sleep(2 * time.Millisecond) // from the kernel's pipe to its message
}
