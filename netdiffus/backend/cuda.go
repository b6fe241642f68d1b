package backend

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gomlx/compute"

	"github.com/netdiffus/netdiffus-go/netdiffus/provenance"
)

// The CUDA plugin that is fetched: JAX's build for CUDA 13, of the same JAX as
// the pinned CPU plugin.
const (
	cudaPlugin  = "cuda13"
	cudaVersion = "0.11.2"
)

// cudaFolder is the plugin's folder in the cache. Its last part must be go-xla:
// go-xla's installer links NVIDIA's libraries by that name.
func (s *search) cudaFolder() string {
	return filepath.Join(s.cache, cudaPlugin+"-"+cudaVersion, "go-xla")
}

// cuda opens an NVIDIA GPU where there is one: with a plugin that is installed, or that of
// a JAX, or one of our own cache, or one fetched now. What the user installed is never
// changed.
func (s *search) cuda(options string) (compute.Backend, error) {
	if !s.sys.hasGPU() {
		s.note(Finding{Step: "cuda", Status: Absent, Detail: "no NVIDIA GPU"})
		return nil, nil
	}
	b, installedErr := s.installed("cuda", options)
	if b != nil {
		return b, nil
	}
	b, jaxErr := s.jaxCUDA(options)
	if b != nil {
		return b, nil
	}
	if s.cache == "" {
		return nil, errors.Join(installedErr, jaxErr)
	}
	path := filepath.Join(s.cudaFolder(), "nvidia", "pjrt_c_api_cuda_plugin.so")
	b, cachedErr := s.cached(path, "", options)
	if b != nil {
		return b, nil
	}
	b, err := s.fetchCUDA(path, options)
	if b != nil {
		return b, nil
	}
	s.log.Warn("an NVIDIA GPU is present, but no CUDA plugin could be opened", "err", err)
	return nil, errors.Join(installedErr, jaxErr, cachedErr, err)
}

// fetchCUDA has go-xla's installer put the plugin and NVIDIA's libraries, some
// gigabytes, into our cache, and opens it.
func (s *search) fetchCUDA(path, options string) (compute.Backend, error) {
	unlock, err := s.mayFetch("cuda")
	if err != nil {
		return nil, err
	}
	defer unlock()
	if s.verify(path, "") == nil { // another process fetched it meanwhile
		return s.cached(path, "", options)
	}
	b, err := s.installCUDA(path, options)
	if err != nil {
		s.note(Finding{Step: "cuda", Status: Failed, Path: path, Detail: err.Error(),
			Cure: "install NVIDIA's driver, give the machine access to its package index and run 'netdiffus doctor'"})
		return nil, err
	}
	s.note(Finding{Step: "cuda", Status: Used, Path: path, Detail: "fetched now"})
	return b, nil
}

func (s *search) installCUDA(path, options string) (b compute.Backend, err error) {
	defer recoverInto(&err, "go-xla's installer")
	if err := within(s.ctx, patience, s.sys.cudaReachable); err != nil {
		return nil, fmt.Errorf("CUDA plugin: %w", err)
	}
	s.log.Info("fetching XLA's CUDA plugin and NVIDIA's libraries, some gigabytes: this takes minutes",
		"version", cudaPlugin+" "+cudaVersion, "folder", s.cudaFolder())
	os.Remove(hashName(path)) // until it is whole again
	if err := s.sys.installCUDA(s.cudaFolder()); err != nil {
		return nil, fmt.Errorf("CUDA plugin: %w", err)
	}
	if err := checkPlugin(path); err != nil {
		return nil, err
	}
	came, err := provenance.Hash(s.ctx, path)
	if err != nil {
		return nil, err
	}
	if b, err = s.openXLA(path, options); err != nil {
		return nil, err
	}
	return b, os.WriteFile(hashName(path), []byte(came.SHA256), 0o644)
}

// within calls f and gives it up after d. f then ends by itself, later.
func within(ctx context.Context, d time.Duration, f func() error) error {
	done := make(chan error, 1)
	go func() {
		var err error
		defer func() { done <- err }()
		defer recoverInto(&err, "go-xla")
		err = f()
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return errNoAnswer
	}
}
