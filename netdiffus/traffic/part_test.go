package traffic

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// The parts of files hold what ReadAll reads of them, in its order.
func TestParts(t *testing.T) {
	dir := t.TempDir()
	for _, folder := range []string{"chat/one", "mail"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for name, n := range map[string]int{"chat/one/a.parquet": 2*groupRows + 7, "mail/b.csv": 30, "c.jsonl": 5} {
		if err := Write(filepath.Join(dir, name), All(randomFlows(n, 3))); err != nil {
			t.Fatal(err)
		}
	}
	r := Reader{Label: "{folder}", MinPackets: 2}
	for rows, want := range map[int]int{1: 5, groupRows: 5, groupRows + 1: 4, 1 << 30: 3} {
		parts, err := r.Parts(rows, dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(parts) != want {
			t.Errorf("parts of %d rows: %d, want %d: %+v", rows, len(parts), want, parts)
		}
		if rows > 1 && rows < 1<<30 {
			continue
		}
		var got []Flow
		for _, p := range parts {
			flows, err := Collect(r.ReadPart(p))
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, flows...)
		}
		all, err := Collect(r.ReadAll(dir))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, all) {
			t.Errorf("parts of %d rows hold other flows, %d of them, than the files, %d", rows, len(got), len(all))
		}
	}
	a := filepath.Join(dir, "chat/one/a.parquet")
	empty := filepath.Join(dir, "empty.csv")
	if err := os.WriteFile(empty, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for want, do := range map[string]func() error{
		"joined":                       func() error { _, err := Reader{Join: true}.Parts(1, a); return err },
		"empty.csv: the file is empty": func() error { _, err := r.Parts(1, empty); return err },
		"no such file":                 func() error { _, err := r.Parts(1, a+"x"); return err },
		"3 row groups, want 4":         func() error { _, err := Collect(r.ReadPart(Part{Path: a, First: 2, End: 4})); return err },
		"it is CSV: it has changed": func() error {
			_, err := Collect(r.ReadPart(Part{Path: filepath.Join(dir, "mail/b.csv"), End: 1}))
			return err
		},
	} {
		if err := do(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
