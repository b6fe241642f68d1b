package backend

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/compute"
)

// The plugin of a JAX is found in the packages of the Pythons there are.
func TestJAXPlugin(t *testing.T) {
	good := goodPlugin(t)
	const plugin = "xla_cuda_plugin.so"
	put := func(t *testing.T, m *machine, prefix, python, cuda string) string {
		return m.put(t, good, prefix, "lib", python, "site-packages", "jax_plugins", cuda, plugin)
	}
	for _, c := range []struct {
		name  string
		setUp func(t *testing.T, m *machine)
		want  string // below the home; "" means the CPU's
	}{
		{"in the environment", func(t *testing.T, m *machine) {
			put(t, m, "venv", "python3.12", "xla_cuda12")
			m.env["VIRTUAL_ENV"] = filepath.Join(m.home, "venv")
		}, "venv/lib/python3.12/site-packages/jax_plugins/xla_cuda12/" + plugin},
		{"by the PATH", func(t *testing.T, m *machine) {
			m.put(t, nil, "py", "bin", "python3")
			put(t, m, "py", "python3.11", "xla_cuda12")
			m.env["PATH"] = filepath.Join(m.home, "none") + string(os.PathListSeparator) + filepath.Join(m.home, "py", "bin")
		}, "py/lib/python3.11/site-packages/jax_plugins/xla_cuda12/" + plugin},
		{"the user's own", func(t *testing.T, m *machine) {
			put(t, m, ".local", "python3.13", "xla_cuda13")
		}, ".local/lib/python3.13/site-packages/jax_plugins/xla_cuda13/" + plugin},
		{"the newest CUDA", func(t *testing.T, m *machine) {
			put(t, m, ".local", "python3.12", "xla_cuda12")
			put(t, m, ".local", "python3.12", "xla_cuda13")
		}, ".local/lib/python3.12/site-packages/jax_plugins/xla_cuda13/" + plugin},
		{"the other where the newest is for another CUDA", func(t *testing.T, m *machine) {
			put(t, m, ".local", "python3.12", "xla_cuda12")
			put(t, m, ".local", "python3.12", "xla_cuda13")
			open := m.openXLA
			m.openXLA = func(path, options string) (compute.Backend, error) {
				if strings.Contains(path, "xla_cuda13") {
					return nil, errors.New("CUDA driver version is insufficient for CUDA runtime version")
				}
				return open(path, options)
			}
		}, ".local/lib/python3.12/site-packages/jax_plugins/xla_cuda12/" + plugin},
		{"one installed for go-xla before it", func(t *testing.T, m *machine) {
			put(t, m, ".local", "python3.12", "xla_cuda12")
			m.put(t, good, ".local", "lib", "go-xla", "nvidia", "pjrt_c_api_cuda_plugin.so")
		}, ".local/lib/go-xla/nvidia/pjrt_c_api_cuda_plugin.so"},
		{"none without a GPU", func(t *testing.T, m *machine) {
			put(t, m, ".local", "python3.12", "xla_cuda12")
			m.hasGPU = func() bool { return false }
		}, ""},
		{"without the driver's library the CPU", func(t *testing.T, m *machine) {
			put(t, m, ".local", "python3.12", "xla_cuda12")
			open := m.openXLA
			m.openXLA = func(path, options string) (compute.Backend, error) {
				if strings.Contains(path, "cuda") {
					return nil, errors.New("libcuda.so.1: cannot open shared object file")
				}
				return open(path, options)
			}
		}, ""},
		{"a damaged one is passed over", func(t *testing.T, m *machine) {
			m.put(t, good[:40], ".local", "lib", "python3.12", "site-packages", "jax_plugins", "xla_cuda12", plugin)
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t)
			m.hasGPU = func() bool { return true }
			m.put(t, good, ".local", "lib", "go-xla", cpuFile)
			c.setUp(t, m)
			device, findings, err := m.open(t, "")
			if err != nil {
				t.Fatal(err)
			}
			want := filepath.Join(m.home, filepath.FromSlash(c.want))
			if c.want == "" {
				want = filepath.Join(m.home, ".local", "lib", "go-xla", cpuFile)
			}
			if device.path != want {
				t.Errorf("opened %s, want %s\n%+v", device.path, want, findings)
			}
		})
	}
}
