//go:build !unix

package standin

import "errors"

func execute(string, []string) error { return errors.New("no kernels on this system") }

// RunGopls fails: there are no kernels on this system.
func RunGopls([]string) int { return 1 }

// RunShell fails: there are no kernels on this system.
func RunShell([]string) int { return 1 }
