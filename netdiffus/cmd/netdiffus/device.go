package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"

	"github.com/gomlx/compute"
	"github.com/spf13/pflag"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
)

// deviceChoice is which device a verb computes on.
type deviceChoice struct {
	spec         string // as backend.Open's
	keepPrograms bool
	several      string // as --devices has it; "" is one
}

// deviceFlags registers --backend and --keep-programs.
func deviceFlags(flags *pflag.FlagSet) *deviceChoice {
	var d deviceChoice
	flags.StringVar(&d.spec, "backend", "", `device: xla:cuda, xla:cpu, xla:/path/plugin.so, go; empty means $GOMLX_BACKEND, or else the best there is`)
	flags.BoolVar(&d.keepPrograms, "keep-programs", true, "keep what XLA compiles in the user's cache folder, so that it is not compiled again")
	return &d
}

// registerSeveral registers --devices, for verbs that let several devices work together.
func (d *deviceChoice) registerSeveral(flags *pflag.FlagSet) {
	flags.StringVar(&d.several, "devices", "1", "`number` of devices that work together, or all there are; of the CPU, XLA makes so many out of the same cores")
}

// wanted is how many devices --devices asks for; 0 is all.
func (d deviceChoice) wanted() (int, error) {
	switch d.several {
	case "":
		return 1, nil
	case "all":
		return 0, nil
	}
	n, err := strconv.Atoi(d.several)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("--devices %q: want a number from 1, or all", d.several)
	}
	return n, nil
}

// count is how many devices of b work together.
func (d deviceChoice) count(b compute.Backend) (int, error) {
	n, err := d.wanted()
	if err != nil {
		return 0, err
	}
	if err := backend.CheckDevices(b, n); err != nil {
		return 0, fmt.Errorf("--devices: %w", err)
	}
	return cmp.Or(n, b.NumDevices()), nil
}

// openDevice opens a device and reports on w what it does. The finding describes the
// device.
func openDevice(ctx context.Context, w io.Writer, choice deviceChoice) (compute.Backend, backend.Finding, error) {
	var last time.Time
	o := backend.Opener{
		Log:        slog.New(plainHandler{w}),
		NoPrograms: !choice.keepPrograms,
		Progress: func(p backend.Progress) {
			if now := time.Now(); now.Sub(last) > time.Second {
				last = now
				fmt.Fprintf(w, "fetching %s: %d of %d MB\n", p.What, p.Done>>20, p.Total>>20)
			}
		},
	}
	var err error
	if o.CPUDevices, err = choice.wanted(); err != nil {
		return nil, backend.Finding{}, err
	}
	b, findings, err := o.Search(ctx, choice.spec)
	if err != nil {
		return nil, backend.Finding{}, err
	}
	var used backend.Finding
	if len(findings) > 0 {
		used = findings[len(findings)-1]
	}
	return b, used, nil
}

// plainHandler is a slog.Handler for people: the message and its values on one
// line, "warning: " before what is one.
type plainHandler struct{ w io.Writer }

func (plainHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

func (h plainHandler) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	if r.Level >= slog.LevelWarn {
		line = "warning: " + line
	}
	r.Attrs(func(a slog.Attr) bool {
		line += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		return true
	})
	_, err := fmt.Fprintln(h.w, line)
	return err
}

func (h plainHandler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h plainHandler) WithGroup(string) slog.Handler      { return h }
