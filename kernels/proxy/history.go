package proxy

import (
	"path"
	"slices"
	"strings"
)

// entry is one input of this session.
type entry struct {
	line int // its execution count
	code string
}

// history holds the inputs of this session. It is not kept beyond the kernel's end.
type history struct{ entries []entry }

// maxHistory is the largest number of inputs that are kept.
const maxHistory = 10_000

func (h *history) add(line int, code string) {
	h.entries = append(h.entries, entry{line, code})
	if len(h.entries) > maxHistory {
		h.entries = slices.Delete(h.entries, 0, len(h.entries)-maxHistory)
	}
}

// historyRequest is the content of a history_request.
type historyRequest struct {
	Output  bool   `json:"output"`
	Access  string `json:"hist_access_type"` // tail, range or search
	Session int    `json:"session"`          // 0 means this one, -1 the one before, which is not kept
	Start   int    `json:"start"`
	Stop    *int   `json:"stop"`
	N       int    `json:"n"`
	Pattern string `json:"pattern"` // of a shell, with * and ?
	Unique  bool   `json:"unique"`
}

// session is the number of this session.
const session = 1

// find returns triples of session, line and input. If outputs are requested, the last
// is a pair of input and output; the output is null, because outputs are not kept.
func (h *history) find(r historyRequest) [][3]any {
	found := h.entries
	switch r.Access {
	case "range":
		found = slices.DeleteFunc(slices.Clone(found), func(e entry) bool {
			return e.line < r.Start || r.Stop != nil && e.line >= *r.Stop
		})
		if r.Session != 0 && r.Session != session {
			found = nil
		}
		r.N = 0
	case "search":
		found = h.search(r.Pattern, r.Unique)
	}
	if r.N > 0 && len(found) > r.N {
		found = found[len(found)-r.N:]
	}
	list := make([][3]any, 0, len(found))
	for _, e := range found {
		var last any = e.code
		if r.Output {
			last = [2]any{e.code, nil}
		}
		list = append(list, [3]any{session, e.line, last})
	}
	return list
}

// search returns the entries that match pattern. If unique is true, it returns the
// newest of equal entries only.
func (h *history) search(pattern string, unique bool) []entry {
	if pattern == "" {
		pattern = "*"
	}
	// In path.Match, [ and \ are special too, and * does not match a slash.
	pattern = flat(strings.NewReplacer(`\`, `\\`, `[`, `\[`).Replace(pattern))
	var found []entry
	seen := map[string]bool{}
	for _, e := range slices.Backward(h.entries) {
		if ok, err := path.Match(pattern, flat(e.code)); err != nil || !ok || unique && seen[e.code] {
			continue
		}
		seen[e.code] = true
		found = append(found, e)
	}
	slices.Reverse(found)
	return found
}

// flat replaces slashes by a character that path.Match does not treat specially.
func flat(s string) string { return strings.ReplaceAll(s, "/", "\x00") }
