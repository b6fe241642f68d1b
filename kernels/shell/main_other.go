//go:build !unix

package shell

// Main does nothing on this system, which has no kernels.
func Main([]string) int { return 1 }
