package gotool

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netdiffus/netdiffus-go/kernels/keeper"
	"github.com/netdiffus/netdiffus-go/kernels/shell"
)

// Main is the stand-in: args are those of a go command line. It returns the exit
// code, or does not return where the go command takes over.
func Main(args []string) int {
	s, err := setup()
	if err != nil {
		fmt.Fprintln(os.Stderr, "go:", err)
		return 1
	}
	if err := s.run(args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (s Setup) run(args []string) error {
	dir, cells := cellModule()
	if !cells || len(args) < 2 {
		return become(s.Go, args)
	}
	switch words := args[1:]; {
	case len(words) == 3 && words[0] == "mod" && words[1] == "init" && strings.HasPrefix(words[2], "gonb_"):
		return s.Seed(context.Background(), dir, words[2])
	case slices.Equal(words, []string{"get"}), slices.Equal(words, []string{"get", "-t"}):
		if err := shellFailure(); err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return nil // the user's own; building says what it lacks
		}
		paths, err := s.missing(dir)
		switch {
		case err != nil:
			return err
		case len(paths) == 0:
			return nil
		case os.Getenv("GOPROXY") == "off":
			return importError(paths)
		}
	case words[0] == "build" || words[0] == "test":
		if err := shellFailure(); err != nil {
			return err
		}
	}
	return become(s.Go, args)
}

// shellFailure is an error where a shell line of the cell has failed: then its Go
// code must not run.
func shellFailure() error {
	if f, failed := shell.Failed(os.Getenv(keeper.DirEnv)); failed {
		return fmt.Errorf("%s%s", ImportPrefix, f)
	}
	return nil
}

// cellModule returns the folder this process is in, and whether GoNB builds cells
// there.
func cellModule() (string, bool) {
	dir, err := os.Getwd()
	if err != nil {
		return "", false
	}
	kernel := os.Getenv(keeper.DirEnv)
	return dir, kernel != "" && strings.HasPrefix(filepath.Base(dir), "gonb_") && SameFolder(filepath.Dir(dir), filepath.Join(kernel, "tmp"))
}

// SameFolder says whether a and b are one folder, by whatever names. What is not
// there is none.
func SameFolder(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
