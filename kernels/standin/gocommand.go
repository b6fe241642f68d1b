package standin

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netdiffus/netdiffus-go/kernels/keeper"
)

// RunGo is this program under the name go; args is the command line. It returns
// the exit code, or does not return if the real go command takes over.
func RunGo(args []string) int {
	g, err := inheritedGo()
	if err != nil {
		fmt.Fprintln(os.Stderr, "go:", err)
		return 1
	}
	if err := g.run(args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (g Go) run(args []string) error {
	dir, cells := cellModule()
	if !cells || len(args) < 2 {
		return execute(g.Command, args)
	}
	switch words := args[1:]; {
	case len(words) == 3 && words[0] == "mod" && words[1] == "init" && strings.HasPrefix(words[2], "gonb_"):
		return g.WriteModule(context.Background(), dir, words[2])
	case slices.Equal(words, []string{"get"}), slices.Equal(words, []string{"get", "-t"}):
		if err := shellError(); err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return nil // the user's own workspace; the build reports what it lacks
		}
		paths, err := g.missing(dir)
		switch {
		case err != nil:
			return err
		case len(paths) == 0:
			return nil
		case os.Getenv("GOPROXY") == "off":
			return importError(paths)
		}
	case words[0] == "build" || words[0] == "test":
		if err := shellError(); err != nil {
			return err
		}
	}
	return execute(g.Command, args)
}

// shellError returns an error if a shell line of the cell has failed: the cell's Go
// code must not run then.
func shellError() error {
	if f, failed := FailedShell(os.Getenv(keeper.DirEnv)); failed {
		return fmt.Errorf("%s%s", ErrorPrefix, f)
	}
	return nil
}

// cellModule returns the current folder, and reports whether GoNB builds cells
// there.
func cellModule() (string, bool) {
	dir, err := os.Getwd()
	if err != nil {
		return "", false
	}
	kernel := os.Getenv(keeper.DirEnv)
	return dir, kernel != "" && strings.HasPrefix(filepath.Base(dir), "gonb_") && SameFolder(filepath.Dir(dir), filepath.Join(kernel, "tmp"))
}

// SameFolder reports whether a and b exist and are the same folder, under whatever
// names.
func SameFolder(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
