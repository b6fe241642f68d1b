package backend

import (
	"os"
	"runtime"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/installer"
	"github.com/gomlx/go-xla/pjrt"

	"github.com/netdiffus/netdiffus-go/netdiffus/backend/programs"
	"github.com/netdiffus/netdiffus-go/netdiffus/command"
)

const goos = runtime.GOOS

// system is the machine as the search sees it, so that a test can replace it.
type system struct {
	platform     string // GOOS_GOARCH
	lookupEnv    func(name string) (string, bool)
	setenv       func(name, value string) error
	homeDir      func() (string, error)
	userCacheDir func() (string, error)
	hasGPU       func() bool
	openXLA      func(path, options string) (compute.Backend, error)
	openGo       func(options string) (compute.Backend, error)
	keepPrograms func(plugin string, in programs.Store) error

	wheel  wheel
	python func() (path string, err error)

	release    string // version of go-xla's own builds
	releaseURL func() (string, error)

	cudaReachable func() error
	installCUDA   func(folder string) error
}

// thisMachine is the machine itself.
func thisMachine() *system {
	platform := goos + "_" + runtime.GOARCH
	return &system{
		platform:     platform,
		lookupEnv:    os.LookupEnv,
		setenv:       os.Setenv,
		homeDir:      os.UserHomeDir,
		userCacheDir: os.UserCacheDir,
		hasGPU:       func() bool { return installer.HasNvidiaGPU() },
		openXLA:      openXLA,
		openGo:       openGo,
		keepPrograms: programs.Keep,

		wheel:  cpuWheel,
		python: func() (string, error) { return command.FindPython(nil) },

		release: pjrt.DefaultCPUVersion,
		releaseURL: func() (string, error) {
			return installer.CPUGetDownloadURL(platform, pjrt.DefaultCPUVersion)
		},

		cudaReachable: cudaReachable,
		installCUDA:   installCUDA,
	}
}

func (m *system) getenv(name string) string {
	value, _ := m.lookupEnv(name)
	return value
}
