package registry

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

type thing interface{ Name() string }

type value struct {
	Size int `json:"size,omitempty"`
	name string
}

func (v value) Name() string { return v.name }

type pointer struct{ Words []string }

func (*pointer) Name() string { return "pointer" }

func TestRoundTrip(t *testing.T) {
	r := New[thing]("things", "thing", "Register", value{Size: 3, name: "value"}, &pointer{Words: []string{"a"}})
	for _, c := range []struct {
		in   thing
		json string
	}{
		{value{Size: 7, name: "value"}, `{"name":"value","size":7}`},
		{&pointer{Words: []string{"x", "y"}}, `{"Words":["x","y"],"name":"pointer"}`},
	} {
		data, err := r.Marshal(c.in)
		if err != nil || string(data) != c.json {
			t.Errorf("Marshal(%v) = %s, %v, want %s", c.in, data, err, c.json)
		}
		out, err := r.Unmarshal(data)
		if err != nil || fmt.Sprintf("%+v", out) != fmt.Sprintf("%+v", c.in) {
			t.Errorf("Unmarshal(%s) = %+v, %v, want %+v", data, out, err, c.in)
		}
	}
	if p, err := r.Unmarshal([]byte(`{"name":"value"}`)); err != nil || p.(value).Size != 3 {
		t.Errorf("without fields = %v, %v, want the registered ones", p, err)
	}
	// What Get returns is the caller's.
	p, err := r.Get("pointer")
	if err != nil {
		t.Fatal(err)
	}
	p.(*pointer).Words = nil
	if p, err := r.Get("pointer"); err != nil || len(p.(*pointer).Words) != 1 {
		t.Errorf("Get = %+v, %v, want the part as it was registered", p, err)
	}
}

func TestRefused(t *testing.T) {
	r := New[thing]("things", "thing", "RegisterThing", value{name: "value"})
	for about, p := range map[string]thing{"duplicate": value{name: "value"}, "nil": (*pointer)(nil), "no name": value{}} {
		if err := r.Register(p); err == nil || !strings.Contains(err.Error(), about) {
			t.Errorf("Register(%#v) = %v, want an error about %q", p, err, about)
		}
	}
	if _, err := r.Get("other"); err == nil || !strings.Contains(err.Error(), "want one of value") {
		t.Errorf("an unknown name: %v, want what there is", err)
	}
	for _, p := range []thing{&pointer{}, &value{name: "value"}} { // another type of that name
		if _, err := r.Marshal(p); err == nil || !strings.Contains(err.Error(), "things.RegisterThing") {
			t.Errorf("Marshal(%#v) = %v, want the cure", p, err)
		}
	}
	for _, data := range []string{``, `[]`, `{"name":"other"}`, `{"name":"value","size":"x"}`} {
		if _, err := r.Unmarshal([]byte(data)); err == nil {
			t.Errorf("Unmarshal(%q): no error", data)
		}
	}
}

func TestConcurrent(t *testing.T) {
	r := New[thing]("things", "thing", "Register")
	var wait sync.WaitGroup
	var added sync.Map
	for i := range 64 {
		wait.Go(func() {
			name := fmt.Sprint(i % 32)
			if r.Register(value{name: name}) == nil {
				if _, twice := added.LoadOrStore(name, true); twice {
					t.Errorf("%s is registered twice", name)
				}
			}
			if _, err := r.Get(name); err != nil {
				t.Error(err)
			}
			r.Names()
		})
	}
	wait.Wait()
	names := r.Names()
	if slices.Sort(names); len(slices.Compact(names)) != 32 {
		t.Errorf("%d names, want 32", len(names))
	}
}
