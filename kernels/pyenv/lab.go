package pyenv

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/command"
)

// LabOptions are those of Lab.
type LabOptions struct {
	Folder    string   // the root of the file browser
	Data      string   // a further folder in which Jupyter looks for kernels, such as PREFIX/share/jupyter; "" means none
	Port      int      // 0 means 8888, or the next one that is free
	Token     string   // for browsers to log in; "" means a random one, printed with the address
	NoBrowser bool     // do not open a browser
	Args      []string // further arguments of jupyter lab
}

// quietPage turns off the download of announcements, and the question about it.
const quietPage = `{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}`

// Lab returns the command that runs JupyterLab until ctx ends or its user ends it.
// JupyterLab then shuts its kernels down. On Linux it also ends when this process is
// killed, if the caller runs the command with its thread locked, as
// command.TerminateWithParent describes.
func (e Env) Lab(ctx context.Context, o LabOptions) (*exec.Cmd, error) {
	folder, err := filepath.Abs(o.Folder)
	if err != nil {
		return nil, fmt.Errorf("pyenv: %w", err)
	}
	if err := writeOnce(filepath.Join(e.Dir, "etc", "jupyter", "labconfig", "page_config.json"), quietPage); err != nil {
		return nil, fmt.Errorf("pyenv: %w", err)
	}
	args := []string{"-m", "jupyterlab", "--ServerApp.root_dir=" + folder,
		"--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
		"--log-level=WARN"} // it prints its address all the same
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
		args = append(args, "--allow-root") // a container often has no other user
	}
	cmd := e.Command(ctx, append(args, o.Args...)...)
	if o.Data != "" {
		path := o.Data
		if own := os.Getenv("JUPYTER_PATH"); own != "" {
			path += string(os.PathListSeparator) + own
		}
		cmd.Env = append(cmd.Env, "JUPYTER_PATH="+path)
	}
	// Not in a process group of its own: Ctrl-C on a terminal must reach it.
	cmd.SysProcAttr = nil
	command.TerminateWithParent(cmd)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	return cmd, nil
}

// writeOnce writes a file unless it is there with this content.
func writeOnce(path, content string) error {
	if had, err := os.ReadFile(path); err == nil && string(had) == content {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return atomicfile.WriteFile(path, []byte(content))
}
