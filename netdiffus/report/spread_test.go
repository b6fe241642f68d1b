package report

import (
	"encoding/json"
	"math"
	"testing"
)

func TestSpread(t *testing.T) {
	s := Spread{[]float64{1, 2, math.NaN(), 3}}
	text, err := json.Marshal(s)
	if want := `{"mean":2,"sd":1,"values":[1,2,null,3]}`; err != nil || string(text) != want {
		t.Errorf("JSON %s (%v), want %s", text, err, want)
	}
	// One value has no spread.
	if text, err = json.Marshal(Spread{[]float64{4}}); err != nil || string(text) != `{"mean":4,"sd":null,"values":[4]}` {
		t.Errorf("JSON of one value %s (%v)", text, err)
	}
	for want, s := range map[string]Spread{
		"2.000 ± 1.000": s, "–": {}, "0.500": {[]float64{.5}}, "0.000": {[]float64{4e-17}}, "150 ± 71": {[]float64{100, 200}}, "15.0 ± 7.1": {[]float64{10, 20}},
	} {
		if got := s.String(); got != want {
			t.Errorf("%v: %q, want %q", s.Values, got, want)
		}
	}
}
