package backend

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/programs"
)

// fakeDevice stands for an opened device.
type fakeDevice struct {
	compute.Backend
	path, options string
}

// machine is a made-up machine for the search.
type machine struct {
	system
	home  string
	env   map[string]string
	calls []string // what was tried beyond looking at files
	log   strings.Builder
}

// newMachine has an empty home, no GPU, no Python and no network.
func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{home: t.TempDir(), env: map[string]string{}}
	m.system = system{
		platform:     "linux_amd64",
		lookupEnv:    func(name string) (string, bool) { v, ok := m.env[name]; return v, ok },
		setenv:       func(name, value string) error { m.env[name] = value; return nil },
		homeDir:      func() (string, error) { return m.home, nil },
		userCacheDir: func() (string, error) { return filepath.Join(m.home, ".cache"), nil },
		hasGPU:       func() bool { return false },
		keepPrograms: func(string, programs.Store) error { return nil },
		openXLA: func(path, options string) (compute.Backend, error) {
			return &fakeDevice{path: path, options: options}, nil
		},
		openGo: func(options string) (compute.Backend, error) {
			return &fakeDevice{path: "go", options: options}, nil
		},
		wheel:   wheel{platform: "linux_amd64", name: "fake-plugin", version: "1.0"},
		python:  func() (string, error) { m.calls = append(m.calls, "python"); return "", errors.New("not found") },
		release: "v0",
		releaseURL: func() (string, error) {
			m.calls = append(m.calls, "release")
			return "", errors.New("no network")
		},
		cudaReachable: func() error { m.calls = append(m.calls, "cuda"); return errors.New("no network") },
		installCUDA:   func(string) error { t.Error("installed CUDA"); return nil },
	}
	return m
}

func (m *machine) opener() Opener {
	return Opener{sys: &m.system, Log: slog.New(slog.NewTextHandler(&m.log, nil))}
}

// put writes a file below the home and returns its path.
func (m *machine) put(t *testing.T, content []byte, parts ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{m.home}, parts...)...)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// open opens spec and returns what was opened.
func (m *machine) open(t *testing.T, spec string) (*fakeDevice, []Finding, error) {
	t.Helper()
	b, findings, err := m.opener().Search(context.Background(), spec)
	device, _ := b.(*fakeDevice)
	return device, findings, err
}

const cpuFile = "pjrt_c_api_cpu_plugin.so"

func TestOrder(t *testing.T) {
	good := goodPlugin(t)
	user := []string{".local", "lib", "go-xla"}
	for _, c := range []struct {
		name  string
		spec  string
		setUp func(m *machine)
		want  string // what is opened, relative to the home
	}{
		{"an explicit file before everything", "xla:HOME/mine.so,tf32=false", func(m *machine) {
			m.put(t, good, "mine.so")
			m.put(t, good, append(user, cpuFile)...)
			m.env[Env] = "go"
			m.hasGPU = func() bool { return true }
		}, "mine.so"},
		{"the environment next", "", func(m *machine) {
			m.env[Env] = "go"
			m.put(t, good, append(user, cpuFile)...)
		}, "go"},
		{"CUDA where there is a GPU", "", func(m *machine) {
			m.hasGPU = func() bool { return true }
			m.put(t, good, append(user, cpuFile)...)
			m.put(t, good, append(user, "nvidia", "pjrt_c_api_cuda_plugin.so")...)
		}, ".local/lib/go-xla/nvidia/pjrt_c_api_cuda_plugin.so"},
		{"no CUDA without a GPU", "", func(m *machine) {
			m.put(t, good, append(user, cpuFile)...)
			m.put(t, good, append(user, "nvidia", "pjrt_c_api_cuda_plugin.so")...)
		}, ".local/lib/go-xla/" + cpuFile},
		{"the CPU where CUDA cannot be had", "", func(m *machine) {
			m.hasGPU = func() bool { return true }
			m.put(t, good, append(user, cpuFile)...)
		}, ".local/lib/go-xla/" + cpuFile},
		{"PJRT_PLUGIN_LIBRARY_PATH in place of the usual folders", "", func(m *machine) {
			m.put(t, good, append(user, cpuFile)...)
			m.put(t, good, "plugins", cpuFile)
			m.env["PJRT_PLUGIN_LIBRARY_PATH"] = ":" + filepath.Join(m.home, "plugins")
		}, "plugins/" + cpuFile},
		{"the newest version", "xla:cpu", func(m *machine) {
			m.put(t, good, append(user, "pjrt_c_api_cpu_v0.98.0_plugin.so")...)
			m.put(t, good, append(user, "pjrt_c_api_cpu_v0.99.0_plugin.so")...)
		}, ".local/lib/go-xla/pjrt_c_api_cpu_v0.99.0_plugin.so"},
		{"the next one where the first is a web page", "", func(m *machine) {
			m.put(t, []byte("<html>"), append(user, cpuFile)...)
			m.put(t, good, append(user, "pjrt_c_api_cpu_v0.98.0_plugin.so")...)
		}, ".local/lib/go-xla/pjrt_c_api_cpu_v0.98.0_plugin.so"},
		{"a plugin by another name", "xla:rocm", func(m *machine) {
			m.put(t, good, append(user, "pjrt_c_api_rocm_plugin.so")...)
		}, ".local/lib/go-xla/pjrt_c_api_rocm_plugin.so"},
		{"pure Go when all else fails", "", func(m *machine) {}, "go"},
		{"pure Go when asked for", "go:", func(m *machine) { m.put(t, good, append(user, cpuFile)...) }, "go"},
	} {
		m := newMachine(t)
		c.setUp(m)
		device, findings, err := m.open(t, strings.ReplaceAll(c.spec, "HOME", m.home))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := device.path
		if rel, err := filepath.Rel(m.home, got); err == nil {
			got = filepath.ToSlash(rel)
		}
		if got != c.want {
			t.Errorf("%s: opened %s, want %s", c.name, got, c.want)
		}
		if last := findings[len(findings)-1]; last.Status != Used {
			t.Errorf("%s: the last finding is %+v, want what was used", c.name, last)
		}
	}
}

func TestOptionsReachThePlugin(t *testing.T) {
	m := newMachine(t)
	path := m.put(t, goodPlugin(t), "p.so")
	device, _, err := m.open(t, "xla:"+path+",memory_fraction=0.5,noshared_buffers")
	if err != nil || device.options != "memory_fraction=0.5,noshared_buffers" {
		t.Errorf("opened %+v, %v", device, err)
	}
}

// TestNamedDeviceNeverFallsBack: a user who names a device must not get another.
func TestNamedDeviceNeverFallsBack(t *testing.T) {
	good := goodPlugin(t)
	for spec, want := range map[string]string{
		"xla":             "not found", // pip's absence is among the reasons
		"xla:cuda":        "no NVIDIA GPU",
		"xla:cpu":         "no network",
		"xla:nosuch":      `no plugin called "nosuch"`,
		"xla:/no/such.so": "no such file",
		"tensorflow":      `want "xla"`,
		":cpu":            `want "xla"`,
	} {
		m := newMachine(t)
		if spec == "xla:cuda" {
			m.put(t, good, ".local", "lib", "go-xla", cpuFile)
		}
		device, _, err := m.open(t, spec)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), spec) {
			t.Errorf("Open(%q) = %+v, %v; want an error with %q", spec, device, err, want)
		}
		m = newMachine(t)
		m.env[Env] = spec
		if _, _, err := m.open(t, ""); err == nil || !strings.Contains(err.Error(), "$"+Env) {
			t.Errorf("$%s=%q: %v, want an error that names the variable", Env, spec, err)
		}
	}
}

func TestPureGoWarns(t *testing.T) {
	m := newMachine(t)
	if _, _, err := m.open(t, ""); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"level=WARN", "130 times slower", "cure="} {
		if !strings.Contains(m.log.String(), want) {
			t.Errorf("log lacks %q:\n%s", want, m.log.String())
		}
	}
}

func TestDamagedPluginIsNamed(t *testing.T) {
	m := newMachine(t)
	path := m.put(t, goodPlugin(t)[:80], ".local", "lib", "go-xla", cpuFile)
	device, findings, err := m.open(t, "")
	if err != nil || device.path != "go" {
		t.Fatalf("opened %+v, %v; want pure Go", device, err)
	}
	if !strings.Contains(m.log.String(), path) {
		t.Errorf("the log does not name %s:\n%s", path, m.log.String())
	}
	for _, f := range findings {
		if f.Path == path && f.Status == Failed && strings.Contains(f.Cure, path) {
			return
		}
	}
	t.Errorf("no finding names %s and a cure: %+v", path, findings)
}

func TestNoFetch(t *testing.T) {
	for name, set := range map[string]func(m *machine, o *Opener){
		"variable": func(m *machine, o *Opener) { m.env[NoFetchEnv] = "" }, // its presence counts
		"field":    func(m *machine, o *Opener) { o.NoFetch = true },
	} {
		m := newMachine(t)
		m.hasGPU = func() bool { return true }
		o := m.opener()
		set(m, &o)
		if _, err := o.Open(context.Background(), ""); err != nil {
			t.Fatal(err)
		}
		if len(m.calls) > 0 {
			t.Errorf("%s: tried %q", name, m.calls)
		}
	}
}

func TestCanceled(t *testing.T) {
	m := newMachine(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := m.opener().Open(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("Open with a cancelled context = %v", err)
	}
}

func TestOrigin(t *testing.T) {
	for path, known := range map[string]bool{
		filepath.Join("cache", cpuWheel.folder(), "pjrt_c_api_cpu_plugin.so"): true,
		filepath.Join("usr", "local", "lib", "go-xla", "plugin.so"):           false,
		"": false,
	} {
		if got := Origin(path); known != strings.Contains(got, "third party") {
			t.Errorf("Origin(%q) = %q", path, got)
		}
	}
}

// TestCPUDevices: the number of devices goes to CPU plugins alone, beside other options,
// and what go-xla does not know of it is taken out of its options.
func TestCPUDevices(t *testing.T) {
	for _, c := range []struct {
		path, options string
		devices       int
		rest          string // of the options
		want          any    // given to the plugin; nil for nothing
	}{
		{"/p/pjrt_c_api_cpu_plugin.so", "", 0, "", nil},
		{"/p/pjrt_c_api_cpu_plugin.so", "", 4, "", int64(4)},
		{"/p/pjrt_c_api_cpu_plugin.so", "tf32=false", 4, "tf32=false", int64(4)},
		{"/p/pjrt_c_api_cpu_plugin.so", "cpu_device_count=2", 4, "", int64(2)},
		{"/p/pjrt_c_api_cuda_plugin.so", "", 4, "", nil},
	} {
		var got string
		m := newMachine(t)
		m.openXLA = func(_, options string) (compute.Backend, error) { got = options; return nil, nil }
		s := &search{Opener: Opener{CPUDevices: c.devices, NoPrograms: true}, sys: &m.system}
		if _, err := s.openXLA(c.path, c.options); err != nil {
			t.Fatal(err)
		}
		rest, client, err := clientOptions(got)
		if err != nil || rest != c.rest || client[cpuDevices] != c.want {
			t.Errorf("%+v: options %q, which are %q and %v (%v)", c, got, rest, client, err)
		}
	}
	for _, bad := range []string{"cpu_device_count=0", "cpu_device_count=x", "cpu_device_count", "cpu_device_count=9999"} {
		if _, _, err := clientOptions(bad); err == nil {
			t.Errorf("%s passes", bad)
		}
	}
}
