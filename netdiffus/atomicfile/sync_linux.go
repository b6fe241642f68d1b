package atomicfile

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncFileSystem flushes all of the file system that dir is on. Since Linux 5.8
// it reports writes that failed, as fsync does.
func syncFileSystem(dir string) (done bool, err error) {
	d, err := os.Open(dir)
	if err != nil {
		return false, err
	}
	defer d.Close()
	return true, unix.Syncfs(int(d.Fd()))
}
