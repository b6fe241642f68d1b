package track

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/plainjson"
	"github.com/netdiffus/netdiffus-go/netdiffus/jsonlimit"
)

// tablesName is the file beside config.json that holds the configuration's tables:
// every member of that name, by its JSON pointer (RFC 6901). A codec's are hundreds of
// kilobytes of numbers, and config.json is for people to read.
const (
	tablesName   = "tables.json"
	tablesMember = "tables"
)

// tablesNote stands in config.json, under "tables", where there is a tables.json.
type tablesNote struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"` // of the file, so that tables of another run are noticed
}

// WriteConfig keeps config as config.json, but for its tables, which go to tables.json.
// Its hash goes to manifest.json.
func (r *Run) WriteConfig(config any) error {
	path := ConfigFile(r.Dir)
	if err := writeConfig(path, config); err != nil {
		return fmt.Errorf("track: %s: %w", path, err)
	}
	m, err := ReadManifest(r.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("track: %w", err)
	}
	m.ConfigSHA256 = hash(text)
	if m.ID == "" {
		if m.ID, err = r.newID(m); err != nil {
			return err
		}
	}
	return writeJSON(ManifestFile(r.Dir), m)
}

// checkConfig reports a config.json that is not as it was written, as far as manifest.json
// says. Without a manifest that can be read nothing is known.
func checkConfig(dir string) error {
	m, err := ReadManifest(dir)
	if err != nil || m.ConfigSHA256 == "" {
		return nil
	}
	text, err := os.ReadFile(ConfigFile(dir))
	if err != nil {
		return fmt.Errorf("track: %w", err)
	}
	if got := hash(text); got != m.ConfigSHA256 {
		return fmt.Errorf("track: %s is damaged or was edited: its SHA-256 is %.12s…, manifest.json has %.12s…; put back a copy, or to keep it as it is remove config_sha256 from manifest.json",
			ConfigFile(dir), got, m.ConfigSHA256)
	}
	return nil
}

func writeConfig(path string, config any) error {
	text, err := json.Marshal(config)
	if err != nil {
		return err
	}
	tables := map[string]json.RawMessage{}
	rest, err := cutTables("", text, tables)
	if err != nil {
		return err
	}
	if len(tables) > 0 {
		file, err := plainjson.Marshal(tables)
		if err != nil {
			return err
		}
		// The tables come first: config.json is what makes a run directory.
		if err := atomicfile.WriteFile(filepath.Join(filepath.Dir(path), tablesName), file); err != nil {
			return err
		}
		note, err := json.Marshal(map[string]tablesNote{tablesMember: {tablesName, hash(file)}})
		if err != nil {
			return err
		}
		rest = append(append(rest[:len(rest)-1], ','), note[1:]...)
	}
	indented, err := plainjson.Marshal(json.RawMessage(rest))
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(path, indented)
}

// ReadConfig reads the config.json of a run directory into config, a pointer.
// The error is ErrNotRun where there is none.
func ReadConfig(dir string, config any) error {
	text, err := ConfigText(ConfigFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("track: %s: %w: it has no config.json", dir, ErrNotRun)
	}
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields() // a name spelt wrong must not mean the default in silence
	if err := d.Decode(config); err != nil {
		return fmt.Errorf("track: %s: %w", ConfigFile(dir), err)
	}
	return checkConfig(dir)
}

// ConfigText returns the JSON of the configuration in the file at path, with its
// tables where they are in tables.json beside it.
func ConfigText(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("track: %w", err)
	}
	var fields map[string]json.RawMessage
	if err := jsonlimit.Check(text, 0); err != nil {
		return nil, fmt.Errorf("track: %s: %w", path, err)
	}
	if err := json.Unmarshal(text, &fields); err != nil || fields[tablesMember] == nil {
		return text, nil // what is wrong with it the decoder of the configuration reports
	}
	var note tablesNote
	if err := json.Unmarshal(fields[tablesMember], &note); err != nil {
		return nil, fmt.Errorf("track: %s: tables: %w", path, err)
	}
	if note.File != tablesName {
		return nil, fmt.Errorf("track: %s: tables in %q, want %q", path, note.File, tablesName)
	}
	delete(fields, tablesMember)
	file, err := os.ReadFile(filepath.Join(filepath.Dir(path), tablesName))
	if err != nil {
		return nil, fmt.Errorf("track: %s needs its tables: %v", path, err) // not fs.ErrNotExist: the run is there
	}
	if hash(file) != note.SHA256 {
		return nil, fmt.Errorf("track: %s is not the file that config.json was written with: its hash differs", filepath.Join(filepath.Dir(path), tablesName))
	}
	var tables map[string]json.RawMessage
	if err := jsonlimit.Unmarshal(file, &tables); err != nil {
		return nil, fmt.Errorf("track: %s: %w", tablesName, err)
	}
	if text, err = json.Marshal(fields); err != nil {
		return nil, err
	}
	for pointer, table := range tables {
		if text, err = insert(text, strings.Split(strings.TrimPrefix(pointer, "/"), "/"), table); err != nil {
			return nil, fmt.Errorf("track: %s: %s: %w", tablesName, pointer, err)
		}
	}
	return text, nil
}

func hash(file []byte) string {
	sum := sha256.Sum256(file)
	return hex.EncodeToString(sum[:])
}

// cutTables returns the JSON value text without its members called "tables", which it
// adds to tables by their pointers. The order of members stays.
func cutTables(pointer string, text json.RawMessage, tables map[string]json.RawMessage) (json.RawMessage, error) {
	if len(text) == 0 || text[0] != '{' && text[0] != '[' {
		return text, nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	rest := []byte{text[0]}
	for i := 0; d.More(); i++ {
		name, prefix := strconv.Itoa(i), []byte(nil)
		if text[0] == '{' {
			token, err := d.Token()
			if err != nil {
				return nil, err
			}
			name = token.(string)
			if prefix, err = json.Marshal(name); err != nil {
				return nil, err
			}
			prefix = append(prefix, ':')
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		at := pointer + "/" + name
		if name == tablesMember {
			tables[at] = value
			continue
		}
		value, err := cutTables(at, value, tables)
		if err != nil {
			return nil, err
		}
		if len(rest) > 1 {
			rest = append(rest, ',')
		}
		rest = append(append(rest, prefix...), value...)
	}
	return append(rest, text[0]+2), nil // '}' follows '{' by 2, ']' follows '[' by 2
}

// insert returns the JSON value text with value as a new member at path.
func insert(text json.RawMessage, path []string, value json.RawMessage) (json.RawMessage, error) {
	if len(path) == 0 {
		return value, nil
	}
	if len(text) > 0 && text[0] == '[' {
		var list []json.RawMessage
		if err := json.Unmarshal(text, &list); err != nil {
			return nil, err
		}
		i, err := strconv.Atoi(path[0])
		if err != nil || i < 0 || i >= len(list) {
			return nil, fmt.Errorf("no element %s in a list of %d", path[0], len(list))
		}
		if list[i], err = insert(list[i], path[1:], value); err != nil {
			return nil, err
		}
		return json.Marshal(list)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, err
	}
	if _, there := fields[path[0]]; !there && len(path) > 1 {
		return nil, fmt.Errorf("config.json has no %q", path[0])
	}
	inner, err := insert(fields[path[0]], path[1:], value)
	if err != nil {
		return nil, err
	}
	fields[path[0]] = inner
	return json.Marshal(fields)
}
