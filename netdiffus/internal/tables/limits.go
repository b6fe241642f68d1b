package tables

// Limits of a list of numbers: far above any that is worth an image, and low enough
// that a damaged file cannot claim all the memory. In text a number takes two bytes
// and its packet 24.
const (
	MaxNumbers     = 1 << 22
	MaxTextNumbers = 1 << 20
)
