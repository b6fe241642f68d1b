//go:build !linux

package atomicfile

// syncFileSystem does nothing: there is no such call.
func syncFileSystem(string) (done bool, err error) { return false, nil }
