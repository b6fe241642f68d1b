package backend

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gomlx/compute"
)

func sumOf(b []byte) string { s := sha256.Sum256(b); return hex.EncodeToString(s[:]) }

// withWheel gives the machine a package index: a wheel with plugin in it, pinned
// by its hashes, and a python3 whose pip runs script. The script finds the wheel
// in $WHEEL and what pip gets as its arguments, the folder last.
func (m *machine) withWheel(t *testing.T, plugin []byte, script string) (wheelPath string) {
	t.Helper()
	if goos == "windows" {
		t.Skip("the fake pip is a shell script")
	}
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	for name, content := range map[string][]byte{"../evil.so": []byte("evil"), "fake_plugin/plugin.so": plugin} {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	m.wheel = wheel{platform: m.platform, name: "fake-plugin", version: "1.0", tag: "any",
		sha256: sumOf(archive.Bytes()), size: int64(archive.Len()),
		member: "fake_plugin/plugin.so", memberSHA256: sumOf(plugin), memberSize: int64(len(plugin))}
	wheelPath = m.put(t, archive.Bytes(), "index", "fake_plugin-1.0-py3-none-any.whl")
	count := filepath.Join(m.home, "pip-runs")
	python := m.put(t, []byte(fmt.Sprintf("#!/bin/sh\nWHEEL=%s\necho run >> %s\nfor DIR; do :; done\n%s\n", wheelPath, count, script)), "bin", "python3")
	if err := os.Chmod(python, 0o755); err != nil {
		t.Fatal(err)
	}
	m.python = func() (string, error) { return python, nil }
	return wheelPath
}

func (m *machine) pipRuns() int {
	text, _ := os.ReadFile(filepath.Join(m.home, "pip-runs"))
	return bytes.Count(text, []byte("run"))
}

// goodPip does what pip does when all is well.
const goodPip = `echo "Getting page http://index/fake-plugin/"
echo "  Found link http://index/fake_plugin-1.0-py3-none-any.whl"
cp "$WHEEL" "$DIR"`

func TestFetchWheel(t *testing.T) {
	m := newMachine(t)
	m.withWheel(t, goodPlugin(t), goodPip)
	device, findings, err := m.open(t, "")
	want := filepath.Join(m.home, ".cache", "netdiffus", "xla", "fake_plugin-1.0", pluginName())
	if err != nil || device.path != want {
		t.Fatalf("opened %+v, %v; want %s\n%+v", device, err, want, findings)
	}
	if device, _, err = m.open(t, ""); err != nil || device.path != want || m.pipRuns() != 1 {
		t.Errorf("the second time: opened %+v, %v, pip ran %d times; want the cached plugin", device, err, m.pipRuns())
	}
	var left []string
	filepath.WalkDir(filepath.Join(m.home, ".cache"), func(path string, e os.DirEntry, err error) error {
		if !e.IsDir() {
			left = append(left, e.Name())
		}
		return err
	})
	if fmt.Sprint(left) != fmt.Sprintf("[.lock %s %s]", pluginName(), hashName(pluginName())) {
		t.Errorf("the cache holds %q, want the plugin, its hash and the lock", left)
	}
}

func TestFetchOnlyOnce(t *testing.T) {
	m := newMachine(t)
	m.withWheel(t, goodPlugin(t), "sleep 0.2\n"+goodPip)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			// Each opens the lock's file for itself, as a process would.
			if _, err := (Opener{sys: &m.system, Log: slog.New(slog.DiscardHandler)}).Open(context.Background(), "xla:cpu"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := m.pipRuns(); n != 1 {
		t.Errorf("pip ran %d times, want once", n)
	}
}

func TestAlteredCacheIsRefusedAndHealed(t *testing.T) {
	m := newMachine(t)
	m.withWheel(t, goodPlugin(t), goodPip)
	device, _, err := m.open(t, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func([]byte) []byte{
		"a flipped bit": func(b []byte) []byte { b = bytes.Clone(b); b[len(b)-1] ^= 1; return b },
		"cut short":     func(b []byte) []byte { return b[:len(b)/2] },
		"a web page":    func([]byte) []byte { return []byte("<html>") },
	} {
		if err := os.WriteFile(device.path, damage(goodPlugin(t)), 0o644); err != nil {
			t.Fatal(err)
		}
		o := m.opener()
		o.NoFetch = true
		if _, err := o.Open(context.Background(), "xla:cpu"); err == nil || !strings.Contains(err.Error(), device.path) {
			t.Errorf("%s, offline: Open = %v, want a refusal that names %s", name, err, device.path)
		}
		if again, _, err := m.open(t, "xla:cpu"); err != nil || again.path != device.path {
			t.Errorf("%s: opened %+v, %v; want it fetched again", name, again, err)
		}
	}
}

func TestWheelThatIsNotThePinnedOne(t *testing.T) {
	for name, script := range map[string]string{
		"another archive": goodPip + `; echo more >> "$DIR"/fake_plugin-1.0-py3-none-any.whl`,
		"a web page":      goodPip + `; echo "<html>" > "$DIR"/fake_plugin-1.0-py3-none-any.whl`,
		"nothing":         `echo "Getting page"`,
		"pip's own error": `echo "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES"; exit 1`,
		"no pip":          `echo "/usr/bin/python3: No module named pip" >&2; exit 1`,
		"killed":          `kill -9 $$`,
		"endless chatter": `head -c 300000 /dev/zero | tr '\0' x; exit 1`,
	} {
		m := newMachine(t)
		m.withWheel(t, goodPlugin(t), script)
		device, findings, err := m.open(t, "xla:cpu")
		if err == nil {
			t.Errorf("%s: opened %+v", name, device)
			continue
		}
		if !strings.Contains(err.Error(), "package index") || len(findings) == 0 {
			t.Errorf("%s: %v, want an error about the package index", name, err)
		}
		if found, _ := filepath.Glob(filepath.Join(m.home, ".cache", "netdiffus", "xla", "[^.]*")); len(found) > 0 {
			t.Errorf("%s: left %q in the cache", name, found)
		}
	}
}

func TestWheelWithAnotherPlugin(t *testing.T) {
	m := newMachine(t)
	m.withWheel(t, goodPlugin(t), goodPip)
	m.wheel.memberSHA256 = sumOf([]byte("another"))
	if _, _, err := m.open(t, "xla:cpu"); err == nil || !strings.Contains(err.Error(), "was altered") {
		t.Errorf("Open = %v, want a plugin refused by its hash", err)
	}
	m.wheel.memberSize--
	if _, _, err := m.open(t, "xla:cpu"); err == nil || !strings.Contains(err.Error(), errTooLarge.Error()) {
		t.Errorf("Open = %v, want a plugin refused by its size", err)
	}
}

// TestOffline: an index and a release server that take the connection and then
// say nothing must not hold a command up for more than about two seconds.
func TestOffline(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.withWheel(t, goodPlugin(t), `echo "Getting page http://index/fake-plugin/"; sleep 60`)
	silence := make(chan struct{})
	defer close(silence)
	m.releaseURL = func() (string, error) { <-silence; return "", errors.New("closed") }
	start := time.Now()
	device, _, err := m.open(t, "")
	took := time.Since(start)
	if err != nil || device.path != "go" {
		t.Fatalf("opened %+v, %v; want pure Go", device, err)
	}
	if !strings.Contains(m.log.String(), errNoAnswer.Error()) {
		t.Errorf("the log does not say why:\n%s", m.log.String())
	}
	if took > 30*time.Second { // pip would sleep for a minute, the release for ever
		t.Errorf("took %v, want about %v", took, patience)
	}
}

// TestSlowDownload: once the index has answered there is no limit.
func TestSlowDownload(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.withWheel(t, append(goodPlugin(t), make([]byte, 1<<20)...), `echo "Getting page http://index/fake-plugin/"
echo "  Found link http://index/fake_plugin-1.0-py3-none-any.whl"
head -c 100000 /dev/zero > "$TMPDIR"/part; sleep 2.5
cp "$WHEEL" "$DIR"; rm "$TMPDIR"/part`)
	m.wheel.size = 200_000 // a made-up total: zeros pack too well
	var reports []Progress
	o := m.opener()
	o.Progress = func(p Progress) { reports = append(reports, p) }
	if _, err := o.Open(context.Background(), "xla:cpu"); err != nil {
		t.Fatal(err)
	}
	if len(reports) == 0 || reports[len(reports)-1] != (Progress{What: pluginOfXLA, Done: 100_000, Total: 200_000}) {
		t.Errorf("reported %+v, want 100000 of 200000 last", reports)
	}
}

func TestCancelWhileFetching(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.withWheel(t, goodPlugin(t), `echo "  Found link http://index/fake_plugin-1.0-py3-none-any.whl"; sleep 60`)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := m.opener().Open(ctx, "")
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 30*time.Second {
		t.Errorf("Open = %v after %v, want the context's error at once", err, time.Since(start))
	}
}

// TestPluginThatDoesNotLoad: a whole plugin that this machine cannot load, for
// an old C library say, must not be fetched anew by every command.
func TestPluginThatDoesNotLoad(t *testing.T) {
	m := newMachine(t)
	m.withWheel(t, goodPlugin(t), goodPip)
	m.openXLA = func(path, _ string) (compute.Backend, error) { return nil, errors.New("GLIBC_2.27 not found") }
	for range 2 {
		if device, _, err := m.open(t, ""); err != nil || device.path != "go" {
			t.Fatalf("opened %+v, %v; want pure Go", device, err)
		}
	}
	if !strings.Contains(m.log.String(), "GLIBC_2.27 not found") || m.pipRuns() != 1 {
		t.Errorf("pip ran %d times, want once; the log:\n%s", m.pipRuns(), m.log.String())
	}
}

// withRelease serves body as go-xla's release.
func (m *machine) withRelease(t *testing.T, status int, body []byte) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		w.Write(body)
	}))
	t.Cleanup(server.Close)
	m.releaseURL = func() (string, error) { return server.URL + "/pjrt_cpu_linux_amd64.tar.gz", nil }
}

func tarGz(t *testing.T, name string, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	err := w.WriteHeader(&tar.Header{Name: "../../escape", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"})
	if err == nil {
		err = w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content))})
	}
	if err == nil {
		_, err = w.Write(content)
	}
	if err := errors.Join(err, w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestFetchRelease(t *testing.T) {
	m := newMachine(t)
	m.withRelease(t, http.StatusOK, tarGz(t, "pjrt_c_api_cpu_v0.114.0_plugin.so", goodPlugin(t)))
	device, _, err := m.open(t, "")
	want := filepath.Join(m.home, ".cache", "netdiffus", "xla", "go-xla-v0", pluginName())
	if err != nil || device.path != want {
		t.Fatalf("opened %+v, %v; want %s", device, err, want)
	}
	// No hash is published; what came in first is held to.
	changed := goodPlugin(t)
	changed[len(changed)-1] ^= 1
	if err := os.WriteFile(want, changed, 0o644); err != nil {
		t.Fatal(err)
	}
	o := m.opener()
	o.NoFetch = true
	if _, err := o.Open(context.Background(), "xla:cpu"); err == nil || !strings.Contains(err.Error(), "was altered") {
		t.Errorf("Open of an altered plugin = %v", err)
	}
}

func TestReleaseThatIsNoPlugin(t *testing.T) {
	good := goodPlugin(t)
	whole := tarGz(t, "pjrt_c_api_cpu_v0_plugin.so", good)
	for name, c := range map[string]struct {
		status int
		body   []byte
		want   string
	}{
		"error page":            {http.StatusNotFound, []byte("<html>404"), "404 Not Found"},
		"error page with 200":   {http.StatusOK, []byte("<html>Sign in to the hotel's network"), "not a gzip archive"},
		"cut short":             {http.StatusOK, whole[:len(whole)/2], "unexpected EOF"},
		"web page in it":        {http.StatusOK, tarGz(t, "pjrt_c_api_cpu_v0_plugin.so", []byte("<html>")), "web page"},
		"truncated library":     {http.StatusOK, tarGz(t, "pjrt_c_api_cpu_v0_plugin.so", good[:90]), "not a whole ELF"},
		"nothing like a plugin": {http.StatusOK, tarGz(t, "README", good), errNoPlugin.Error()},
	} {
		m := newMachine(t)
		m.withRelease(t, c.status, c.body)
		if _, _, err := m.open(t, "xla:cpu"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Open = %v, want %q", name, err, c.want)
		}
		if found, _ := filepath.Glob(filepath.Join(m.home, ".cache", "netdiffus", "xla", "[^.]*")); len(found) > 0 {
			t.Errorf("%s: left %q in the cache", name, found)
		}
	}
}

func TestFetchCUDA(t *testing.T) {
	m := newMachine(t)
	m.hasGPU = func() bool { return true }
	m.cudaReachable = func() error { return nil }
	users := m.put(t, []byte("<html>"), ".local", "lib", "go-xla", "nvidia", "pjrt_c_api_cuda_plugin.so")
	installs := 0
	m.installCUDA = func(folder string) error {
		installs++
		path := filepath.Join(folder, "nvidia", "pjrt_c_api_cuda_plugin.so")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return os.WriteFile(path, goodPlugin(t), 0o644)
	}
	for range 2 {
		device, _, err := m.open(t, "")
		if err != nil || !strings.HasPrefix(device.path, filepath.Join(m.home, ".cache")) {
			t.Fatalf("opened %+v, %v; want the plugin in our cache", device, err)
		}
	}
	if installs != 1 {
		t.Errorf("installed %d times, want once", installs)
	}
	if got, err := os.ReadFile(users); err != nil || string(got) != "<html>" {
		t.Errorf("the user's own plugin was touched: %q, %v", got, err)
	}
	m.installCUDA = func(string) error { panic("go-xla") }
	m.put(t, nil, ".cache", "netdiffus", "xla", cudaPlugin+"-"+cudaVersion, "go-xla", "nvidia", "pjrt_c_api_cuda_plugin.so")
	if device, _, err := m.open(t, ""); err != nil || device.path != "go" {
		t.Errorf("opened %+v, %v; want pure Go after a failed install", device, err)
	}
}
