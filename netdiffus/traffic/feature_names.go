package traffic

import "github.com/netdiffus/netdiffus-go/netdiffus/internal/registry"

var features = registry.New[Feature]("traffic", "feature", "RegisterFeature", SignedLength{}, Length{}, PacketDirection{}, InterArrival{})

// RegisterFeature makes f a feature that FeatureNamed and so every manifest finds
// under f's name. A name that is taken is an error. RegisterFeature may be called
// by several goroutines; an init function is the usual place.
func RegisterFeature(f Feature) error { return features.Register(f) }

// FeatureNames lists the features that are registered.
func FeatureNames() []string { return features.Names() }

// FeatureNamed returns the feature of that name.
func FeatureNamed(name string) (Feature, error) { return features.Get(name) }

// CheckFeature reports whether f is registered, as it must be to stand in a
// manifest.
func CheckFeature(f Feature) error { return features.Check(f) }
