package backend

import (
	"os"

	"github.com/gomlx/go-xla/installer"
)

// cudaReachable reports whether the index that go-xla takes CUDA from answers.
func cudaReachable() error {
	_, _, err := installer.CudaGetPJRTPipInfo(cudaPlugin)
	return err
}

// installCUDA puts the CUDA plugin and NVIDIA's libraries below folder. go-xla's
// installer writes about its progress to standard output, which may be a pipe
// that must hold JSON; here it gets standard error.
func installCUDA(folder string) error {
	defer func(stdout *os.File) { os.Stdout = stdout }(os.Stdout)
	os.Stdout = os.Stderr
	return installer.CudaInstall(cudaPlugin, cudaVersion, folder, false, installer.Quiet)
}
