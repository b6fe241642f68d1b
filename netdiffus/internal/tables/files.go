package tables

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// packed are the endings of compressed files, which follow those of what is in them.
var packed = []string{".gz", ".zst", ".xz", ".bz2"}

// Unpacked returns the name of a file without the ending of compression, if it has one.
func Unpacked(name string) string {
	if last := filepath.Ext(name); slices.Contains(packed, strings.ToLower(last)) {
		return strings.TrimSuffix(name, last)
	}
	return name
}

// SplitName splits the name of a file into what comes before its ending, and its
// ending in lower case, without that of compression: "a" and ".csv" for a.csv.gz. The
// number that a program adds to the captures of a set is not part of it: "a" and ".pcap"
// for a.pcap12 and a.pcap.12.
func SplitName(name string) (base, ending string) {
	name = Unpacked(name)
	ending = filepath.Ext(name)
	base = strings.TrimSuffix(name, ending)
	whole := ending
	numberless := strings.TrimRight(ending, "0123456789")
	if numberless == "." {
		numberless = filepath.Ext(base)
		whole = numberless + ending
	}
	if strings.HasPrefix(strings.ToLower(numberless), ".pcap") || strings.EqualFold(numberless, ".cap") {
		return strings.TrimSuffix(base+ending, whole), strings.ToLower(numberless)
	}
	return base, strings.ToLower(ending)
}

// Files lists the files at a path: the path itself, or all files below a folder that
// have one of the endings, or one of them and that of compression (.csv.gz), in the
// order of their names. Names that start with a dot are passed over.
func Files(path string, endings []string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var files []string
	err = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name != path && strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if _, ending := SplitName(name); slices.Contains(endings, ending) {
			if target, err := os.Stat(name); err == nil && target.Mode().IsRegular() {
				files = append(files, name)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: no file below this folder ends in %s", path, strings.Join(endings, ", "))
	}
	return files, nil
}

// IsText takes any text, for CSV: of the kinds of file it is tried last.
func IsText(head []byte) bool {
	for len(head) > 0 {
		r, n := utf8.DecodeRune(head)
		if r == utf8.RuneError && n == 1 && len(head) >= utf8.UTFMax || r < ' ' && r != '\t' && r != '\r' && r != '\n' {
			return false
		}
		if head = head[n:]; len(head) == 0 {
			return true
		}
	}
	return false
}
