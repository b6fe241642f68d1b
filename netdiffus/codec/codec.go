// Package codec turns a flow's series of feature values, as many as the flow
// has packets, into a fixed number of values in [0,1], which imaging draws,
// and back.
package codec

// Codec maps a series of real values to numbers in [0,1] and back.
type Codec interface {
	// Name is the codec's name in manifests and flags, such as "minmax".
	Name() string
	// Encode writes the codes of the series v of class class into dst. Places
	// after the last value are padding, which the codec fills; values beyond
	// len(dst) are an error, as are values that the codec cannot hold. Every
	// code lies in [0,1].
	Encode(class string, v, dst []float64) error
	// Decode returns the value at every place of u, padding included: as many
	// values as codes. Codes that Encode never gives, such as those between
	// two levels in a drawn sample, are read as well as can be.
	Decode(class string, u []float64) []float64
}

// Learner is a Codec that takes its parameters from data.
type Learner interface {
	Codec
	// Fitter returns what learns the codec's parameters from series of at
	// most length values, or nil when they are set already.
	Fitter(length int) Fitter
}

// Refitter is a Codec that can be fitted again.
type Refitter interface {
	Codec
	Unfitted() Codec // with the settings, without what was learned
}

// Fitter sees every series once, in any order, and then makes the codec. It
// keeps a summary, not the data.
type Fitter interface {
	Add(class string, v []float64) error
	Codec() (Codec, error)
}

// MergingFitter is a Fitter whose summary can be put together with those of others, which
// have seen other series: what comes of it is as if one had seen all.
type MergingFitter interface {
	Fitter
	// MarshalBinary returns the summary, for Merge.
	MarshalBinary() ([]byte, error)
	// Merge adds the summary of a fitter of the same codec and length.
	Merge(summary []byte) error
}

// ConditionalFitter is a Fitter for a further channel of an image that also counts
// which of its values come with which of the lead channel, the image's first.
type ConditionalFitter interface {
	Fitter
	// AddConditional is Add where lead is the same flow's series in the lead channel.
	AddConditional(class string, v, lead []float64) error
	// ConditionalCodec is Codec, given the lead channel's fitted codec.
	ConditionalCodec(lead Codec) (Codec, error)
}

// AliveDecoder is a Codec whose padding is a code of its own, so that any code
// may end the series.
type AliveDecoder interface {
	Codec
	// DecodeAlive is Decode of a series that has a value at every place.
	DecodeAlive(class string, u []float64) []float64
}
