//go:build !unix

package atomicfile

// FreeSpace returns 0: the free space is unknown on this system.
func FreeSpace(string) int64 { return 0 }
