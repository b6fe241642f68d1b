package checkpoint

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/netdiffus/netdiffus-go/netdiffus/jsonlimit"
)

// The safetensors format, version 0.x (github.com/huggingface/safetensors):
// an 8-byte little-endian header length, a JSON header
//
//	{"__metadata__": {"k": "v"}, "name": {"dtype": "F32", "shape": [2,3], "data_offsets": [0, 24]}}
//
// padded with spaces, and the tensors' bytes without holes.

// maxHeader is the format's own cap on the header, bytes.
const maxHeader = 100 << 20

const metadataKey = "__metadata__"

// headerEntry is one tensor in the header.
type headerEntry struct {
	DType   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// WriteTensors writes t in the safetensors format. metadata may be nil.
func WriteTensors(w io.Writer, t Tensors, metadata map[string]string) error {
	// Wide types first, as the format's own library writes them: every tensor
	// then starts at a multiple of its type's size.
	names := slices.SortedFunc(maps.Keys(t), func(a, b string) int {
		return cmp.Or(dtypeBytes[t[b].DType]-dtypeBytes[t[a].DType], strings.Compare(a, b))
	})
	header := make(map[string]any, len(t)+1)
	if len(metadata) > 0 {
		header[metadataKey] = metadata
	}
	var offset int64
	for _, name := range names {
		if name == metadataKey {
			return fmt.Errorf("checkpoint: a tensor cannot be called %s", metadataKey)
		}
		tensor := t[name]
		if err := tensor.check(); err != nil {
			return fmt.Errorf("checkpoint: tensor %q: %w", name, err)
		}
		shape := tensor.Shape
		if shape == nil {
			shape = []int{} // a scalar is [], not null
		}
		end := offset + int64(len(tensor.Data))
		header[name] = headerEntry{DType: tensor.DType, Shape: shape, Offsets: [2]int64{offset, end}}
		offset = end
	}
	text, err := json.Marshal(header) // keys come sorted: the same tensors give the same bytes
	if err != nil {
		return fmt.Errorf("checkpoint: header: %w", err)
	}
	if pad := -len(text) & 7; pad > 0 {
		text = append(text, strings.Repeat(" ", pad)...)
	}
	if len(text) > maxHeader {
		return fmt.Errorf("checkpoint: header of %d bytes, the format's cap is %d", len(text), maxHeader)
	}
	if err := binary.Write(w, binary.LittleEndian, uint64(len(text))); err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	for _, name := range names {
		if _, err := w.Write(t[name].Data); err != nil {
			return err
		}
	}
	return nil
}

// ReadTensors reads a safetensors file of the given size. It trusts nothing in
// it: it allocates at most the file's size, some times over for the header, and
// refuses tensors that overlap, leave holes or reach beyond the end.
func ReadTensors(r io.Reader, size int64) (Tensors, map[string]string, error) {
	var length uint64
	if err := binary.Read(r, binary.LittleEndian, &length); err != nil {
		return nil, nil, fmt.Errorf("safetensors: %d bytes are too few: %w", size, noEOF(err))
	}
	if length > maxHeader || int64(length) > size-8 {
		return nil, nil, fmt.Errorf("safetensors: header of %d bytes in a file of %d", length, size)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, nil, fmt.Errorf("safetensors: header: %w", noEOF(err))
	}
	entries, metadata, err := parseHeader(text)
	if err != nil {
		return nil, nil, fmt.Errorf("safetensors: header: %w", err)
	}
	data := size - 8 - int64(length)
	if err := checkLayout(entries, data); err != nil {
		return nil, nil, fmt.Errorf("safetensors: %w", err)
	}
	all := make([]byte, data)
	if _, err := io.ReadFull(r, all); err != nil {
		return nil, nil, fmt.Errorf("safetensors: data: %w", noEOF(err))
	}
	t := make(Tensors, len(entries))
	for name, e := range entries {
		t[name] = Tensor{DType: e.DType, Shape: e.Shape, Data: all[e.Offsets[0]:e.Offsets[1]:e.Offsets[1]]}
	}
	return t, metadata, nil
}

// parseHeader reads the header's JSON and refuses a name that comes twice, of
// which encoding/json alone would keep the last in silence.
func parseHeader(text []byte) (map[string]headerEntry, map[string]string, error) {
	if len(text) == 0 || text[0] != '{' {
		return nil, nil, errors.New("want a JSON object")
	}
	if err := jsonlimit.Check(text, jsonlimit.AnyCost); err != nil {
		return nil, nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return nil, nil, err
	}
	entries := map[string]headerEntry{}
	var metadata map[string]string
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, nil, err
		}
		name := token.(string) // the decoder allows nothing else for a key
		if name == metadataKey {
			if metadata != nil {
				return nil, nil, fmt.Errorf("%s comes twice", name)
			}
			metadata = map[string]string{}
			if err := d.Decode(&metadata); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", name, err)
			}
			continue
		}
		if _, twice := entries[name]; twice {
			return nil, nil, fmt.Errorf("tensor %.80q comes twice", name)
		}
		var e headerEntry
		if err := d.Decode(&e); err != nil {
			return nil, nil, fmt.Errorf("tensor %.80q: %w", name, err)
		}
		entries[name] = e
	}
	if _, err := d.Token(); err != nil {
		return nil, nil, noEOF(err)
	}
	if rest := bytes.TrimLeft(text[d.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return nil, nil, errors.New("more after the JSON object")
	}
	return entries, metadata, nil
}

// checkLayout reports whether the tensors fill the data exactly, each with as
// many bytes as its type and shape take.
func checkLayout(entries map[string]headerEntry, data int64) error {
	names := slices.SortedFunc(maps.Keys(entries), func(a, b string) int {
		x, y := entries[a].Offsets, entries[b].Offsets
		return slices.Compare(x[:], y[:])
	})
	var end int64
	for _, name := range names {
		e := entries[name]
		want, err := byteSize(e.DType, e.Shape)
		switch {
		case err != nil:
		case e.Offsets[0] != end:
			err = fmt.Errorf("starts at byte %d, want %d: tensors overlap or leave a hole", e.Offsets[0], end)
		case e.Offsets[1] < e.Offsets[0] || e.Offsets[1] > data:
			err = fmt.Errorf("bytes %d to %d of %d", e.Offsets[0], e.Offsets[1], data)
		case e.Offsets[1]-e.Offsets[0] != want:
			err = fmt.Errorf("%s %v takes %d bytes, the header gives it %d", e.DType, e.Shape, want, e.Offsets[1]-e.Offsets[0])
		}
		if err != nil {
			return fmt.Errorf("tensor %.80q: %w", name, err)
		}
		end = e.Offsets[1]
	}
	if end != data {
		return fmt.Errorf("%d bytes of data, the header accounts for %d", data, end)
	}
	return nil
}

// noEOF makes the end of a file where there should be more an error that states
// so.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
