package backend

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/go-xla/compute/xla"
	"github.com/gomlx/go-xla/pjrt"
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
	options, client, err := clientOptions(options)
	if err != nil {
		return nil, fmt.Errorf("plugin %s: %w", path, err)
	}
	config := path
	if isCPU(path) && !strings.Contains(options, "shared_buffers") {
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
	device, err := xla.NewWithOptions(config, client)
	if err != nil {
		return nil, fmt.Errorf("plugin %s: %w", path, err)
	}
	return device, nil
}

// cpuDevices is the option by which XLA's CPU plugin divides the processor into devices.
const cpuDevices = "cpu_device_count"

// clientOptions takes out of options, separated by commas, what go-xla does not know but
// hands on to the plugin.
func clientOptions(options string) (rest string, client pjrt.NamedValuesMap, err error) {
	var others []string
	for _, option := range strings.Split(options, ",") {
		name, value, _ := strings.Cut(option, "=")
		if name != cpuDevices {
			others = append(others, option)
			continue
		}
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > mostCPUDevices {
			return "", nil, fmt.Errorf("%s: want a number of devices from 1 to %d", option, mostCPUDevices)
		}
		client = pjrt.NamedValuesMap{cpuDevices: int64(n)}
	}
	return strings.Join(others, ","), client, nil
}

// mostCPUDevices is far above what is of use: each device has threads of its own.
const mostCPUDevices = 1024

// isCPU reports whether the plugin at path is one for the CPU.
func isCPU(path string) bool { return strings.Contains(filepath.Base(path), "cpu") }

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
