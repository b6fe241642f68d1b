package backend

import (
	"context"
	"testing"

	"github.com/gomlx/compute"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/programs"
)

// TestCPUFlags: what the user set stays.
func TestCPUFlags(t *testing.T) {
	const ours = "--xla_backend_extra_options=xla_cpu_disable_new_fusion_emitters,xla_cpu_disable_loop_unrolling"
	for _, test := range []struct{ users, want string }{
		{"", ours},
		{" ", ours},
		{ours, ours},
		{"--xla_backend_optimization_level=0", "--xla_backend_optimization_level=0 " + ours},
		{"--xla_backend_extra_options=", "--xla_backend_extra_options="},
		{"--xla_a=1 --xla_backend_extra_options=mine", "--xla_a=1 --xla_backend_extra_options=mine"},
		{"/etc/xla-flags", "/etc/xla-flags"},
	} {
		if got := cpuFlags(test.users); got != test.want {
			t.Errorf("cpuFlags(%q) = %q, want %q", test.users, got, test.want)
		}
	}
}

// TestFlagsAreSetFirst: the CPU's plugin is opened with the settings, and what is kept of
// programs is told apart by them; another device's plugin is opened with the user's.
func TestFlagsAreSetFirst(t *testing.T) {
	good := goodPlugin(t)
	for name, want := range map[string]string{
		"pjrt_c_api_cpu_plugin.so":  "--xla_dump_to=d " + cpuFlags(""),
		"pjrt_c_api_cuda_plugin.so": "--xla_dump_to=d",
	} {
		m := newMachine(t)
		m.env[flagsEnv] = "--xla_dump_to=d"
		var kept, opened string
		m.keepPrograms = func(string, programs.Store) error { kept = m.env[flagsEnv]; return nil }
		open := m.openXLA
		m.openXLA = func(path, options string) (compute.Backend, error) {
			opened = m.env[flagsEnv]
			return open(path, options)
		}
		if _, err := m.opener().Open(context.Background(), "xla:"+m.put(t, good, name)); err != nil {
			t.Fatal(err)
		}
		if kept != want || opened != want {
			t.Errorf("%s: kept with %q, opened with %q, want %q", name, kept, opened, want)
		}
	}
}
