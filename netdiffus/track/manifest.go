package track

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/jsonlimit"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
)

// Manifest records where a run came from.
type Manifest struct {
	// ID tells the run from all others, wherever its directory is moved or copied: 16
	// hexadecimal digits drawn at its first session; "" in runs of earlier versions, which
	// did not record how sessions end either.
	ID       string    `json:"id,omitempty"`
	Sessions []Session `json:"sessions"` // in the order of time
	// ConfigSHA256 is that of config.json; "" in runs of earlier versions, until a trainer
	// goes on with them.
	ConfigSHA256 string `json:"config_sha256,omitempty"`
}

// Session is one time that a trainer ran in the directory. A run directory is passed on:
// what AddSession keeps of paths in it is their names (provenance.Private), no environment
// is in it, and a machine is named without its host's name.
type Session struct {
	Started  time.Time         `json:"started"`
	Command  []string          `json:"command"`            // the command line
	Preset   string            `json:"preset,omitempty"`   // the settings began with
	FromStep int               `json:"from_step"`          // steps that were done before
	FromRun  *FromRun          `json:"from_run,omitempty"` // another run, that these steps are of
	Steps    int               `json:"steps,omitempty"`    // that were to be done in all; 0 means until it is stopped
	Seed     uint64            `json:"seed"`               //
	Flags    map[string]string `json:"flags,omitempty"`    // those given on the command line
	Inputs   []provenance.File `json:"inputs,omitempty"`   // the data trained on
	Device   any               `json:"device,omitempty"`   // backend.Describe's, plugin hash included
	Versions map[string]string `json:"versions"`           // this program's, Go's and every module's
	Machine  Machine           `json:"machine"`            //
	// End is how the session ended; nil while it goes on, of one that was killed, and in
	// runs of earlier versions.
	End *End `json:"end,omitempty"`
}

// FromRun is the run whose checkpoint another one began with.
type FromRun struct {
	ID     string   `json:"id,omitempty"`
	Step   int      `json:"step"`
	SHA256 string   `json:"checkpoint_sha256"`
	Differ []string `json:"settings_that_differ,omitempty"` // "training.lr: 0.0001, was 0.1"
}

// End is how a session ended.
type End struct {
	At      time.Time `json:"at"`
	Step    int       `json:"step"` // steps that were done
	Outcome Outcome   `json:"outcome"`
	Error   string    `json:"error,omitempty"` // of a session that failed
}

// Outcome is how a session ended.
type Outcome string

const (
	Finished Outcome = "finished" // all steps are done, or progress ended before
	Stopped  Outcome = "stopped"  // the user stopped it; what was done is saved
	Failed   Outcome = "failed"
)

// Machine is the computer that a run was on.
type Machine struct {
	Host   string `json:"host,omitempty"` // provenance.Machine's; in earlier versions the host's name; "" where it is not to be known
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
		Command:  slices.Clone(os.Args),
		Versions: versions(),
		Machine:  ThisMachine(),
	}
}

// private returns s with paths without their folders. The program is called by its name
// alone.
func (s Session) private() Session {
	s.Command = slices.Clone(s.Command)
	for i, word := range s.Command {
		if i == 0 {
			word = filepath.Base(word)
		}
		s.Command[i] = provenance.Private(word)
	}
	s.Flags = maps.Clone(s.Flags)
	for name, value := range s.Flags {
		s.Flags[name] = provenance.Private(value)
	}
	s.Inputs = slices.Clone(s.Inputs)
	for i, in := range s.Inputs {
		s.Inputs[i].Path = provenance.Private(in.Path)
	}
	return s
}

// AddSession adds s to the run's manifest.json, with paths without their folders. A new
// run gets its ID.
func (r *Run) AddSession(s Session) error {
	s = s.private()
	m, err := ReadManifest(r.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if m.ID == "" {
		if m.ID, err = r.newID(m); err != nil {
			return err
		}
	}
	if m.ConfigSHA256 == "" { // an earlier version's run
		if text, err := os.ReadFile(ConfigFile(r.Dir)); err == nil {
			m.ConfigSHA256 = hash(text)
		}
	}
	m.Sessions = append(m.Sessions, s)
	return writeJSON(ManifestFile(r.Dir), m)
}

// newID is a new run's ID, or that of a run of an earlier version.
func (r *Run) newID(m Manifest) (string, error) {
	if len(m.Sessions) > 0 {
		return RunID(r.Dir)
	}
	b := make([]byte, 8)
	rand.Read(b) // never fails
	return hex.EncodeToString(b), nil
}

// EndSession notes in the run's manifest.json how the session added last ended.
func (r *Run) EndSession(e End) error {
	m, err := ReadManifest(r.Dir)
	if err != nil {
		return err
	}
	if len(m.Sessions) == 0 {
		return fmt.Errorf("track: %s has no session to end", ManifestFile(r.Dir))
	}
	e.At = e.At.UTC().Truncate(time.Millisecond)
	e.Error = provenance.Private(e.Error)
	m.Sessions[len(m.Sessions)-1].End = &e
	return writeJSON(ManifestFile(r.Dir), m)
}

// RunID returns the ID of the run in dir: that of its manifest, or of a run of an earlier
// version one that follows from its configuration and the time of its first session.
func RunID(dir string) (string, error) {
	m, err := ReadManifest(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if m.ID != "" {
		return m.ID, nil
	}
	config, err := os.ReadFile(ConfigFile(dir))
	if err != nil {
		return "", fmt.Errorf("track: %w", err)
	}
	return m.idOf(config), nil
}

func (m Manifest) idOf(config []byte) string {
	h := sha256.New()
	h.Write(config)
	if len(m.Sessions) > 0 {
		fmt.Fprintln(h, m.Sessions[0].Started.UTC().Format(time.RFC3339))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// ReadManifest reads the manifest.json of a run directory.
func ReadManifest(dir string) (Manifest, error) {
	var m Manifest
	text, err := os.ReadFile(ManifestFile(dir))
	if err == nil {
		err = jsonlimit.Unmarshal(text, &m)
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

// ThisMachine describes the computer as far as the system does, but for the host's name.
func ThisMachine() Machine {
	m := Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.NumCPU()}
	m.Host = provenance.Machine()
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
