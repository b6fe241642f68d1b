package traffic

import (
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// extensions are the endings of the names of files that are read in folders. The
// kind of such a file is found by its first bytes.
var extensions = []string{
	".parquet", ".pcap", ".pcapng", ".cap", ".ntar", ".dmp", ".snoop", ".json", ".jsonl", ".ndjson", ".csv", ".tsv",
}

// packed are the endings of compressed files, which follow those of extensions.
var packed = []string{".gz", ".zst", ".xz", ".bz2"}

// splitName splits the name of a file into what comes before its ending, and its
// ending in lower case, without that of compression: "a" and ".csv" for a.csv.gz. The
// number that a program adds to the files of a set is not part of it: "a" and ".pcap"
// for a.pcap12 and a.pcap.12.
func splitName(name string) (base, ending string) {
	ending = filepath.Ext(name)
	base = strings.TrimSuffix(name, ending)
	if slices.Contains(packed, strings.ToLower(ending)) {
		ending = filepath.Ext(base)
		base = strings.TrimSuffix(base, ending)
	}
	whole := ending
	switch numberless := strings.TrimRight(ending, "0123456789"); {
	case numberless == ".":
		whole = filepath.Ext(base) + ending
		numberless = filepath.Ext(base)
		fallthrough
	default:
		if strings.HasPrefix(strings.ToLower(numberless), ".pcap") || strings.EqualFold(numberless, ".cap") {
			return strings.TrimSuffix(base+ending, whole), strings.ToLower(numberless)
		}
	}
	return base, strings.ToLower(ending)
}

// Files lists the files that Read takes from a path: the path itself, or all
// files below a folder that have one of the known endings, or one of them and that
// of compression (.csv.gz), in the order of their names. Names that start with a dot are passed over.
func Files(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("traffic: %w", err)
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
		if _, ending := splitName(name); slices.Contains(extensions, ending) {
			if target, err := os.Stat(name); err == nil && target.Mode().IsRegular() {
				files = append(files, name)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("traffic: %s: %w", path, err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("traffic: %s: no file below this folder ends in %s", path, strings.Join(extensions, ", "))
	}
	return files, nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// Words in Reader.Label that stand for parts of the file's name.
const (
	LabelFromFolder = "{folder}"
	LabelFromFile   = "{file}"
)

// rotation is what dumpcap adds to the names of a set of files: a number and a time.
var rotation = regexp.MustCompile(`_\d{5,}_\d{14}$`)

// label returns the label of a file's flows by Reader.Label's rule; "" stands
// for fallback, the rule of a kind of file.
func (r Reader) label(path, fallback string) string {
	rule := r.Label
	if rule == "" {
		rule = fallback
	}
	if strings.Contains(rule, LabelFromFile) {
		base, _ := splitName(filepath.Base(path))
		if r.Join {
			base = rotation.ReplaceAllString(base, "")
		}
		rule = strings.ReplaceAll(rule, LabelFromFile, base)
	}
	if strings.Contains(rule, LabelFromFolder) {
		rule = strings.ReplaceAll(rule, LabelFromFolder, r.folder(path))
	}
	return rule
}

// partitionOf returns the value of a column that folders of the path name, as Hive,
// Spark and pandas write a table in parts: LABEL=chat/part-0.parquet.
func partitionOf(path, name string) (value string, found bool) {
	for _, folder := range strings.Split(filepath.ToSlash(filepath.Dir(path)), "/") {
		key, text, ok := strings.Cut(folder, "=")
		if !ok || !strings.EqualFold(key, name) {
			continue
		}
		value, found = text, true
		if plain, err := url.PathUnescape(text); err == nil {
			value = plain
		}
	}
	return value, found
}

// folder names the class that a file lies in: of ROOT/Youtube/vid1/a.pcap, read
// as part of the folder ROOT, Youtube; otherwise the file's own folder.
func (r Reader) folder(path string) string {
	if r.root != "" {
		if inside, err := filepath.Rel(r.root, path); err == nil {
			if first, _, below := strings.Cut(filepath.ToSlash(inside), "/"); below {
				return first
			}
		}
	}
	if full, err := filepath.Abs(path); err == nil {
		path = full
	}
	return filepath.Base(filepath.Dir(path))
}

// shaped applies the options that hold for every kind of file.
func (r Reader) shaped(path string, yield func(Flow, error) bool) func(Flow, error) bool {
	label := r.partition
	if r.Label != "" {
		label = r.label(path, "")
	}
	return func(f Flow, err error) bool {
		if err != nil {
			return yield(f, err)
		}
		if len(f.Packets) < r.MinPackets {
			return true
		}
		if r.MaxPackets > 0 && len(f.Packets) > r.MaxPackets {
			f.Packets = f.Packets[:r.MaxPackets:r.MaxPackets]
		}
		if label != "" {
			f.Label = label
		}
		if r.KeepConnections && f.Connection == nil {
			f.Connection = connectionOf(f.Key)
		}
		if !r.KeepKeys {
			f.Key = ""
		}
		return yield(f, nil)
	}
}
