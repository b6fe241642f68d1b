package track

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// FuzzConfigText joins a config.json of others with the tables.json beside it: an error, or
// text that is JSON where config.json was.
func FuzzConfigText(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1,{}]}}`), []byte(`{"/a/tables":{"x":[1]},"/a/b/1/tables":2}`))
	f.Add([]byte(`{"a":1}`), []byte(`{"/a/tables":{}}`))
	f.Add([]byte(`{}`), []byte(`{"":1,"/":2,"//tables":3}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, config, tables []byte) {
		var fields map[string]json.RawMessage
		if json.Unmarshal(config, &fields) == nil && fields != nil { // the hash is no hurdle for who writes both
			note, err := json.Marshal(tablesNote{tablesName, hash(tables)})
			check(t, err)
			fields[tablesMember] = note
			config, err = json.Marshal(fields)
			check(t, err)
		}
		check(t, os.WriteFile(ConfigFile(dir), config, 0o666))
		check(t, os.WriteFile(filepath.Join(dir, tablesName), tables, 0o666))
		text, err := ConfigText(ConfigFile(dir))
		if err == nil && json.Valid(config) && !json.Valid(text) {
			t.Fatalf("joined to what is not JSON: %q", text)
		}
	})
}

// FuzzManifest reads a run's manifest of others.
func FuzzManifest(f *testing.F) {
	own, err := json.Marshal(Manifest{ID: "0123456789abcdef", Sessions: []Session{NewSession()}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(own)
	f.Add([]byte(`{"sessions":[{"machine":{"host":"a"},"end":{"step":-1}},{}]}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		check(t, os.WriteFile(ManifestFile(dir), text, 0o666))
		check(t, os.WriteFile(ConfigFile(dir), []byte("{}"), 0o666))
		m, err := ReadManifest(dir)
		if err != nil {
			return
		}
		if id, err := RunID(dir); err != nil || id == "" || m.ID != "" && id != m.ID {
			t.Fatalf("RunID = %q, %v of %+v", id, err, m)
		}
	})
}
