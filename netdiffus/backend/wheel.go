package backend

import (
	"archive/zip"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/command"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
)

// wheel is a Python package with a plugin in it, pinned by hash. No Python runs
// it: a wheel is a zip archive, and pip only brings it, from whatever index the
// user has set up.
type wheel struct {
	platform     string // GOOS_GOARCH
	name         string // the package
	version      string
	tag          string // platform tag
	sha256       string // of the wheel
	size         int64  // of the wheel, bytes
	member       string // the plugin in the wheel
	memberSHA256 string
	memberSize   int64
}

// cpuWheel is XLA's CPU plugin of JAX 0.11.2 (PJRT API 0.115), Apache-2.0, which
// go-xla v0.4.1 works with; glibc 2.27 or later.
var cpuWheel = wheel{
	platform:     "linux_amd64",
	name:         "lammps-jax-pjrt-cpu",
	version:      "0.11.2",
	tag:          "manylinux_2_27_x86_64",
	sha256:       "1319390d948b39f69f7dade496b7c385149d9ca6097a6b62114da113216d9ad1",
	size:         62_711_338,
	member:       "lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so",
	memberSHA256: "ad1309ac822b1b24d51b7f9947c7c9fa9ef5d67f390584cbc3d1fa2428fed9c2",
	memberSize:   201_600_336,
}

// stem is how the wheel's file name starts.
func (w wheel) stem() string { return strings.ReplaceAll(w.name, "-", "_") + "-" + w.version }

// folder is the wheel's folder in the cache.
func (w wheel) folder() string { return w.stem() }

// pipArgs are the arguments of python3. The Python that runs pip need not be the
// one the wheel is for: the tags are spelt out.
func (w wheel) pipArgs(requirements, into string) []string {
	return []string{"-m", "pip", "download",
		"-vv", // prints when it queries the index and when it is answered
		"--no-deps", "--only-binary=:all:", "--require-hashes",
		"--platform", w.tag, "--python-version", "3.13", "--implementation", "py", "--abi", "none",
		"--no-input", "--no-cache-dir", "--disable-pip-version-check", "--progress-bar", "off",
		"--retries", "0", "--timeout", "15",
		"-r", requirements, "-d", into}
}

const pluginOfXLA = "XLA's CPU plugin"

// fetchWheel brings the wheel w into staging and unpacks the plugin. While it is
// not clear that the index answers, it lets later, the other source, get ready.
func (s *search) fetchWheel(staging string, w wheel, later *release) error {
	python, err := s.sys.python()
	if err != nil {
		return fmt.Errorf("package index: no python3 with pip on this machine: %w", err)
	}
	s.log.Info("fetching "+pluginOfXLA+" with pip", "package", w.name+" "+w.version, "MB", w.size/1e6)
	work := filepath.Join(staging, "pip")
	if err := os.MkdirAll(work, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := s.pip(python, work, w, later); err != nil {
		return fmt.Errorf("package index: %w", err)
	}
	found, err := filepath.Glob(filepath.Join(work, w.stem()+"*.whl"))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("package index: pip left %d files called %s*.whl", len(found), w.stem())
	}
	if err := w.unpack(s.ctx, found[0], filepath.Join(staging, pluginName())); err != nil {
		return fmt.Errorf("package index: %w", err)
	}
	return nil
}

// pip runs pip download into work. It gives up when the index shows no sign of
// life in time, and never once the download itself has begun.
func (s *search) pip(python, work string, w wheel, later *release) error {
	requirements := filepath.Join(work, "requirements.txt")
	if err := os.WriteFile(requirements, []byte(w.name+"=="+w.version+" --hash=sha256:"+w.sha256+"\n"), 0o644); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(s.ctx)
	defer cancel(nil)
	cmd := exec.CommandContext(ctx, python, w.pipArgs(requirements, work)...)
	cmd.Env = append(os.Environ(), "PYTHONUNBUFFERED=1", "TMPDIR="+work, "PIP_REQUIRE_VIRTUALENV=false", "PIP_QUIET=0", "PIP_VERBOSE=0")
	cmd.WaitDelay = time.Second
	command.KillGroup(cmd)
	reader, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	talk := newTalk(w)
	var reading sync.WaitGroup
	reading.Go(func() { talk.listen(reader) })
	if err := cmd.Start(); err != nil {
		writer.Close()
		return err
	}
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { s.watchConnect(watching, cancel, talk, later) })
	watch.Go(func() { s.watchSize(watching, work, w.size) })
	err := cmd.Wait()
	stop()
	watch.Wait()
	writer.Close()
	reading.Wait()
	switch {
	case s.ctx.Err() != nil:
		return s.ctx.Err()
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("pip: %s (%w)", talk.complaint(), err)
	}
	return nil
}

var errNoAnswer = fmt.Errorf("no answer within %v: no network, or the index cannot be reached", patience)

// watchConnect gives pip up when the index does not answer in time.
func (s *search) watchConnect(ctx context.Context, giveUp context.CancelCauseFunc, talk *talk, later *release) {
	start := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-talk.answered:
			return
		case <-time.After(20 * time.Millisecond):
		}
		if time.Since(start) > hedgeAfter {
			later.lookUp()
		}
		deadline := start.Add(patience)
		if asked, ok := talk.askedAt(); !ok {
			deadline = start.Add(5 * patience) // Python itself is slow to start; nobody was asked yet
		} else if late := asked.Add(lateStart); late.After(deadline) {
			deadline = late
		}
		if time.Now().After(deadline) {
			giveUp(errNoAnswer)
			return
		}
	}
}

// watchSize reports how far pip's download is, by the size of its largest file:
// that works with every version of pip.
func (s *search) watchSize(ctx context.Context, work string, total int64) {
	report := s.progress(pluginOfXLA)
	for largest, last := int64(0), int64(1<<16); ctx.Err() == nil; sleep(ctx, 250*time.Millisecond) {
		filepath.WalkDir(work, func(_ string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return nil // files come and go while pip works
			}
			if info, err := e.Info(); err == nil {
				largest = max(largest, info.Size())
			}
			return nil
		})
		if largest > last {
			last = min(largest, total)
			report(last, total)
		}
	}
}

// talk is the output of pip while it works.
type talk struct {
	wheel    wheel
	answered chan struct{} // closed when pip has found the wheel

	mu    sync.Mutex
	asked time.Time // when pip asked the index
	errs  []string  // its last complaints
}

func newTalk(w wheel) *talk { return &talk{wheel: w, answered: make(chan struct{})} }

// listen reads pip's output until it ends.
func (t *talk) listen(r io.Reader) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		t.hear(strings.TrimSpace(lines.Text()))
	}
	io.Copy(io.Discard, r) // a line too long for the scanner must not block pip
}

func (t *talk) hear(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.asked.IsZero() && (strings.HasPrefix(line, "Getting page") || strings.HasPrefix(line, "Starting new HTTP")):
		t.asked = time.Now()
	case strings.Contains(line, t.wheel.stem()+"-"): // "Found link …", "Downloading …", "Processing …", "Using cached …"
		select {
		case <-t.answered:
		default:
			close(t.answered)
		}
	case strings.HasPrefix(line, "ERROR:"), strings.Contains(line, "No module named"):
		t.errs = append(t.errs, line)
	}
}

func (t *talk) askedAt() (time.Time, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.asked, !t.asked.IsZero()
}

// complaint returns why pip failed, in its own words where they are to the point.
func (t *talk) complaint() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.errs) == 0 {
		return "it did not say why"
	}
	first := t.errs[0]
	if strings.Contains(first, "Could not find a version") { // its words for no network, too
		return fmt.Sprintf("the index cannot be reached, or it has no %s %s", t.wheel.name, t.wheel.version)
	}
	return first
}

// unpack writes the plugin in the wheel to path, if wheel and plugin are the
// pinned ones. Nothing else of the wheel is touched.
func (w wheel) unpack(ctx context.Context, archive, path string) error {
	if got, err := provenance.Hash(ctx, archive); err != nil {
		return err
	} else if got.SHA256 != w.sha256 {
		return fmt.Errorf("%s was altered: its SHA-256 is %.16s…, want %.16s…", filepath.Base(archive), got.SHA256, w.sha256)
	}
	z, err := zip.OpenReader(archive)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(archive), err)
	}
	defer z.Close()
	for _, member := range z.File {
		if member.Name != w.member {
			continue
		}
		r, err := member.Open()
		if err != nil {
			return fmt.Errorf("%s: %s: %w", filepath.Base(archive), w.member, err)
		}
		defer r.Close()
		return extract(r, path, w.memberSize)
	}
	return fmt.Errorf("%s has no %s", filepath.Base(archive), w.member)
}

var errTooLarge = errors.New("it is larger than a plugin can be")

// extract writes r to path, at most limit bytes.
func extract(r io.Reader, path string, limit int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, io.LimitReader(r, limit+1))
	if err == nil && n > limit {
		err = errTooLarge
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
