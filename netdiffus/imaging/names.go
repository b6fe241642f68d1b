package imaging

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Names lists the encoders that Named and Unmarshal know.
func Names() []string { return []string{"gasf", "gadf", "mtf", "recurrence"} }

// Named returns the encoder of that name, with its default parameters.
func Named(name string) (Encoder, error) {
	return description{Name: name}.encoder()
}

// description is an encoder as it stands in a manifest.
type description struct {
	Name string  `json:"name"`
	Bins int     `json:"bins,omitempty"` // MTF
	Eps  float64 `json:"eps,omitempty"`  // Recurrence
}

func (d description) encoder() (Encoder, error) {
	switch d.Name {
	case "gasf":
		return GASF{}, nil
	case "gadf":
		return GADF{}, nil
	case "mtf":
		return MTF{Bins: d.Bins}, nil
	case "recurrence":
		return Recurrence{Eps: d.Eps}, nil
	}
	return nil, fmt.Errorf("imaging: no image kind %q: want one of %s", d.Name, strings.Join(Names(), ", "))
}

// Marshal writes e as JSON, name and parameters.
func Marshal(e Encoder) ([]byte, error) {
	d := description{Name: e.Name()}
	switch e := e.(type) {
	case GASF, GADF:
	case MTF:
		d.Bins = e.Bins
	case Recurrence:
		d.Eps = e.Eps
	default:
		return nil, fmt.Errorf("imaging: no JSON form for %T", e)
	}
	return json.Marshal(d)
}

// Unmarshal reads what Marshal wrote.
func Unmarshal(data []byte) (Encoder, error) {
	var d description
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("imaging: %w", err)
	}
	return d.encoder()
}
