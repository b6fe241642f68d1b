package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// FileNames gives every label a name that is safe for a file or folder on any
// system, that no other label of the set has, and that is the label itself for
// ordinary ones (letters, digits, "-", "_", ".", blanks inside). The true
// labels stand in the manifest.
//
// Other bytes become %XX. A hash of the label is added where that is not
// enough: names that are long, that Windows reserves, that differ from another
// label's by case alone, or that the set itself needs.
func FileNames(labels []string) []string {
	folded := map[string]int{}
	for _, label := range labels {
		folded[strings.ToLower(escape(label))]++
	}
	names := make([]string, len(labels))
	for i, label := range labels {
		name := escape(label)
		if len(name) > maxName || reserved(name) || folded[strings.ToLower(name)] > 1 {
			sum := sha256.Sum256([]byte(label))
			name = name[:min(len(name), maxName)] + "~" + hex.EncodeToString(sum[:6])
		}
		names[i] = name
	}
	return names
}

// maxName leaves room for a hash, a row and an ending in the 255 bytes that
// file systems give a name.
const maxName = 100

// escape writes every byte that is not plain everywhere as %XX. Different
// labels stay different.
func escape(label string) string {
	if label == "" {
		return "%empty"
	}
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(label) {
		c := label[i]
		inside := i > 0 && i < len(label)-1
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_',
			c == '-' && i > 0, // in front it looks like a flag
			(c == '.' || c == ' ') && inside:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	return b.String()
}

// reserved reports whether Windows gives the name, up to its first dot, to a
// device, or the set puts another file there.
func reserved(name string) bool {
	name = strings.ToLower(name)
	if name == manifestName {
		return true
	}
	stem, _, _ := strings.Cut(name, ".")
	switch stem = strings.TrimRight(stem, " "); stem {
	case "con", "prn", "aux", "nul":
		return true
	}
	port := strings.HasPrefix(stem, "com") || strings.HasPrefix(stem, "lpt")
	return port && len(stem) == 4 && stem[3] >= '0' && stem[3] <= '9'
}
