package dataset

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestSameContent(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	long := bytes.Repeat([]byte("ab"), 64<<10) // of two blocks
	for name, c := range map[string]struct {
		a, b []byte
		want bool
	}{
		"empty":            {nil, nil, true},
		"the same":         {long, long, true},
		"the last byte":    {long, append(bytes.Clone(long[1:]), 'b'), false},
		"b is shorter":     {long, long[:64<<10], false},
		"b is longer":      {long[:64<<10], long, false},
		"one byte more":    {long, append(bytes.Clone(long), 0), false},
		"a is empty":       {nil, long, false},
		"within one block": {[]byte("abc"), []byte("abd"), false},
	} {
		same, err := sameContent(file("a", c.a), file("b", c.b))
		if err != nil || same != c.want {
			t.Errorf("%s: %t, %v, want %t", name, same, err, c.want)
		}
	}
	if same, err := sameContent(file("a", nil), filepath.Join(dir, "none")); err != nil || same {
		t.Errorf("no second file: %t, %v", same, err)
	}
	if _, err := sameContent(filepath.Join(dir, "none"), file("b", nil)); err == nil {
		t.Error("no first file")
	}
}
