package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend"
)

// doctor runs "netdiffus doctor" with args and returns what it prints.
func doctor(t *testing.T, args ...string) (string, error) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv(backend.NoFetchEnv, "1")
	root := rootCommand()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&bytes.Buffer{})
	root.SetArgs(append([]string{"doctor"}, args...))
	err := root.Execute()
	return out.String(), err
}

func TestDoctorJSON(t *testing.T) {
	out, err := doctor(t, "--json", "--backend", "go")
	if err != nil {
		t.Fatal(err)
	}
	var e examination
	if err := json.Unmarshal([]byte(out), &e); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if e.Machine.Cores < 1 || e.Cache.Path == "" || e.Device == nil || e.Device.Name != "go" || e.Speed == nil || e.Speed.MatMul <= 0 || e.Speed.Conv <= 0 {
		t.Errorf("doctor --json printed %s", out)
	}
	if last := e.Findings[len(e.Findings)-1]; last.Step != "go" || last.Status != backend.Used {
		t.Errorf("the last finding is %+v", last)
	}
}

func TestDoctorNamesDamageAndCure(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pjrt_c_api_cpu_plugin.so")
	if err := os.WriteFile(path, []byte("<!DOCTYPE html>"), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := doctor(t, "--backend", "xla:"+path)
	if err == nil || !strings.Contains(err.Error(), "web page") {
		t.Errorf("doctor = %v, want the web page refused", err)
	}
	for _, want := range []string{path, "failed", "cure", "PJRT plugin"} {
		if !strings.Contains(out, want) {
			t.Errorf("doctor does not print %q:\n%s", want, out)
		}
	}
}

func TestDoctorExitCodes(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for want, args := range map[int][]string{
		exitFailed: {"doctor", "--json", "--backend", "xla:/no/such/plugin.so"},
		exitUsage:  {"doctor", "--nosuch"},
	} {
		if got := run(args); got != want {
			t.Errorf("netdiffus %s exits with %d, want %d", strings.Join(args, " "), got, want)
		}
	}
}
