package setup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/kernels/kernelspec"
	"github.com/netdiffus/netdiffus-go/kernels/standin"
	"github.com/netdiffus/netdiffus-go/netdiffus/command"
)

// locate looks for the kernelspec and reads it. It leaves to checkKernelspec to
// report what is wrong with it.
func (e *exam) locate() {
	if e.Place != nil {
		if dir, err := e.Place.Dir(e.ExamineOptions.Name); err == nil {
			e.Dir = dir
		}
	} else {
		for _, data := range kernelspec.SearchDirs() {
			dir := filepath.Join(data, "kernels", e.ExamineOptions.Name)
			if _, err := os.Stat(filepath.Join(dir, "kernel.json")); err == nil {
				e.Dir = dir
				break
			}
		}
	}
	if s, err := kernelspec.Read(e.Dir); err == nil {
		e.spec, e.found = s, true
	}
}

// checkKernelspec examines whether there is a kernelspec of this program.
func (e *exam) checkKernelspec(context.Context) {
	if e.found {
		if e.spec.Metadata.Origin == nil {
			e.found = false
			e.note("kernelspec", Broken, e.Dir+" is the kernel of another program", "choose another name with --name")
			return
		}
		e.note("kernelspec", OK, e.Dir, "")
		return
	}
	dir := e.Dir
	e.Dir = ""
	if dir != "" {
		if _, err := kernelspec.Read(dir); !errors.Is(err, fs.ErrNotExist) {
			e.note("kernelspec", Broken, err.Error(), e.installAgain())
			return
		}
	}
	detail := "there is no kernel called " + e.ExamineOptions.Name
	if e.Place == nil {
		detail += " in " + strings.Join(kernelspec.SearchDirs(), ", ")
	} else {
		detail += " at " + dir
	}
	e.note("kernelspec", Broken, detail, e.installAgain())
}

// checkJupyter runs jupyter to see whether it finds the kernel.
func (e *exam) checkJupyter(ctx context.Context) {
	path, err := exec.LookPath("jupyter")
	if err != nil {
		e.note("jupyter", Warning, "there is no jupyter on the PATH",
			"install JupyterLab ('python3 -m pip install jupyterlab' in a virtual environment, or 'pipx install jupyterlab'), or run 'netdiffus notebooks lab', which installs its own")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "kernelspec", "list", "--json")
	cmd.WaitDelay = time.Second
	command.KillGroup(cmd)
	out, err := cmd.Output()
	var list struct {
		Kernelspecs map[string]struct {
			Dir string `json:"resource_dir"`
		} `json:"kernelspecs"`
	}
	if err == nil {
		err = json.Unmarshal(out, &list)
	}
	if err != nil {
		e.note("jupyter", Warning, fmt.Sprintf("%s kernelspec list: %v", path, err), "install JupyterLab again")
		return
	}
	if !e.found {
		e.note("jupyter", Skipped, path+" is installed, but there is no kernel for it to find", "")
		return
	}
	seen, ok := list.Kernelspecs[strings.ToLower(e.ExamineOptions.Name)]
	if !ok {
		seen, ok = list.Kernelspecs[e.ExamineOptions.Name]
	}
	data := filepath.Dir(filepath.Dir(e.Dir))
	switch {
	case !ok:
		e.note("jupyter", Broken, path+" does not find the kernel: it does not look in "+data,
			"start Jupyter with JUPYTER_PATH="+data+", or install the kernel where it looks: 'netdiffus kernel install --sys-prefix' in Jupyter's environment, or --user")
	case !standin.SameFolder(seen.Dir, e.Dir):
		e.note("jupyter", Broken, fmt.Sprintf("%s finds another kernel of that name first, in %s", path, seen.Dir), "remove that one ('netdiffus kernel uninstall' with the flag of its place), or install this one under another --name")
	default:
		e.note("jupyter", OK, path+" finds the kernel", "")
	}
}

// argument returns what follows flag in the kernel's command line, or "".
func (e *exam) argument(flag string) string {
	for i, a := range e.spec.Argv {
		if a == flag && i+1 < len(e.spec.Argv) {
			return e.spec.Argv[i+1]
		}
	}
	return ""
}
