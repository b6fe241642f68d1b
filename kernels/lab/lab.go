// Package lab starts JupyterLab from the Python environment of package pyenv, for
// people who have none, and for the test in a browser.
package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/netdiffus/netdiffus-go/kernels/pyenv"
	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
)

// Options say how JupyterLab is started.
type Options struct {
	Folder    string   // that the file browser shows, and whose notebooks can be opened
	Data      string   // a data directory of Jupyter's, such as the one the kernel is installed in; "" means none beyond its own
	Port      int      // 0 means 8888, or the next one that is free
	Token     string   // that browsers must know; "" means a random one, printed with the address
	NoBrowser bool     // do not open a browser
	Args      []string // further arguments of jupyter lab
}

// quietPage switches off the question whether news are wanted, and the fetching
// of them.
const quietPage = `{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}`

// Command returns the command that runs JupyterLab until ctx ends, or its user
// ends it. It then shuts its kernels down.
func Command(ctx context.Context, env pyenv.Env, o Options) (*exec.Cmd, error) {
	folder, err := filepath.Abs(o.Folder)
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	if err := writeOnce(filepath.Join(env.Dir, "etc", "jupyter", "labconfig", "page_config.json"), quietPage); err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	args := []string{"-m", "jupyterlab", "--ServerApp.root_dir=" + folder,
		"--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
		"--log-level=WARN"} // its address comes all the same
	if o.Port > 0 {
		args = append(args, "--ServerApp.port="+strconv.Itoa(o.Port), "--ServerApp.port_retries=0")
	}
	if o.Token != "" {
		args = append(args, "--IdentityProvider.token="+o.Token)
	}
	if o.NoBrowser {
		args = append(args, "--no-browser")
	}
	if os.Geteuid() == 0 {
		args = append(args, "--allow-root") // who is root in a container has no other user to be
	}
	cmd := env.Command(ctx, append(args, o.Args...)...)
	if o.Data != "" {
		path := o.Data
		if own := os.Getenv("JUPYTER_PATH"); own != "" {
			path += string(os.PathListSeparator) + own
		}
		cmd.Env = append(cmd.Env, "JUPYTER_PATH="+path)
	}
	// On a terminal it must stay in the foreground, where Ctrl-C reaches it.
	cmd.SysProcAttr = nil
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	return cmd, nil
}

// writeOnce writes a file that is not there with this content yet.
func writeOnce(path, content string) error {
	if had, err := os.ReadFile(path); err == nil && string(had) == content {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return atomicfile.WriteFile(path, []byte(content))
}
