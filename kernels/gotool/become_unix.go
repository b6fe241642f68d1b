//go:build unix

package gotool

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// become replaces this process by the program at path. It returns only an error.
func become(path string, args []string) error {
	args = append([]string{path}, args[1:]...)
	return fmt.Errorf("%s: %w", path, syscall.Exec(path, args, os.Environ()))
}

// goplsNice is how much gopls steps back for the builds of cells, which it would
// slow down by half while it reads the library for the first time.
const goplsNice = 10

// Gopls stands in for gopls: it is the same with a lower priority.
func Gopls(args []string) int {
	s, err := setup()
	if err == nil {
		unix.Setpriority(unix.PRIO_PROCESS, 0, goplsNice) // or it is only slower
		err = become(s.Gopls, args)
	}
	fmt.Fprintln(os.Stderr, "gopls:", err)
	return 1
}
