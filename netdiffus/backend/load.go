package backend

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/go-xla/compute/xla"
	"k8s.io/klog/v2"
)

// loading guards go-xla's list of loaded plugins and its switch.
var loading sync.Mutex

// openXLA loads the plugin at path, which must be absolute: go-xla then neither
// searches nor installs. On a CPU plugin the device's memory is the host's, and
// sharing it saves a copy of every batch; go-xla sees that by itself only for a
// plugin called exactly "cpu".
func openXLA(path, options string) (b compute.Backend, err error) {
	if !filepath.IsAbs(path) || strings.Contains(path, ",") {
		return nil, fmt.Errorf("plugin %s: want an absolute path without a comma", path)
	}
	config := path
	if strings.Contains(filepath.Base(path), "cpu") && !strings.Contains(options, "shared_buffers") {
		config += ",shared_buffers"
	}
	if options != "" {
		config += "," + options
	}
	loading.Lock()
	defer loading.Unlock()
	defer recoverInto(&err, "plugin "+path)
	hush()
	xla.EnableAutoInstall(false)
	device, err := xla.New(config)
	if err != nil {
		return nil, fmt.Errorf("plugin %s: %w", path, err)
	}
	return device, nil
}

func openGo(options string) (b compute.Backend, err error) {
	defer recoverInto(&err, "pure Go")
	return gobackend.New(options)
}

// recoverInto turns a panic of the libraries below into an error; where it came
// from goes to the log.
func recoverInto(err *error, what string) {
	if r := recover(); r != nil {
		slog.Debug("recovered from a panic", "in", what, "panic", r, "stack", string(debug.Stack()))
		*err = fmt.Errorf("%s: panic: %v", what, r)
	}
}

// hush sends what GoMLX and go-xla log to slog's default logger at debug level:
// what matters of it comes back as errors. (XLA's own C++ messages are off
// unless TF_CPP_MIN_LOG_LEVEL is set; go-xla sees to that.)
var hush = sync.OnceFunc(func() { klog.SetSlogLogger(slog.New(debugOnly{})) })

// debugOnly is a slog.Handler that makes every record one for debugging.
type debugOnly struct{}

func (debugOnly) Enabled(ctx context.Context, _ slog.Level) bool {
	return slog.Default().Enabled(ctx, slog.LevelDebug)
}

func (debugOnly) Handle(ctx context.Context, r slog.Record) error {
	r.Level = slog.LevelDebug
	return slog.Default().Handler().Handle(ctx, r)
}

func (d debugOnly) WithAttrs([]slog.Attr) slog.Handler { return d }
func (d debugOnly) WithGroup(string) slog.Handler      { return d }
