package provenance

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// Private is what a record that may be passed on keeps of a word of a command line, a
// path or a message: the names of files, and not where they lay. Paths that begin at the
// root, at a home directory (~) or above the working directory (..) keep their last
// element, as "…/set"; what lies in the working directory is named from there. Of
// addresses only the scheme stays. Words without any of these come back as they are.
func Private(text string) string { return private(text, places()) }

// privatePlaces are the folders whose names tell who and where the user is.
type privatePlaces struct{ work, home string }

func places() (p privatePlaces) {
	p.work, _ = os.Getwd()
	p.home, _ = os.UserHomeDir()
	return p
}

func private(text string, p privatePlaces) string {
	if isOutside(text) && !strings.ContainsAny(text, "\n:,=") { // all of it, spaces included
		return p.shorten(text)
	}
	// A folder whose name has spaces is found by its name, others by their form.
	for _, dir := range []string{p.work, p.home} {
		if dir != "" && dir != string(filepath.Separator) && strings.ContainsAny(dir, " \t") {
			text = strings.ReplaceAll(text, dir+string(filepath.Separator), "~/")
		}
	}
	text = addressInText.ReplaceAllStringFunc(text, func(found string) string {
		scheme, _, _ := strings.Cut(found, "://")
		return scheme + "://…"
	})
	return pathInText.ReplaceAllStringFunc(text, func(found string) string {
		at := strings.IndexAny(found, `/~.\ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz`)
		if found[at:] == "//"+elsewhere { // what is left of an address
			return found
		}
		return found[:at] + p.shorten(found[at:])
	})
}

// isOutside reports whether a whole word is a path that says where it lies.
func isOutside(word string) bool {
	return filepath.IsAbs(word) || strings.HasPrefix(word, "~") || word == ".." || strings.HasPrefix(filepath.ToSlash(filepath.Clean(word)), "../")
}

var (
	addressInText = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>,]*`)
	// A path that begins a word, or follows what separates words in flags and messages.
	pathInText = regexp.MustCompile(`(?:^|[\s"'` + "`" + `(\[<=,:;|])(?:/|~[^\s/"',:;]*/|\.\.[/\\]|[A-Za-z]:\\)[^\s"'` + "`" + `,:;)\]>|]+`)
)

// shorten makes a path that says where it lies one that does not.
func (p privatePlaces) shorten(path string) string {
	clean := filepath.Clean(path)
	if p.work != "" && filepath.IsAbs(clean) {
		if rel, err := filepath.Rel(p.work, clean); err == nil && filepath.IsLocal(rel) && p.work != string(filepath.Separator) {
			return rel
		}
	}
	base := clean[strings.LastIndexAny(clean, `/\`)+1:]
	if base == ".." || base == "" || strings.HasPrefix(base, "~") || clean == filepath.Clean(p.home) {
		return elsewhere
	}
	return elsewhere + "/" + base
}

// elsewhere stands for the folders of a path that Private took away.
const elsewhere = "…"

// Base returns what Private left of a path from elsewhere: "set" of "…/set". ok is false
// for all other paths.
func Base(private string) (base string, ok bool) {
	base, ok = strings.CutPrefix(private, elsewhere+"/")
	return base, ok && filepath.IsLocal(base)
}

// Machine is a name for this computer that tells it from others, and tells nobody what
// it is called: it follows from the system's machine-id, as sd_id128_get_machine_app_specific
// has it, or where there is none from the host's name. "" where neither is known.
var Machine = sync.OnceValue(func() string {
	for _, path := range []string{"/etc/machine-id", "/var/lib/dbus/machine-id"} {
		if id, err := os.ReadFile(path); err == nil && len(strings.TrimSpace(string(id))) >= 16 {
			return machineName(strings.TrimSpace(string(id)))
		}
	}
	host, err := os.Hostname()
	if err != nil {
		return ""
	}
	return machineName(host)
})

func machineName(id string) string {
	h := hmac.New(sha256.New, []byte(id))
	h.Write([]byte("netdiffus"))
	return "machine-" + hex.EncodeToString(h.Sum(nil)[:4])
}
