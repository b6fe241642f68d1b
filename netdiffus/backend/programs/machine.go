package programs

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// machineKey is what a program of the plugin at path depends on beside its own text:
// the plugin, XLA's settings, the processor (XLA compiles for the one it runs on, and
// for its number of cores) and the graphics card with its driver.
func machineKey(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	// A plugin that was replaced has another time or size; to hash 200 MB would cost
	// a good part of what is saved.
	fmt.Fprintln(&b, runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), path, info.Size(), info.ModTime().UnixNano())
	fmt.Fprintln(&b, os.Getenv("XLA_FLAGS"))
	fmt.Fprintln(&b, processor("/proc/cpuinfo"))
	drivers, _ := filepath.Glob("/proc/driver/nvidia/gpus/*/information")
	for _, name := range append(drivers, "/proc/driver/nvidia/version") {
		text, _ := os.ReadFile(name) // none without such a card
		b.Write(text)
	}
	return b.Bytes(), nil
}

// processor returns the model of the processors in a file such as /proc/cpuinfo, and
// what they are capable of.
func processor(cpuinfo string) string {
	f, err := os.Open(cpuinfo)
	if err != nil {
		return ""
	}
	defer f.Close()
	var lines []string
	for s := bufio.NewScanner(f); s.Scan(); {
		name, _, _ := strings.Cut(s.Text(), ":")
		switch strings.TrimSpace(name) {
		case "vendor_id", "cpu family", "model", "model name", "stepping", "flags", "Features", "CPU implementer", "CPU part":
			if !slices.Contains(lines, s.Text()) {
				lines = append(lines, s.Text())
			}
		}
	}
	return strings.Join(lines, "\n")
}
