package traffic

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"
)

func TestSignedLengthRoundTrip(t *testing.T) {
	for length := 0; length <= MaxLength; length++ {
		for _, dir := range []Direction{Up, Down} {
			if length == 0 {
				dir = Up // a packet of 0 bytes has no sign
			}
			p := []Packet{{Length: length, Dir: dir, IAT: 3}}
			got := []Packet{{IAT: 3}}
			SignedLength{}.Restore(SignedLength{}.Values(p), got)
			if got[0] != p[0] {
				t.Fatalf("%v comes back as %v", p[0], got[0])
			}
		}
	}
}

func TestSignedLengthValues(t *testing.T) {
	got := SignedLength{}.Values([]Packet{{517, Up, 0}, {1460, Down, 0}, {0, Up, 0}, {0, Down, 0}})
	if want := []float64{-517, 1460, 0, 0}; !reflect.DeepEqual(got, want) || math.Signbit(got[2]) {
		t.Errorf("Values = %v, want %v", got, want)
	}
}

func TestSignedLengthRestore(t *testing.T) {
	for _, c := range []struct {
		v    float64
		want Packet
	}{
		{-517.4, Packet{Length: 517, Dir: Up}},
		{1459.6, Packet{Length: 1460, Dir: Down}},
		{0.4, Packet{}},
		{-0.4, Packet{}},
		{2.5, Packet{Length: 2, Dir: Down}}, // halves to even
		{1e9, Packet{Length: MaxLength, Dir: Down}},
		{math.Inf(-1), Packet{Length: MaxLength, Dir: Up}},
		{math.NaN(), Packet{}},
	} {
		p := []Packet{{Length: 9, Dir: Down}}
		SignedLength{}.Restore([]float64{c.v}, p)
		if p[0] != c.want {
			t.Errorf("Restore(%v) = %v, want %v", c.v, p[0], c.want)
		}
	}
}

func TestInterArrival(t *testing.T) {
	p := make([]Packet, 4)
	InterArrival{}.Restore([]float64{0, 12.5, -1, math.NaN()}, p)
	if got, want := (InterArrival{}).Values(p), []float64{0, 12.5, 0, 0}; !reflect.DeepEqual(got, want) {
		t.Errorf("Values = %v, want %v", got, want)
	}
}

func TestRestoreWantsOneValueAPacket(t *testing.T) {
	for _, f := range []Feature{SignedLength{}, InterArrival{}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", f.Name())
				}
			}()
			f.Restore(make([]float64, 2), make([]Packet, 3))
		}()
	}
}

func TestValues(t *testing.T) {
	flows := All([]Flow{
		{Label: "a", Packets: []Packet{{1, Up, 0}, {2, Down, 0}}},
		{Label: "b", Packets: []Packet{{3, Down, 0}}},
		{Label: "a", Packets: []Packet{{4, Down, 0}}},
	})
	for label, want := range map[string][]float64{"": {-1, 2, 3, 4}, "a": {-1, 2, 4}, "b": {3}, "c": nil} {
		got, err := Values(flows, SignedLength{}, label)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Values of %q = %v, %v; want %v", label, got, err, want)
		}
	}
	if got, err := Series(flows, SignedLength{}, "a"); err != nil || !reflect.DeepEqual(got, [][]float64{{-1, 2}, {4}}) {
		t.Errorf("Series of a = %v, %v", got, err)
	}
	broken := errors.New("broken")
	if _, err := Values(func(yield func(Flow, error) bool) { yield(Flow{}, broken) }, SignedLength{}, ""); err != broken {
		t.Errorf("error %v, want the source's", err)
	}
}

// A feature reports the fields that its Restore sets: those and no others come back.
func TestFeatureFields(t *testing.T) {
	want := []Packet{{Length: 517, Dir: Down, IAT: 12.5}, {Length: 33, Dir: Up, IAT: 3}}
	for _, name := range FeatureNames() {
		f, err := FeatureNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		got := []Packet{{Length: 1, Dir: Up, IAT: 1}, {Length: 1, Dir: Down, IAT: 1}}
		before := slices.Clone(got)
		f.Restore(f.Values(want), got)
		for i := range got {
			expected := before[i]
			if f.Fields().Has(FieldLength) {
				expected.Length = want[i].Length
			}
			if f.Fields().Has(FieldDir) {
				expected.Dir = want[i].Dir
			}
			if f.Fields().Has(FieldIAT) {
				expected.IAT = want[i].IAT
			}
			if got[i] != expected {
				t.Errorf("%s: packet %d is restored as %v, want %v", name, i, got[i], expected)
			}
		}
	}
}
