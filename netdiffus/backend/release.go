package backend

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// release is go-xla's own build of the CPU plugin. go-xla provides its address; the
// download is ours, because go-xla v0.4.1's takes an error page for the plugin,
// keeps it, and waits for ever (installer/download.go). There is no published
// checksum: what came in first is held to.
type release struct {
	search *search
	made   time.Time // when the search for something to fetch began
	start  sync.Once
	begun  time.Time // when go-xla was asked
	done   chan struct{}
	url    string
	err    error
}

func newRelease(s *search) *release {
	return &release{search: s, made: time.Now(), done: make(chan struct{})}
}

// deadline is when the place must be known: patience counts for both sources
// together.
func (r *release) deadline() time.Time {
	if late := r.begun.Add(lateStart); late.After(r.made.Add(patience)) {
		return late
	}
	return r.made.Add(patience)
}

// lookUp begins to ask where the release is, once.
func (r *release) lookUp() {
	r.start.Do(func() {
		r.begun = time.Now()
		go func() {
			// go-xla gives the request no deadline; where nobody answers, this
			// goroutine outlives the search by what the system allows a connection.
			defer close(r.done)
			defer recoverInto(&r.err, "go-xla")
			r.url, r.err = r.search.sys.releaseURL()
		}()
	})
}

const (
	maxPlugin      = 1 << 30 // bytes; XLA's CPU plugins have about 200 MB
	stallTimeout   = 60 * time.Second
	responseHeader = 20 * time.Second
)

// fetch brings the plugin into staging.
func (r *release) fetch(staging string) error {
	r.lookUp()
	fail := func(err error) error {
		var request *url.Error // its text repeats the address at length
		if errors.As(err, &request) {
			err = request.Err
		}
		return fmt.Errorf("go-xla's release %s: %w", r.search.sys.release, err)
	}
	select {
	case <-r.done:
	case <-r.search.ctx.Done():
		return r.search.ctx.Err()
	case <-time.After(time.Until(r.deadline())):
		return fail(errNoAnswer)
	}
	if r.err != nil {
		return fail(r.err)
	}
	r.search.log.Info("fetching "+pluginOfXLA+" from go-xla's releases", "version", r.search.sys.release)
	archive := filepath.Join(staging, "archive")
	defer os.Remove(archive)
	if err := download(r.search.ctx, r.url, archive, r.search.progress(pluginOfXLA)); err != nil {
		return fail(err)
	}
	unpack := unpackTar
	if strings.HasSuffix(r.url, ".zip") {
		unpack = unpackZip
	}
	if err := unpack(archive, filepath.Join(staging, pluginName())); err != nil {
		return fail(err)
	}
	return nil
}

// download writes what address answers to file. It takes as long as bytes keep
// coming.
func download(ctx context.Context, address, file string, report func(done, total int64)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(stallTimeout, func() { cancel(fmt.Errorf("nothing came for %v", stallTimeout)) })
	defer stalled.Stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: patience}).DialContext,
		ResponseHeaderTimeout: responseHeader,
	}}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answered %s", response.Status)
	}
	body := &watched{r: response.Body, read: func(n int64) {
		stalled.Reset(stallTimeout)
		report(n, max(0, response.ContentLength))
	}}
	err = extract(body, file, maxPlugin)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	if err == nil && response.ContentLength >= 0 && body.n != response.ContentLength {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// watched reports how much has been read.
type watched struct {
	r    io.Reader
	n    int64
	read func(n int64)
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.r.Read(b)
	w.n += int64(n)
	w.read(w.n)
	return n, err
}

// isPlugin reports whether a file in a release is the plugin itself.
func isPlugin(name string) bool {
	base := path.Base(name)
	return strings.HasPrefix(base, "pjrt_c_api_cpu") && strings.Contains(base, "_plugin.") &&
		(strings.HasSuffix(base, ".so") || strings.HasSuffix(base, ".dylib") || strings.HasSuffix(base, ".dll"))
}

var errNoPlugin = errors.New("the archive holds no plugin")

func unpackTar(archive, path string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("not a gzip archive: %w", err)
	}
	for files := tar.NewReader(z); ; {
		header, err := files.Next()
		if err == io.EOF {
			return errNoPlugin
		}
		if err != nil {
			return err
		}
		if header.Typeflag == tar.TypeReg && isPlugin(header.Name) {
			return extract(files, path, maxPlugin)
		}
	}
}

func unpackZip(archive, path string) error {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer z.Close()
	for _, member := range z.File {
		if member.Mode().IsRegular() && isPlugin(member.Name) {
			r, err := member.Open()
			if err != nil {
				return err
			}
			defer r.Close()
			return extract(r, path, maxPlugin)
		}
	}
	return errNoPlugin
}
