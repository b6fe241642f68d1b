//go:build unix

package standin

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// execute replaces this process by the program at path. It returns only on error.
func execute(path string, args []string) error {
	args = append([]string{path}, args[1:]...)
	return fmt.Errorf("%s: %w", path, syscall.Exec(path, args, os.Environ()))
}

// goplsNice lowers the priority of gopls, which otherwise makes cells take half as
// long again while it reads the library for the first time.
const goplsNice = 10

// RunGopls is this program under the name gopls: it runs the real one at a lower
// priority.
func RunGopls(args []string) int {
	g, err := inheritedGo()
	if err == nil {
		unix.Setpriority(unix.PRIO_PROCESS, 0, goplsNice) // without it cells are only slower
		err = execute(g.Gopls, args)
	}
	fmt.Fprintln(os.Stderr, "gopls:", err)
	return 1
}
