package series

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/internal/tables"
	"github.com/netdiffus/netdiffus-go/netdiffus/internal/unpack"
)

// isJSON takes an object, or an array of them.
func isJSON(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	if len(head) > 0 && head[0] == '[' {
		head = bytes.TrimLeft(head[1:], " \t\r\n")
	}
	return len(head) > 0 && head[0] == '{'
}

// maxObject is the largest object that is read, bytes.
const maxObject = 16 << 20

// objectGuard refuses absurd objects before they are held.
type objectGuard struct {
	r    io.Reader
	left int // bytes before the object under way must end
}

func (g *objectGuard) Read(b []byte) (int, error) {
	if g.left <= 0 {
		return 0, fmt.Errorf("an object of more than %d bytes", maxObject)
	}
	n, err := g.r.Read(b[:min(len(b), g.left)])
	g.left -= n
	return n, err
}

// member is one of an object.
type member struct {
	name  string
	value json.RawMessage
}

// object is a JSON object with its members in their order.
type object []member

func (o *object) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("want an object a series")
	}
	*o = (*o)[:0]
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		m := member{}
		m.name, _ = name.(string)
		if err := d.Decode(&m.value); err != nil {
			return err
		}
		*o = append(*o, m)
	}
	return nil
}

// json reads JSON Lines, or an array of the same objects.
func (s *shaper) json(f *unpack.File) error {
	guard := &objectGuard{r: f, left: maxObject}
	d := json.NewDecoder(guard)
	n := 0
	array, err := startsArray(f)
	if err != nil {
		return err
	}
	if array {
		if _, err := d.Token(); err != nil {
			return err
		}
	}
	for {
		if array && !d.More() {
			return nil
		}
		var o object
		err := d.Decode(&o)
		if err == io.EOF {
			return nil
		}
		place := fmt.Sprintf("series %d", n)
		if err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
		guard.left = maxObject
		out, err := s.object(o)
		if err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
		if n == 0 {
			s.recognized("an object a series: %s", strings.Join(out.Channels, ", "))
		}
		if err := s.add(place, out); err != nil {
			return err
		}
		n++
	}
}

// startsArray reports whether the file's first character is a bracket, and steps
// over a byte-order mark.
func startsArray(f *unpack.File) (bool, error) {
	head := make([]byte, 512)
	n, _ := io.ReadFull(f, head)
	if err := f.Rewind(); err != nil {
		return false, err
	}
	if mark := []byte("\xef\xbb\xbf"); bytes.HasPrefix(head[:n], mark) {
		if _, err := io.ReadFull(f, make([]byte, len(mark))); err != nil {
			return false, err
		}
		head, n = head[len(mark):], n-len(mark)
	}
	return bytes.HasPrefix(bytes.TrimLeft(head[:n], " \t\r\n"), []byte("[")), nil
}

// object makes a series of an object.
func (s *shaper) object(o object) (out Series, err error) {
	names := make([]string, len(o))
	for i, m := range o {
		names[i] = m.name
	}
	r, err := s.Columns.findRoles(names)
	if err != nil {
		return out, err
	}
	r.time = -1
	channels, err := s.Columns.findChannels(r, func(i int) bool {
		return bytes.HasPrefix(bytes.TrimLeft(o[i].value, " \t\r\n"), []byte("["))
	})
	if err != nil {
		return out, err
	}
	if len(channels) == 0 {
		return out, noChannels(names)
	}
	for _, c := range channels {
		values, err := numbers(o, c)
		if err != nil {
			return out, fmt.Errorf("%s: %w", c.name, err)
		}
		out.Channels = append(out.Channels, c.name)
		out.Values = append(out.Values, values)
	}
	if out.Label, err = o.text(r.label); err != nil {
		return out, err
	}
	if out.Trace, err = o.text(r.trace); err != nil {
		return out, err
	}
	if r.step >= 0 && string(o[r.step].value) != "null" {
		var seconds float64
		err := json.Unmarshal(o[r.step].value, &seconds)
		if err == nil {
			out.Step, err = stepOf(seconds)
		}
		if err != nil {
			return out, fmt.Errorf("%s: %w", names[r.step], err)
		}
	}
	text, err := o.text(r.start)
	if err == nil {
		out.Start, err = parseStart(text)
	}
	return out, err
}

// numbers are a channel's: one array, or a member a bin. null is a gap.
func numbers(o object, c channel) (values []float64, err error) {
	var read []*float64
	if len(c.columns) == 1 {
		if err := json.Unmarshal(o[c.columns[0]].value, &read); err != nil {
			return nil, fmt.Errorf("want an array of numbers: %w", err)
		}
	} else {
		read = make([]*float64, len(c.columns))
		for bin, i := range c.columns {
			if err := json.Unmarshal(o[i].value, &read[bin]); err != nil {
				return nil, fmt.Errorf("want numbers: %w", err)
			}
		}
	}
	if len(read) > tables.MaxTextNumbers {
		return nil, fmt.Errorf("more than %d numbers", tables.MaxTextNumbers)
	}
	values = make([]float64, len(read))
	for i, v := range read {
		values[i] = math.NaN()
		if v != nil {
			values[i] = *v
		}
	}
	return values, nil
}

// text is a member that is a string or a number, "" where there is none.
func (o object) text(i int) (string, error) {
	if i < 0 || string(o[i].value) == "null" {
		return "", nil
	}
	var text string
	if json.Unmarshal(o[i].value, &text) == nil {
		return text, nil
	}
	var n json.Number
	if err := json.Unmarshal(o[i].value, &n); err != nil {
		return "", fmt.Errorf("%s: want a string or a number", o[i].name)
	}
	return n.String(), nil
}
