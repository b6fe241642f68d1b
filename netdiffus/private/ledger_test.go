package private

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestLedger(t *testing.T) {
	m := mustFit(t, handshakes(50), Settings{Budget: budget(2), Classes: []string{"a", "b"}})
	l := m.Ledger()
	if !l.Private || *l.Epsilon != 2 || l.Delta != 1e-6 || l.Spent > 2 || l.Spent < 1.9 || l.Gaussian > l.Spent || len(l.Queries) != 6 {
		t.Errorf("%+v", l)
	}
	rho := 0.0
	for _, q := range l.Queries {
		if want := float64(q.Squared) / (2 * q.Sigma * q.Sigma); math.Abs(q.Rho/want-1) > 1e-9 || q.Epsilon >= l.Spent {
			t.Errorf("%+v: rho %v, want %v", q, q.Rho, want)
		}
		rho += q.Rho
	}
	if math.Abs(rho-l.Rho) > 1e-12 {
		t.Errorf("rho %v, the queries' %v", l.Rho, rho)
	}
	path := filepath.Join(t.TempDir(), "x.privacy.json")
	if err := l.Write(path); err != nil {
		t.Fatal(err)
	}
	if back, err := ReadLedger(path); err != nil || !reflect.DeepEqual(back, l) {
		t.Errorf("read %+v, %v, want %+v", back, err, l)
	}
	// Two releases cost more than one, and less than twice as much (zCDP composes better).
	if both := Together(1e-6, l, l); both <= l.Spent || both >= 2*l.Spent {
		t.Errorf("two of ε %v are ε %v", l.Spent, both)
	}
	seed := mustFit(t, handshakes(50), Settings{Budget: budget(2), Noise: seeded(1)}).Ledger()
	open := mustFit(t, handshakes(50), Settings{Budget: budget(math.Inf(1))}).Ledger()
	for _, bad := range []Ledger{seed, open} {
		if bad.Private || !strings.Contains(bad.Noise, "NOT PRIVATE") || !strings.Contains(bad.Public[0], "taken from the input") {
			t.Errorf("%+v", bad)
		}
		if e := Together(1e-6, l, bad); !math.IsInf(e, 1) {
			t.Errorf("with one that is not private: ε %v", e)
		}
		if err := bad.Write(path); err != nil { // JSON has no infinity
			t.Error(err)
		}
	}
	for _, text := range []string{"", "{}", `{"schema":"netdiffus-privacy/1","rho":-1,"delta":0.1}`, `{"schema":"other","rho":1,"delta":0.1}`} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadLedger(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: error %v", text, err)
		}
	}
}
