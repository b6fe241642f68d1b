package netdiffus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/plainjson"
)

// Decode reads JSON over base: a field that data lacks stays as it is in base. A
// field it does not know is an error: a setting that is spelt wrong must not be
// ignored.
func Decode(data []byte, base Config) (Config, error) {
	c := base.clone()
	if err := strict(data, &c); err != nil {
		return Config{}, fmt.Errorf("config: %w", err)
	}
	return c, nil
}

// strict decodes one JSON value into v, and refuses unknown fields.
func strict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

// JSON returns c as indented JSON with a line feed at the end. A part or kind that
// is not registered is an error.
func (c Config) JSON() ([]byte, error) { return plainjson.Marshal(c) }

// settings is Config but for its kind, as it stands in JSON.
type settings Config

// MarshalJSON writes the kind's settings under its name, then all others.
func (c Config) MarshalJSON() ([]byte, error) {
	name, err := kindName(c.kind())
	if err != nil {
		return nil, err
	}
	kind, err := json.Marshal(map[string]Kind{name: c.kind()})
	if err != nil {
		return nil, err
	}
	rest, err := json.Marshal(settings(c))
	if err != nil {
		return nil, err
	}
	// {"kind":{…}} and {"class_cond":…} as one object; the second is never empty.
	return slices.Concat(kind[:len(kind)-1], []byte(","), rest[1:]), nil
}

// UnmarshalJSON reads what MarshalJSON wrote, and the files of earlier versions,
// over what c holds. Unknown fields are errors.
func (c *Config) UnmarshalJSON(data []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return err
	}
	found := ""
	for _, name := range Kinds.Names() {
		text, ok := fields[name]
		if !ok {
			continue
		}
		delete(fields, name)
		if string(text) == "null" {
			continue
		}
		if found != "" {
			return fmt.Errorf("two kinds of model: %s and %s", found, name)
		}
		found = name
		kind, err := decodeKind(name, text, c.Kind)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		c.Kind = kind
	}
	if c.Kind == nil {
		c.Kind = Pixels{}
	}
	rest, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	if err := strict(rest, (*settings)(c)); err != nil {
		return err
	}
	return c.takeFromUNet()
}

// takeFromUNet takes the images' shape from where earlier versions had it, among
// the UNet's settings. What else stood there follows from other settings.
func (c *Config) takeFromUNet() error {
	u := &c.UNet
	if u.ImageSize != 0 {
		c.Image.Side = u.ImageSize
	}
	if u.InChannels != 0 {
		c.Image.Channels = u.InChannels
	}
	if n := len(c.Classes); c.ClassCond && u.Classes != 0 && n != 0 && u.Classes != n {
		return fmt.Errorf("the network is for %d classes, but %d are named", u.Classes, n)
	}
	u.ImageSize, u.InChannels, u.Classes, u.NullClass, u.LearnSigma, u.Winograd = 0, 0, 0, false, false, false
	return nil
}

// kindName is the name of k's type in Kinds.
func kindName(k Kind) (string, error) {
	for _, name := range Kinds.Names() {
		if reflect.TypeOf(Kinds.Must(name).Value) == reflect.TypeOf(k) {
			return name, nil
		}
	}
	return "", fmt.Errorf("netdiffus: the kind of model %T has no name to save it under: register it with netdiffus.Kinds.Register(name, %[1]T{})", k)
}

// decodeKind reads the settings of the kind called name, over base where that is of
// this kind.
func decodeKind(name string, data []byte, base Kind) (Kind, error) {
	start := Kinds.Must(name).Value
	if reflect.TypeOf(base) == reflect.TypeOf(start) {
		start = base
	}
	v := reflect.New(reflect.TypeOf(start))
	v.Elem().Set(reflect.ValueOf(start))
	for i := range v.Elem().NumField() { // decoding into base's own lists would change them
		if f := v.Elem().Field(i); f.Kind() == reflect.Slice && f.CanSet() {
			f.Set(reflect.AppendSlice(reflect.Zero(f.Type()), f))
		}
	}
	if err := strict(data, v.Interface()); err != nil {
		return nil, err
	}
	return v.Elem().Interface().(Kind), nil
}
