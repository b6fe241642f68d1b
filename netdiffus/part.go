package netdiffus

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Part is an exchangeable part of a model: a value, and the name under which it
// is saved where it comes from a Registry. The zero Part is none.
//
// A value without a name works all the same, in this process: only saving it is an
// error. Registry.Of makes such a part, Registry.Get one with a name.
type Part[T any] struct {
	Value T
	name  string // in the registry of T; "" for a value that is in none
	set   bool
}

// Name returns the part's name in its registry, "" where it has none.
func (p Part[T]) Name() string { return p.name }

// IsSet reports whether there is a part.
func (p Part[T]) IsSet() bool { return p.set }

// String returns the name, for messages.
func (p Part[T]) String() string {
	if p.set && p.name == "" {
		return "(not registered)"
	}
	return p.name
}

// MarshalJSON writes the part's name. A part without one is an error.
func (p Part[T]) MarshalJSON() ([]byte, error) {
	if p.set && p.name == "" {
		r := registryOf[T]()
		return nil, fmt.Errorf("netdiffus: this %s (%T) has no name to save it under: register it with netdiffus.%s.Register(name, value) and use what netdiffus.%[3]s.Get(name) returns",
			r.kind, p.Value, r.variable)
	}
	return json.Marshal(p.name)
}

// UnmarshalJSON finds the part by its name; the empty name is no part.
func (p *Part[T]) UnmarshalJSON(data []byte) error {
	var name string
	if err := json.Unmarshal(data, &name); err != nil {
		return err
	}
	if name == "" {
		*p = Part[T]{}
		return nil
	}
	found, err := registryOf[T]().Get(name)
	if err == nil {
		*p = found
	}
	return err
}

// Registry gives the parts of one kind the names they have in configurations and
// on the command line. It may be used by several goroutines at once.
type Registry[T any] struct {
	kind     string // in messages: "noise schedule"
	variable string // that it is held by: "Schedules"

	// allowed, if not nil, returns why a value may not be added to parts under a name.
	allowed func(parts map[string]T, name string, value T) error

	mu    sync.RWMutex
	parts map[string]T
}

// registries holds every *Registry[T] by T, for Part's JSON.
var registries sync.Map

func newRegistry[T any](variable, kind string, parts map[string]T) *Registry[T] {
	r := &Registry[T]{kind: kind, variable: variable, parts: parts}
	registries.Store(reflect.TypeFor[T](), r)
	return r
}

// registryOf returns the registry of parts of type T. Only this package declares
// Parts, each of a type that it has a registry of.
func registryOf[T any]() *Registry[T] {
	r, ok := registries.Load(reflect.TypeFor[T]())
	if !ok {
		panic(fmt.Sprintf("netdiffus: no registry of %v", reflect.TypeFor[T]()))
	}
	return r.(*Registry[T])
}

// Register adds a part under name, so that configurations that hold it can be
// saved and read. It fails where the name is taken or empty; Kinds has further rules,
// see Kind.
func (r *Registry[T]) Register(name string, value T) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, taken := r.parts[name]; taken || name == "" {
		return fmt.Errorf("netdiffus: duplicate or empty name %q of a %s", name, r.kind)
	}
	if r.allowed != nil {
		if err := r.allowed(r.parts, name, value); err != nil {
			return err
		}
	}
	r.parts[name] = value
	return nil
}

// Get returns the part called name. The error lists the names there are.
func (r *Registry[T]) Get(name string) (Part[T], error) {
	r.mu.RLock()
	value, ok := r.parts[name]
	r.mu.RUnlock()
	if !ok {
		return Part[T]{}, fmt.Errorf("netdiffus: no %s %q: want one of %s", r.kind, name, strings.Join(r.Names(), ", "))
	}
	return Part[T]{Value: value, name: name, set: true}, nil
}

// Must is Get for names that are known to be there; it panics where one is not.
func (r *Registry[T]) Must(name string) Part[T] {
	p, err := r.Get(name)
	if err != nil {
		panic(err)
	}
	return p
}

// Of returns value as a part without a name.
func (r *Registry[T]) Of(value T) Part[T] { return Part[T]{Value: value, set: true} }

// Names returns the names, sorted.
func (r *Registry[T]) Names() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Sorted(maps.Keys(r.parts))
}

// check returns an error where p is no part.
func (r *Registry[T]) check(p Part[T]) error {
	if p.set {
		return nil
	}
	return fmt.Errorf("netdiffus: no %s is given: want one of %s", r.kind, strings.Join(r.Names(), ", "))
}
