package codec

import "github.com/netdiffus/netdiffus-go/netdiffus/internal/registry"

var codecs = registry.New[Codec]("codec", "codec", "Register", &Atoms{}, MinMax{}, &Quantiles{})

// Register makes c's type a codec that Named, Unmarshal and so every manifest
// find under c's name. The fields of c are the defaults of those that the JSON
// leaves out. A name that is taken is an error. Register may be called by several
// goroutines; an init function is the usual place.
func Register(c Codec) error { return codecs.Register(c) }

// Names lists the codecs that are registered.
func Names() []string { return codecs.Names() }

// Named returns the codec of that name, not yet fitted.
func Named(name string) (Codec, error) { return codecs.Get(name) }

// Marshal writes c as a JSON object: its fields, and its name under "name". It
// fails unless c's type is registered.
func Marshal(c Codec) ([]byte, error) { return codecs.Marshal(c) }

// Unmarshal reads what Marshal wrote.
func Unmarshal(data []byte) (Codec, error) { return codecs.Unmarshal(data) }
