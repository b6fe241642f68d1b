package atomicfile

import "os"

// CheckWritable makes the folder dir if it does not exist, writes a file there and
// removes it. It returns why one of these failed, or nil.
func CheckWritable(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".netdiffus-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(make([]byte, 4096)) // a full disk still makes empty files
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
