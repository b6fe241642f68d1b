package runs

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Plain returns text, such as the name of a directory, as it can be shown on a terminal
// in one line: what could move the cursor, change colours or turn the direction of
// writing is written as \x1b, \n or \u202e.
func Plain(text string) string {
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == ' ' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
