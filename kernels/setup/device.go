package setup

import (
	"context"
	"os"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
)

// device is what cells compute on.
type device struct {
	setting string // the value of $GOMLX_BACKEND that opens it without a search
	text    string // one line for people
	pureGo  bool
}

// device opens the device that o names, downloading XLA's plugin if it is missing,
// and closes it again.
func (o Options) device(ctx context.Context) (device, error) {
	b, findings, err := backend.Opener{Log: o.Log, Progress: o.Progress}.Search(ctx, o.Backend)
	if err != nil {
		return device{}, err
	}
	defer b.Finalize()
	described, err := backend.Describe(b)
	if err != nil {
		return device{}, err
	}
	d := device{text: described.String()}
	asked := o.Backend
	if asked == "" {
		asked = os.Getenv(backend.Env)
	}
	_, options, _ := strings.Cut(asked, ",")
	switch {
	case described.Plugin == "":
		d.setting, d.pureGo = "go", true
		if len(findings) > 0 {
			o.Log.Warn("cells will compute in pure Go", "slower", backend.GoSlowdown, "cure", findings[len(findings)-1].Cure)
		}
	case described.Platform == "cuda":
		d.setting = "xla:cuda" // a path would leave out the search for CUDA's libraries
	default:
		d.setting = "xla:" + described.Plugin
	}
	if options != "" {
		d.setting += "," + options
	}
	return d, nil
}
