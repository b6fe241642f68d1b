package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/gomlx/compute"
	"github.com/spf13/pflag"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
)

// deviceFlag registers --backend.
func deviceFlag(flags *pflag.FlagSet) *string {
	return flags.String("backend", "", `device: xla:cuda, xla:cpu, xla:/path/plugin.so, go; empty means $GOMLX_BACKEND, or else the best there is`)
}

// openDevice opens the device that spec names and reports on w what it does. The
// finding describes the device.
func openDevice(ctx context.Context, w io.Writer, spec string) (compute.Backend, backend.Finding, error) {
	var last time.Time
	o := backend.Opener{
		Log: slog.New(plainHandler{w}),
		Progress: func(p backend.Progress) {
			if now := time.Now(); now.Sub(last) > time.Second {
				last = now
				fmt.Fprintf(w, "fetching %s: %d of %d MB\n", p.What, p.Done>>20, p.Total>>20)
			}
		},
	}
	b, findings, err := o.Search(ctx, spec)
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
