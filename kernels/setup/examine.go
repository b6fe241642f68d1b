package setup

import (
	"context"

	"github.com/netdiffus/netdiffus-go/kernels/kernelspec"
)

// Status is the result of one check.
type Status string

// The statuses of a check.
const (
	OK      Status = "ok"
	Warning Status = "warning" // the kernel works, but worse than it could
	Broken  Status = "broken"  // the kernel does not work
	Skipped Status = "skipped" // not examined, because of a part that is broken
)

// A Check is the result of examining one part of the kernel.
type Check struct {
	Part   string `json:"part"`
	Status Status `json:"status"`
	Detail string `json:"detail"`         // what was found, or what is wrong
	Cure   string `json:"cure,omitempty"` // what to do; "" if nothing needs to be done
}

// Report is the result of examining all parts.
type Report struct {
	Name   string  `json:"name"`          // of the kernel
	Dir    string  `json:"dir,omitempty"` // of its kernelspec, "" if there is none
	Checks []Check `json:"checks"`
}

// Broken returns the number of parts that are broken.
func (r Report) Broken() int {
	n := 0
	for _, c := range r.Checks {
		if c.Status == Broken {
			n++
		}
	}
	return n
}

// ExamineOptions are those of Examine.
type ExamineOptions struct {
	Place   *kernelspec.Place // where the kernel is installed; nil means where Jupyter finds it
	Name    string            // "" means DefaultName
	Version string            // of this program
	NoCell  bool              // do not run a cell, which takes seconds
}

// exam is an examination in progress.
type exam struct {
	ExamineOptions
	Report
	spec  kernelspec.Spec
	found bool      // whether there is a kernelspec that can be read
	goCmd goCommand // zero if there is none
}

// Examine examines the kernel that o names, and the machine that it runs on. It
// changes nothing.
func Examine(ctx context.Context, o ExamineOptions) Report {
	if o.Name == "" {
		o.Name = DefaultName
	}
	e := &exam{ExamineOptions: o, Report: Report{Name: o.Name}}
	e.locate()
	for _, check := range []func(context.Context){
		e.checkGo, e.checkCompiler, e.checkDisk, e.checkFolders, e.checkKernelspec, e.checkJupyter,
		e.checkProgram, e.checkLibrary, e.checkTools, e.checkDevice, e.checkBuildCache, e.checkCell,
	} {
		if ctx.Err() != nil {
			break
		}
		check(ctx)
	}
	return e.Report
}

func (e *exam) note(part string, status Status, detail, cure string) {
	e.Checks = append(e.Checks, Check{Part: part, Status: status, Detail: detail, Cure: cure})
}

// installAgain is the cure of most parts.
func (e *exam) installAgain() string {
	command := "netdiffus kernel install"
	if p := e.Place; p != nil && p.Prefix != "" {
		command += " --prefix " + p.Prefix
	} else if p != nil && p.SysPrefix {
		command += " --sys-prefix"
	}
	if e.ExamineOptions.Name != DefaultName {
		command += " --name " + e.ExamineOptions.Name
	}
	return "run '" + command + "'"
}
