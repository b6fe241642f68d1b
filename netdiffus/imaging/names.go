package imaging

import "github.com/netdiffus/netdiffus-go/netdiffus/internal/registry"

var encoders = registry.New[Encoder]("imaging", "kind of image", "Register", GASF{}, GADF{}, MTF{}, Recurrence{}, Series{})

// Register makes e's type a kind of image that Named, Unmarshal and so every
// manifest find under e's name. The fields of e are the defaults of those that the
// JSON leaves out. A name that is taken is an error. Register may be called by
// several goroutines; an init function is the usual place.
func Register(e Encoder) error { return encoders.Register(e) }

// Names lists the kinds of image that are registered.
func Names() []string { return encoders.Names() }

// Named returns the encoder of that name, with its default parameters.
func Named(name string) (Encoder, error) { return encoders.Get(name) }

// Marshal writes e as a JSON object: its fields, and its name under "name". It
// fails unless e's type is registered.
func Marshal(e Encoder) ([]byte, error) { return encoders.Marshal(e) }

// Unmarshal reads what Marshal wrote.
func Unmarshal(data []byte) (Encoder, error) { return encoders.Unmarshal(data) }
