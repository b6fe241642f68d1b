// Package flowflags holds the flags that several programs have in common: how files of flows
// are read, and how flows become images.
package flowflags

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/netdiffus/netdiffus-go/netdiffus/capture"
	"github.com/netdiffus/netdiffus-go/netdiffus/traffic"
)

// Reading are the flags of how flows are read that are not fields of a reader as they stand.
type Reading struct {
	idle, active time.Duration
	tunnels      string
}

// Register adds them, and those that are fields of r.
func (f *Reading) Register(flags *pflag.FlagSet, r *traffic.Reader) {
	flags.StringVar(&r.Label, "label", "", "label of all flows; {folder} in it is the name of the file's folder, {file} the file's own (default: the label in the file, or {folder} for captures)")
	flags.IntVar(&r.MinPackets, "min-packets", 0, "leave out flows of fewer packets")
	flags.IntVar(&r.MaxPackets, "max-packets", 0, "cut flows to their first packets; 0 keeps all")
	flags.BoolVar(&r.KeepEmpty, "keep-empty", false, "captures, MIRAGE: keep packets without payload, as packets of 0 bytes")
	flags.DurationVar(&f.idle, "idle-timeout", traffic.DefaultIdle, "captures: silence that ends a flow; 0 means no limit")
	flags.DurationVar(&f.active, "active-timeout", 0, "captures: longest duration of a flow, after which it is cut in two; 0 means no limit")
	flags.BoolVar(&r.Capture.DropDuplicates, "drop-duplicates", false, "captures: leave out packets that were captured twice less than a millisecond apart")
	flags.BoolVar(&r.Capture.DropRetransmissions, "drop-retransmissions", false, "captures: leave out TCP packets of which all bytes were captured before")
	flags.StringVar(&f.tunnels, "tunnels", "inner", "captures: of packets within packets (VXLAN, GRE, GTP-U, …) read the inner or the outer ones")
}

// Connections adds the flag of what is noted of connections in the manifest of a set.
func Connections(flags *pflag.FlagSet, r *traffic.Reader) {
	flags.BoolVar(&r.KeepConnections, "connections", true, "captures and keys: note protocols, server ports, times to live and times between connections by class, never addresses, for captures of samples")
}

// Apply sets the reader's fields by the flags, and checks all. Its errors are of usage.
func (f *Reading) Apply(r *traffic.Reader) error {
	if r.MinPackets < 0 || r.MaxPackets < 0 {
		return errors.New("--min-packets and --max-packets: want 0 or more")
	}
	if r.MaxPackets > 0 && r.MinPackets > r.MaxPackets {
		return fmt.Errorf("--min-packets %d is above --max-packets %d: no flow would be left", r.MinPackets, r.MaxPackets)
	}
	if f.idle < 0 || f.active < 0 {
		return errors.New("--idle-timeout and --active-timeout: want 0 or more")
	}
	r.Capture.Idle, r.Capture.Active = f.idle, f.active
	if f.idle == 0 {
		r.Capture.Idle = -1
	}
	switch f.tunnels {
	case "inner":
		r.Capture.Tunnels = capture.Inner
	case "outer":
		r.Capture.Tunnels = capture.Outer
	default:
		return fmt.Errorf("--tunnels %s: want inner or outer", f.tunnels)
	}
	return nil
}
