package traffic

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tables"
)

// extensions are the endings of the names of files that are read in folders. The
// kind of such a file is found by its first bytes.
var extensions = []string{
	".parquet", ".pcap", ".pcapng", ".cap", ".ntar", ".dmp", ".snoop", ".json", ".jsonl", ".ndjson", ".csv", ".tsv",
}

// Files lists the files that Read takes from a path: the path itself, or all
// files below a folder that have one of the known endings, or one of them and that
// of compression (.csv.gz), in the order of their names. Names that start with a dot are passed over.
func Files(path string) ([]string, error) {
	files, err := tables.Files(path, extensions)
	if err != nil {
		return nil, fmt.Errorf("traffic: %w", err)
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

// setName returns what the files of a set of captures have in common, their folder
// included, and whether this one's name has a number as the files of sets have.
func setName(path string) (name string, numbered bool) {
	base, ending := tables.SplitName(path)
	name = rotation.ReplaceAllString(base, "")
	whole := tables.Unpacked(path)
	return name + ending, name != base || len(whole) != len(base)+len(ending)
}

// label returns the label of a file's flows by Reader.Label's rule; "" stands
// for fallback, the rule of a kind of file.
func (r Reader) label(path, fallback string) string {
	rule := r.Label
	if rule == "" {
		rule = fallback
	}
	if strings.Contains(rule, LabelFromFile) {
		base, _ := tables.SplitName(filepath.Base(path))
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
