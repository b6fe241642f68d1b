package track

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	text := `{"loss":0.5,"mse":1e-3,"step":10}` + "\n" +
		"garbage\n" +
		`{"loss":"NaN","step":20}` + "\n" +
		`{ "loss" : 2 , "step" : 30 }` + "\n" +
		`{"a":"` + strings.Repeat("x", 3*longestLine) + `","step":1}` + "\n" +
		`{"loss":3,"step":40}` + "\n" +
		`{"loss":4,"st`
	var steps []int
	var damaged []LineError
	nan := false
	for l, err := range Lines(strings.NewReader(text)) {
		if bad, is := errors.AsType[*LineError](err); is {
			damaged = append(damaged, *bad)
			continue
		}
		check(t, err)
		steps = append(steps, l.Step)
		nan = nan || math.IsNaN(l.Values[0].Number)
	}
	if want := []int{10, 20, 30, 40}; !reflect.DeepEqual(steps, want) {
		t.Errorf("steps %v, want %v", steps, want)
	}
	if want := []LineError{{2, false}, {5, false}, {7, true}}; !reflect.DeepEqual(damaged, want) {
		t.Errorf("damaged lines %v, want %v", damaged, want)
	}
	if !nan {
		t.Error("the NaN is lost")
	}
}

// FuzzLines holds the fast reading of a line to package json's.
func FuzzLines(f *testing.F) {
	for _, line := range []string{`{"mse":0.5,"step":3}`, `{"step":3,"a":1,"a":2}`, `{"a":01,"step":3}`, `{"a":Inf,"step":1}`, `{"a":-,"step":1}`,
		`{"a":1.,"step":1}`, `{"step":1e2}`, `{"step":3}x`, `{"\u0061":1,"step":3}`, `{"a":1,"step":3,}`} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.Contains(line, "\n") {
			return
		}
		step, values, ok := parseLine([]byte(line + "\n"))
		var got Line
		if scanned := got.scan([]byte(line+"\n"), map[string]string{}); !scanned {
			return
		}
		if !ok {
			t.Fatalf("%q is read as %v, and is no line", line, got)
		}
		back := map[string]jsonFloat{}
		for _, v := range got.Values {
			back[v.Name] = jsonFloat(v.Number)
		}
		if got.Step != step || !reflect.DeepEqual(back, values) {
			t.Fatalf("%q is read as step %d, %v; want %d, %v", line, got.Step, back, step, values)
		}
	})
}
