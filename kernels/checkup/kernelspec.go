package checkup

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

	"github.com/netdiffus/netdiffus-go/kernels/gotool"
	"github.com/netdiffus/netdiffus-go/kernels/spec"
	"github.com/netdiffus/netdiffus-go/netdiffus/command"
)

// locate finds the kernelspec and reads it, silently: what is wrong with it is
// kernelspec's to say.
func (e *exam) locate() {
	if e.Place != nil {
		if dir, err := e.Place.Dir(e.Options.Name); err == nil {
			e.Dir = dir
		}
	} else {
		for _, data := range spec.SearchDirs() {
			dir := filepath.Join(data, "kernels", e.Options.Name)
			if _, err := os.Stat(filepath.Join(dir, "kernel.json")); err == nil {
				e.Dir = dir
				break
			}
		}
	}
	if s, err := spec.Read(e.Dir); err == nil {
		e.spec, e.found = s, true
	}
}

// kernelspec says whether there is one, and whether it is ours.
func (e *exam) kernelspec(context.Context) {
	if e.found {
		if e.spec.Metadata.Ours == nil {
			e.found = false
			e.note("kernelspec", Broken, e.Dir+" is another program's kernel", "choose another name with --name")
			return
		}
		e.note("kernelspec", OK, e.Dir, "")
		return
	}
	dir := e.Dir
	e.Dir = ""
	if dir != "" {
		if _, err := spec.Read(dir); !errors.Is(err, fs.ErrNotExist) {
			e.note("kernelspec", Broken, err.Error(), e.installAgain())
			return
		}
	}
	detail := "there is no kernel called " + e.Options.Name
	if e.Place == nil {
		detail += " in " + strings.Join(spec.SearchDirs(), ", ")
	} else {
		detail += " at " + dir
	}
	e.note("kernelspec", Broken, detail, e.installAgain())
}

// jupyter asks Jupyter whether it finds the kernel.
func (e *exam) jupyter(ctx context.Context) {
	path, err := exec.LookPath("jupyter")
	if err != nil {
		e.note("jupyter", Warning, "there is no jupyter on the PATH",
			"install JupyterLab ('python3 -m pip install jupyterlab' in a virtual environment, or 'pipx install jupyterlab'), or run 'netdiffus notebooks lab', which brings its own")
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
		e.note("jupyter", Warning, fmt.Sprintf("%s kernelspec list: %v", path, err), "install JupyterLab anew")
		return
	}
	if !e.found {
		e.note("jupyter", Skipped, path+" is here, but there is no kernel for it to find", "")
		return
	}
	seen, ok := list.Kernelspecs[strings.ToLower(e.Options.Name)]
	if !ok {
		seen, ok = list.Kernelspecs[e.Options.Name]
	}
	data := filepath.Dir(filepath.Dir(e.Dir))
	switch {
	case !ok:
		e.note("jupyter", Broken, path+" does not find the kernel: it does not look in "+data,
			"start Jupyter with JUPYTER_PATH="+data+", or install the kernel where it looks: 'netdiffus kernel install --sys-prefix' in Jupyter's environment, or --user")
	case !gotool.SameFolder(seen.Dir, e.Dir):
		e.note("jupyter", Broken, fmt.Sprintf("%s takes the kernel of that name in %s for it", path, seen.Dir), "remove that one ('netdiffus kernel uninstall' with its place), or install this one under another --name")
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
