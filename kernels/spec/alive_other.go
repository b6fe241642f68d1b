//go:build !unix

package spec

// alive errs on the side of leaving another process's files alone.
func alive(int) bool { return true }
