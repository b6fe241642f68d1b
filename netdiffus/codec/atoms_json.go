package codec

import (
	"encoding/json"
	"errors"
	"fmt"
)

// UnmarshalJSON reads and checks the tables.
func (a *Atoms) UnmarshalJSON(data []byte) error {
	type plain Atoms
	var p plain
	if err := json.Unmarshal(data, &p); err != nil {
		return err
	}
	for class, tables := range p.Tables {
		for j, t := range tables {
			before := 0
			if j > 0 {
				before = len(tables[j-1].Values)
			}
			if err := t.check(before); err != nil {
				return fmt.Errorf("codec: atoms: class %q, place %d: %w", class, j, err)
			}
		}
	}
	*a = Atoms(p)
	a.index()
	return nil
}

// check reports what is wrong with a table behind one of before values.
func (t AtomTable) check(before int) error {
	if len(t.Values) != len(t.Weights) {
		return fmt.Errorf("%d values but %d weights", len(t.Values), len(t.Weights))
	}
	if t.Len() == 0 {
		return errors.New("no atoms")
	}
	if !(t.Padding >= 0) {
		return fmt.Errorf("padding %v, want 0 or more", t.Padding)
	}
	for k := range t.Values {
		if !(t.Weights[k] > 0) {
			return fmt.Errorf("weight %v of value %v, want it above 0", t.Weights[k], t.Values[k])
		}
		if k > 0 && !(t.Values[k] > t.Values[k-1]) {
			return fmt.Errorf("value %v after %v, want them rising", t.Values[k], t.Values[k-1])
		}
	}
	for i, k := range t.Novel {
		if k < 0 || k >= len(t.Values) || i > 0 && k <= t.Novel[i-1] {
			return fmt.Errorf("novel value %d of %d", k, len(t.Values))
		}
	}
	if len(t.After) != 0 && len(t.After) != before {
		return fmt.Errorf("successors of %d atoms, but the place before has %d", len(t.After), before)
	}
	for i, s := range t.After {
		if err := s.check(t.Len()); err != nil {
			return fmt.Errorf("atom %d of the place before: %w", i, err)
		}
	}
	for i, s := range t.Conditional {
		if err := s.check(len(t.Values)); err != nil {
			return fmt.Errorf("atom %d of the lead channel: %w", i, err)
		}
	}
	return nil
}

// check reports what is wrong with successors among so many atoms.
func (s Successors) check(atoms int) error {
	if len(s.Atoms) != len(s.Counts) {
		return fmt.Errorf("%d successors but %d counts", len(s.Atoms), len(s.Counts))
	}
	for n, k := range s.Atoms {
		if k < 0 || k >= atoms || !(s.Counts[n] > 0) {
			return fmt.Errorf("successor %d with count %v", k, s.Counts[n])
		}
	}
	return nil
}
