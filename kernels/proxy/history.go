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

// history is the inputs of this session; it ends with the kernel.
type history struct{ entries []entry }

// maxHistory is how many inputs are remembered.
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
	Session int    `json:"session"`          // 0 is this one, -1 the last, which is not known
	Start   int    `json:"start"`
	Stop    *int   `json:"stop"`
	N       int    `json:"n"`
	Pattern string `json:"pattern"` // of a shell, with * and ?
	Unique  bool   `json:"unique"`
}

// session is the number of the only session that is known.
const session = 1

// find returns the triples session, line and input, the last being a pair of input
// and output where outputs are wanted. Outputs are not kept.
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

// search returns the entries that match; of equal ones the newest where they shall
// be unique.
func (h *history) search(pattern string, unique bool) []entry {
	if pattern == "" {
		pattern = "*"
	}
	// path.Match knows [ and \ beside * and ?, and does not let * match a slash.
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

// flat replaces slashes by something that path.Match does not treat apart.
func flat(s string) string { return strings.ReplaceAll(s, "/", "\x00") }
