// Package checkup examines an installed Jupyter kernel and the machine under it,
// part by part, and says for each part that is broken what is wrong and what to
// do about it.
package checkup

import (
	"context"

	"github.com/netdiffus/netdiffus-go/kernels/setup"
	"github.com/netdiffus/netdiffus-go/kernels/spec"
	"github.com/netdiffus/netdiffus-go/kernels/toolchain"
)

// Status is how a part is.
type Status string

const (
	OK      Status = "ok"
	Warning Status = "warning" // the kernel works, but not as well as it could
	Broken  Status = "broken"  // the kernel does not work
	Skipped Status = "skipped" // could not be looked at, because of what is broken above
)

// A Check is what was found of one part.
type Check struct {
	Part   string `json:"part"`
	Status Status `json:"status"`
	Detail string `json:"detail"`         // what was found, or what is wrong
	Cure   string `json:"cure,omitempty"` // what to do; "" where nothing need be done
}

// Report is what was found of all parts.
type Report struct {
	Name   string  `json:"name"`          // of the kernel
	Dir    string  `json:"dir,omitempty"` // its kernelspec, "" where there is none
	Checks []Check `json:"checks"`
}

// Broken counts the parts that are.
func (r Report) Broken() int {
	n := 0
	for _, c := range r.Checks {
		if c.Status == Broken {
			n++
		}
	}
	return n
}

// Options say which kernel to examine.
type Options struct {
	Place   *spec.Place // where it is installed; nil means where Jupyter finds it
	Name    string      // "" means setup.DefaultName
	Version string      // of this program
	NoCell  bool        // leave out running a cell, which takes seconds
}

// exam is one examination.
type exam struct {
	Options
	Report
	spec  spec.Spec
	found bool         // whether there is a kernelspec that can be read
	go_   toolchain.Go // zero where there is none
}

// Run examines the kernel that o names. It changes nothing.
func Run(ctx context.Context, o Options) Report {
	if o.Name == "" {
		o.Name = setup.DefaultName
	}
	e := &exam{Options: o, Report: Report{Name: o.Name}}
	for _, check := range []func(context.Context){
		e.golang, e.compiler, e.room, e.folders, e.kernelspec, e.jupyter, e.program, e.library, e.tools, e.device, e.warmth, e.cell,
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

// installAgain is the cure of most things.
func (e *exam) installAgain() string {
	command := "netdiffus kernel install"
	if p := e.Place; p != nil && p.Prefix != "" {
		command += " --prefix " + p.Prefix
	} else if p != nil && p.SysPrefix {
		command += " --sys-prefix"
	}
	if e.Options.Name != setup.DefaultName {
		command += " --name " + e.Options.Name
	}
	return "run '" + command + "'"
}
