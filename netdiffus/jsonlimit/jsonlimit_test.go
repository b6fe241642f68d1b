package jsonlimit

import (
	"strings"
	"testing"
)

func TestUnmarshalWithinLimits(t *testing.T) {
	var v []struct{ A, B, C string }
	for text, ok := range map[string]bool{
		`[{"a":"{{{"},{}]`:                                                              true,
		"[{}" + strings.Repeat(",{}", 1<<20) + "]":                                      false,
		"[" + strings.Repeat("[", 1<<20):                                                false,
		`[{"a":"` + strings.Repeat(`{\"`, 1<<20) + `"}]`:                                true, // a text
		`[{"a":"` + strings.Repeat("x", 200) + `"}` + strings.Repeat(`,{}`, 1000) + "]": true,
		`[{"a":"b"`: false,
	} {
		if err := Unmarshal([]byte(text), &v); (err == nil) != ok {
			t.Errorf("%.40s… of %d bytes: %v, want an error: %v", text, len(text), err, !ok)
		}
	}
	if err := Check([]byte("[1"+strings.Repeat(",1", 1<<20)+"]"), AnyCost); err == nil {
		t.Error("a million values of any type pass")
	}
}
