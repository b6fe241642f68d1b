// Package registry keeps the parts of one kind, such as codecs, by name, and
// writes them as JSON objects with their names, so that files hold them and
// readers find them again.
package registry

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Part is what a Registry keeps.
type Part interface {
	Name() string // in files and flags
}

// Registry finds parts by name. It is safe for concurrent use.
type Registry[P Part] struct {
	pkg, kind, function string // for errors
	mu                  sync.RWMutex
	parts               []P // in the order of registration
}

// New returns a registry that holds parts. Its errors name the package, the kind
// of part and the function by which a user registers one, such as "codec", "codec"
// and "Register".
func New[P Part](pkg, kind, function string, parts ...P) *Registry[P] {
	return &Registry[P]{pkg: pkg, kind: kind, function: function, parts: parts}
}

// Register adds p under its name. A part whose fields are parameters stands for
// all parts of its type; its own fields are the defaults. A name that is taken is an
// error.
func (r *Registry[P]) Register(p P) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v := reflect.ValueOf(p); v.Kind() == reflect.Pointer && v.IsNil() || p.Name() == "" {
		return fmt.Errorf("%s: a %s (%T) that is nil or has no name", r.pkg, r.kind, p)
	}
	if i := r.index(p.Name()); i >= 0 {
		return fmt.Errorf("%s: duplicate %s %q: %T is registered under that name", r.pkg, r.kind, p.Name(), r.parts[i])
	}
	r.parts = append(r.parts, p)
	return nil
}

func (r *Registry[P]) index(name string) int {
	return slices.IndexFunc(r.parts, func(p P) bool { return p.Name() == name })
}

// Names lists the names there are, in the order of registration.
func (r *Registry[P]) Names() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.names()
}

func (r *Registry[P]) names() []string {
	names := make([]string, len(r.parts))
	for i, p := range r.parts {
		names[i] = p.Name()
	}
	return names
}

// Get returns a copy of the part that is registered under the name.
func (r *Registry[P]) Get(name string) (P, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if i := r.index(name); i >= 0 {
		return part[P](pointerToCopy(r.parts[i]), r.parts[i]), nil
	}
	var none P
	return none, fmt.Errorf("%s: unknown %s %q: want one of %s", r.pkg, r.kind, name, strings.Join(r.names(), ", "))
}

// Check reports whether p can be written: whether its type is registered under
// its name.
func (r *Registry[P]) Check(p P) error {
	registered, err := r.Get(p.Name())
	if err != nil || reflect.TypeOf(registered) != reflect.TypeOf(p) {
		return fmt.Errorf("%s: %T cannot be saved, since it is not registered as the %s %q: call %s.%s first", r.pkg, p, r.kind, p.Name(), r.pkg, r.function)
	}
	return nil
}

// Marshal writes p as a JSON object of its fields and, under "name", its name.
func (r *Registry[P]) Marshal(p P) ([]byte, error) {
	if err := r.Check(p); err != nil {
		return nil, err
	}
	fields, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", r.pkg, p.Name(), err)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(fields, &object); err != nil {
		return nil, fmt.Errorf("%s: %s is not a JSON object: %w", r.pkg, p.Name(), err)
	}
	if object["name"], err = json.Marshal(p.Name()); err != nil {
		return nil, err
	}
	return json.Marshal(object)
}

// Unmarshal reads what Marshal wrote, into a new part of the registered type.
func (r *Registry[P]) Unmarshal(data []byte) (P, error) {
	var none P
	var object struct{ Name string }
	if err := json.Unmarshal(data, &object); err != nil {
		return none, fmt.Errorf("%s: %w", r.pkg, err)
	}
	registered, err := r.Get(object.Name)
	if err != nil {
		return none, err
	}
	p := pointerToCopy(registered)
	if err := json.Unmarshal(data, p.Interface()); err != nil {
		return none, fmt.Errorf("%s: %s: %w", r.pkg, object.Name, err)
	}
	return part(p, registered), nil
}

// pointerToCopy returns a pointer to a copy of the value that p is or points to.
func pointerToCopy(p any) reflect.Value {
	v := reflect.ValueOf(p)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	c := reflect.New(v.Type())
	c.Elem().Set(v)
	return c
}

// part returns the pointer, or what it points to if like is not a pointer.
func part[P Part](pointer reflect.Value, like P) P {
	if reflect.TypeOf(like).Kind() != reflect.Pointer {
		pointer = pointer.Elem()
	}
	return pointer.Interface().(P)
}
