package traffic

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMadeBy(t *testing.T) {
	dir := t.TempDir()
	flows := []Flow{{Label: "a", Packets: []Packet{{Length: 5}}}}
	for name, want := range map[string]string{"drawn.parquet": "run-7", "drawn.csv": ""} {
		path := filepath.Join(dir, name)
		if err := (Writer{Run: "run-7"}).Write(path, All(flows)); err != nil {
			t.Fatal(err)
		}
		if got, err := MadeBy(path); got != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
		if got, err := Collect(Read(path)); err != nil || len(got) != 1 {
			t.Errorf("%s: %d flows, %v", name, len(got), err)
		}
	}
	plain := filepath.Join(dir, "plain.parquet")
	if err := Write(plain, All(flows)); err != nil {
		t.Fatal(err)
	}
	if got, err := MadeBy(plain); got != "" || err != nil {
		t.Errorf("a file of no run: %q, %v", got, err)
	}
	for name, text := range map[string]string{"empty": "", "short": "PA", "damaged.parquet": "PAR1 and nothing else"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if got, err := MadeBy(path); got != "" || (err != nil) != (name == "damaged.parquet") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := MadeBy(filepath.Join(dir, "none")); err == nil {
		t.Error("a file that there is not: no error")
	}
}
