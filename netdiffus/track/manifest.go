package track

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
)

// Manifest records where a run came from.
type Manifest struct {
	Sessions []Session `json:"sessions"` // in the order of time
}

// Session is one time that a trainer ran in the directory.
type Session struct {
	Started  time.Time         `json:"started"`
	Command  []string          `json:"command"`          // the command line
	FromStep int               `json:"from_step"`        // steps that were done before
	Seed     uint64            `json:"seed"`             //
	Flags    map[string]string `json:"flags,omitempty"`  // those given on the command line
	Inputs   []provenance.File `json:"inputs,omitempty"` // the data trained on
	Device   any               `json:"device,omitempty"` // backend.Describe's, plugin hash included
	Versions map[string]string `json:"versions"`         // this program's, Go's and every module's
	Machine  Machine           `json:"machine"`          //
}

// Machine is the computer that a run was on.
type Machine struct {
	Host   string `json:"host"`
	OS     string `json:"os"`
	Arch   string `json:"arch"`
	CPU    string `json:"cpu,omitempty"`
	Cores  int    `json:"cores"`
	Memory int64  `json:"memory_bytes,omitempty"`
}

// NewSession returns a session that starts now, with what is known of the process:
// command, versions and machine.
func NewSession() Session {
	return Session{
		Started:  time.Now().UTC().Truncate(time.Second),
		Command:  os.Args,
		Versions: versions(),
		Machine:  ThisMachine(),
	}
}

// AddSession adds s to the run's manifest.json.
func (r *Run) AddSession(s Session) error {
	m, err := ReadManifest(r.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	m.Sessions = append(m.Sessions, s)
	return writeJSON(ManifestFile(r.Dir), m)
}

// ReadManifest reads the manifest.json of a run directory.
func ReadManifest(dir string) (Manifest, error) {
	var m Manifest
	text, err := os.ReadFile(ManifestFile(dir))
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		return Manifest{}, fmt.Errorf("track: %s: %w", ManifestFile(dir), err)
	}
	return m, nil
}

// versions are those of Go, of this module and of every module linked in.
func versions() map[string]string {
	v := map[string]string{"go": runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Path != "" {
		v[info.Main.Path] = info.Main.Version
	}
	for _, dep := range info.Deps {
		if dep.Replace != nil {
			dep = dep.Replace
		}
		v[dep.Path] = dep.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" || s.Key == "vcs.modified" {
			v[s.Key] = s.Value
		}
	}
	return v
}

// ThisMachine describes the computer as far as the system does.
func ThisMachine() Machine {
	m := Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.NumCPU()}
	m.Host, _ = os.Hostname()
	// Linux; elsewhere the two files are missing and the fields stay empty.
	m.CPU = procField("/proc/cpuinfo", "model name")
	var kib int64
	if _, err := fmt.Sscanf(procField("/proc/meminfo", "MemTotal"), "%d kB", &kib); err == nil {
		m.Memory = kib << 10
	}
	return m
}

// procField returns the first value called key in a file of "key: value" lines.
func procField(path, key string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
