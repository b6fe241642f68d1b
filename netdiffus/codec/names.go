package codec

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// kinds holds, for every codec by name, how to read it from JSON.
var kinds = map[string]func(data []byte) (Codec, error){
	MinMax{}.Name():      decode[MinMax],
	(*Atoms)(nil).Name(): decode[*Atoms],
}

// Names lists the codecs that Named and Unmarshal know, sorted.
func Names() []string {
	var names []string
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Named returns the codec of that name, not yet fitted.
func Named(name string) (Codec, error) {
	read, ok := kinds[name]
	if !ok {
		return nil, fmt.Errorf("codec: no codec %q: want one of %s", name, strings.Join(Names(), ", "))
	}
	return read([]byte("{}"))
}

// Marshal writes c as a JSON object: its fields, and its name under "name".
func Marshal(c Codec) ([]byte, error) {
	fields, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("codec: %s: %w", c.Name(), err)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(fields, &object); err != nil {
		return nil, fmt.Errorf("codec: %s is not a JSON object: %w", c.Name(), err)
	}
	if object["name"], err = json.Marshal(c.Name()); err != nil {
		return nil, err
	}
	return json.Marshal(object)
}

// Unmarshal reads what Marshal wrote.
func Unmarshal(data []byte) (Codec, error) {
	var object struct{ Name string }
	if err := json.Unmarshal(data, &object); err != nil {
		return nil, fmt.Errorf("codec: %w", err)
	}
	read, ok := kinds[object.Name]
	if !ok {
		return nil, fmt.Errorf("codec: no codec %q: want one of %s", object.Name, strings.Join(Names(), ", "))
	}
	return read(data)
}

func decode[C Codec](data []byte) (Codec, error) {
	var c C
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("codec: %s: %w", c.Name(), err)
	}
	return c, nil
}
