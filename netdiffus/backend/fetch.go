package backend

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gomlx/compute"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
)

// Without network an answer must come at once: patience is how long the sources
// may take until the first sign of one, hedgeAfter when the second source is
// asked too, and lateStart what a source gets at least, however late it was
// asked: Python alone can take seconds to start. Once bytes come in there is no
// limit.
const (
	patience   = 2 * time.Second
	hedgeAfter = 1 * time.Second
	lateStart  = 1 * time.Second
)

// source is a place that a plugin can be fetched from.
type source struct {
	step   string // as in Finding
	folder string // of the cache: package and version
	want   string // SHA-256 of the plugin, or "" where only what came in the first time is known
	fetch  func(staging string) error
}

// sources are the CPU plugin's, the pinned wheel first. The wheel is for one
// platform, go-xla's releases are for several, but without checksums.
func (s *search) sources() []source {
	var list []source
	later := newRelease(s)
	if w := s.sys.wheel; w.platform == s.sys.platform {
		list = append(list, source{step: "index", folder: w.folder(), want: w.memberSHA256,
			fetch: func(staging string) error { return s.fetchWheel(staging, w, later) }})
	}
	return append(list, source{step: "release", folder: "go-xla-" + s.sys.release, fetch: later.fetch})
}

// pluginName is what a fetched CPU plugin is called in its folder; its hash is
// kept beside it.
func pluginName() string {
	if goos == "windows" {
		return "pjrt_c_api_cpu_plugin.dll"
	}
	return "pjrt_c_api_cpu_plugin.so" // macOS's too, as go-xla names it
}

func hashName(plugin string) string { return plugin + ".sha256" }

// fetchedCPU opens a CPU plugin that was fetched before.
func (s *search) fetchedCPU(options string) (compute.Backend, error) {
	if s.cache == "" {
		return nil, nil
	}
	var failures []error
	for _, src := range s.sources() {
		b, err := s.cached(filepath.Join(s.cache, src.folder, pluginName()), src.want, options)
		if b != nil {
			return b, nil
		}
		failures = append(failures, err)
	}
	err := errors.Join(failures...)
	if err == nil {
		s.note(Finding{Step: "cached", Status: Absent, Detail: "no CPU plugin fetched before into " + s.cache})
	}
	return nil, err
}

// cached opens the plugin at path of our cache if its hash is right: want, or
// else the one kept beside it when it came in. Both results are nil where it is
// missing.
func (s *search) cached(path, want, options string) (compute.Backend, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	err := s.verify(path, want)
	var b compute.Backend
	if err == nil {
		b, err = s.openXLA(path, options)
	}
	if err != nil {
		cure := "remove " + filepath.Dir(path) + " to have it fetched again"
		s.log.Warn("a plugin fetched before is unusable", "path", path, "err", err, "cure", cure)
		s.note(Finding{Step: "cached", Status: Failed, Path: path, Detail: err.Error(), Cure: cure})
		return nil, err
	}
	s.note(Finding{Step: "cached", Status: Used, Path: path})
	return b, nil
}

// verify checks a fetched plugin as a file and by its hash.
func (s *search) verify(path, want string) error {
	if err := checkPlugin(path); err != nil {
		return err
	}
	if want == "" {
		kept, err := os.ReadFile(hashName(path))
		if err != nil {
			return &PluginError{Path: path, Why: "has no hash beside it: it was not fetched completely"}
		}
		want = string(kept)
	}
	got, err := provenance.Hash(s.ctx, path)
	if err == nil && got.SHA256 != want {
		err = &PluginError{Path: path, Why: fmt.Sprintf("was altered: its SHA-256 is %.16s…, want %.16s…", got.SHA256, want)}
	}
	return err
}

// fetchCPU fetches a CPU plugin into the cache and opens it.
func (s *search) fetchCPU(options string) (compute.Backend, error) {
	unlock, err := s.mayFetch("index")
	if err != nil {
		return nil, err
	}
	defer unlock()
	var failures []error
	for _, src := range s.sources() {
		b, err := s.fetchFrom(src, options)
		if b != nil {
			return b, nil
		}
		if s.ctx.Err() != nil {
			return nil, s.ctx.Err()
		}
		failures = append(failures, err)
	}
	return nil, errors.Join(failures...)
}

// fetchFrom fetches from src and opens what came. What is whole in the cache is
// not fetched again: either another process brought it while this one waited for
// the lock, or it does not load on this machine and never will.
func (s *search) fetchFrom(src source, options string) (compute.Backend, error) {
	path := filepath.Join(s.cache, src.folder, pluginName())
	if s.verify(path, src.want) == nil {
		return s.cached(path, src.want, options)
	}
	err := s.bring(src)
	var b compute.Backend
	if err == nil {
		b, err = s.openXLA(path, options)
	}
	if err != nil {
		s.note(Finding{Step: src.step, Status: Failed, Detail: err.Error(), Cure: Cure})
		return nil, err
	}
	s.note(Finding{Step: src.step, Status: Used, Path: path, Detail: "fetched now"})
	return b, nil
}

// mayFetch checks whether a download may be tried, and takes the cache's lock:
// two processes must not fetch the same thing at once.
func (s *search) mayFetch(step string) (unlock func(), err error) {
	switch {
	case s.NoFetch:
		err = errors.New("downloads are off ($" + NoFetchEnv + " is set)")
	case s.cache == "":
		err = errors.New("there is no folder to keep a plugin in: set HOME or XDG_CACHE_HOME")
	}
	if err != nil {
		s.note(Finding{Step: step, Status: Absent, Detail: err.Error(), Cure: Cure})
		return nil, err
	}
	if err := os.MkdirAll(s.cache, 0o755); err != nil {
		s.note(Finding{Step: step, Status: Failed, Path: s.cache, Detail: err.Error(), Cure: "make the folder writable, or set XDG_CACHE_HOME to one that is"})
		return nil, err
	}
	unlock, err = atomicfile.Lock(s.ctx, filepath.Join(s.cache, ".lock"), func() {
		s.log.Info("waiting for another process that fetches a plugin", "folder", s.cache)
	})
	if err != nil {
		return nil, err
	}
	s.removeLeftovers()
	return unlock, nil
}

// removeLeftovers removes what a process that died while fetching left. The
// lock is ours, so nobody is writing.
func (s *search) removeLeftovers() {
	entries, _ := os.ReadDir(s.cache)
	for _, e := range entries {
		if _, _, staged := atomicfile.StagedFor(e.Name()); staged {
			os.RemoveAll(filepath.Join(s.cache, e.Name()))
		}
	}
}

// bring fetches from src into its folder of the cache. The folder appears when
// the plugin in it is whole and, where its hash is pinned, the right one.
func (s *search) bring(src source) error {
	staged, err := atomicfile.CreateDir(filepath.Join(s.cache, src.folder))
	if err != nil {
		return err
	}
	defer staged.Abort()
	if err := src.fetch(staged.Path()); err != nil {
		return err
	}
	plugin := filepath.Join(staged.Path(), pluginName())
	came, err := provenance.Hash(s.ctx, plugin)
	if err != nil {
		return err
	}
	if err := os.WriteFile(hashName(plugin), []byte(came.SHA256), 0o644); err != nil {
		return err
	}
	if err := s.verify(plugin, src.want); err != nil {
		return err
	}
	return staged.Replace()
}

// progress reports how a download goes: to the caller's function, or as a line
// of the log every few seconds.
func (s *search) progress(what string) func(done, total int64) {
	if s.Progress != nil {
		return func(done, total int64) { s.Progress(Progress{What: what, Done: done, Total: total}) }
	}
	last := time.Now()
	return func(done, total int64) {
		if time.Since(last) < 3*time.Second {
			return
		}
		last = time.Now()
		s.log.Info("fetching "+what, "MB", done/1e6, "of", total/1e6)
	}
}

// sleep waits for d, or less where ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
