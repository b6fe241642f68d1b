// Package serve shows run directories in a browser: one page, on this machine.
//
// The page lists the runs, draws their curves while they are trained, shows what was
// drawn from them and how it was judged, and compares runs. It needs a token, which its
// address holds once; nobody else's page can read it, and it asks nothing of any other
// server.
package serve

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/netdiffus/netdiffus-go/netdiffus/runs"
)

// Options are those of a Server.
type Options struct {
	// Roots are the folders whose runs are shown, or run directories themselves.
	Roots []string
	// Cache makes the first list faster; nil keeps what was read in memory.
	Cache runs.Cache
	// Token opens the page; "" makes one.
	Token string
	// Poll is the time between two looks at a run that is trained; 0 means a second.
	Poll time.Duration
	// Warn is called with what does not keep a page from being shown; nil logs it.
	Warn func(error)
}

// Server is the page and what it asks for, as an http.Handler.
type Server struct {
	options Options
	token   string
	mux     *http.ServeMux

	listing  sync.Mutex // one list is made at a time
	mu       sync.Mutex
	listed   []*runs.Run
	byKey    map[string]*runs.Run
	listTime time.Time
	pictures map[string][]byte // grids, by folder and version
	order    []string          // of pictures, oldest first
}

//go:embed page
var pageFiles embed.FS

// New returns a Server.
func New(o Options) (*Server, error) {
	if o.Token == "" {
		var random [24]byte
		if _, err := rand.Read(random[:]); err != nil {
			return nil, fmt.Errorf("serve: %w", err)
		}
		o.Token = base64.RawURLEncoding.EncodeToString(random[:])
	}
	if o.Poll == 0 {
		o.Poll = time.Second
	}
	if o.Warn == nil {
		o.Warn = func(err error) { slog.Warn("serve", "err", err) }
	}
	if o.Cache == nil {
		o.Cache = &memory{records: map[string]runs.Record{}}
	}
	files, err := fs.Sub(pageFiles, "page")
	if err != nil {
		return nil, fmt.Errorf("serve: %w", err)
	}
	s := &Server{options: o, token: o.Token, mux: http.NewServeMux(), byKey: map[string]*runs.Run{}, pictures: map[string][]byte{}}
	s.mux.Handle("GET /", http.FileServerFS(files))
	s.mux.HandleFunc("GET /api/runs", s.list)
	s.mux.HandleFunc("GET /api/compare", s.compare)
	s.mux.HandleFunc("GET /api/run/{key}", s.of(s.run))
	s.mux.HandleFunc("GET /api/run/{key}/curves", s.of(s.curves))
	s.mux.HandleFunc("GET /api/run/{key}/live", s.of(s.live))
	s.mux.HandleFunc("GET /api/run/{key}/samples/{name...}", s.of(s.samples))
	s.mux.HandleFunc("GET /api/run/{key}/report/{number}", s.of(s.report))
	return s, nil
}

// Address is the page's address on a listener, with the token.
func (s *Server) Address(l net.Addr) string {
	u := url.URL{Scheme: "http", Host: l.String(), Path: "/", RawQuery: url.Values{"token": {s.token}}.Encode()}
	return u.String()
}

// policy is what the page may do: use its own files, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// ServeHTTP checks who asks before anything else.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	switch {
	case !local(r.Host):
		// A name that another's server gave this machine's address.
		http.Error(w, "this page is at 127.0.0.1 or localhost only", http.StatusMisdirectedRequest)
	case !sameOrigin(r):
		http.Error(w, "another site's page may not ask for this", http.StatusForbidden)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "this page only shows", http.StatusMethodNotAllowed)
	case r.URL.Path == "/" && s.is(r.URL.Query().Get("token")):
		http.SetCookie(w, &http.Cookie{Name: cookieName(r.Host), Value: s.token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
		http.Redirect(w, r, "/", http.StatusSeeOther) // so that the token does not stay in the address
	case !s.allowed(r):
		http.Error(w, "open the address that the program printed: it holds the key to this page", http.StatusForbidden)
	default:
		s.mux.ServeHTTP(w, r)
	}
}

// cookieName has the port in it: cookies do not tell ports apart.
func cookieName(host string) string {
	_, port, _ := net.SplitHostPort(host)
	return "netdiffus-" + port
}

func (s *Server) allowed(r *http.Request) bool {
	c, err := r.Cookie(cookieName(r.Host))
	return err == nil && s.is(c.Value)
}

func (s *Server) is(token string) bool {
	a, b := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(s.token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// local reports whether a Host header names this machine by itself.
func local(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

// sameOrigin reports whether a request is the page's own, or a user's who opens it.
func sameOrigin(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+r.Host {
		return false
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return true
	case "cross-site", "same-site": // a link to the page may be followed
		return r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.URL.Path == "/"
	}
	return false
}

// fresh is how long a list of runs serves for other questions about them.
const fresh = 2 * time.Second

// runs lists the runs, and keys them: names and identifiers may occur twice, as a copied
// directory has those of its original, and so the key is of the path.
func (s *Server) runs(ctx context.Context) ([]*runs.Run, error) {
	s.listing.Lock()
	defer s.listing.Unlock()
	s.mu.Lock()
	listed, at := s.listed, s.listTime
	s.mu.Unlock()
	if listed != nil && time.Since(at) < fresh {
		return listed, nil
	}
	listed, err := runs.List(ctx, s.options.Roots, runs.ListOptions{Cache: s.options.Cache, Warn: s.options.Warn})
	if err != nil {
		return nil, err
	}
	if listed == nil {
		listed = []*runs.Run{}
	}
	byKey := make(map[string]*runs.Run, len(listed))
	for _, r := range listed {
		byKey[key(r)] = r
	}
	s.mu.Lock()
	s.listed, s.byKey, s.listTime = listed, byKey, time.Now()
	s.mu.Unlock()
	return listed, nil
}

func key(r *runs.Run) string {
	sum := sha256.Sum256([]byte(r.Path))
	return hex.EncodeToString(sum[:8])
}

// find returns the run of a key: one that was listed, read anew.
func (s *Server) find(ctx context.Context, key string) (*runs.Run, bool) {
	s.mu.Lock()
	r, ok := s.byKey[key]
	s.mu.Unlock()
	if !ok {
		if _, err := s.runs(ctx); err != nil {
			return nil, false
		}
		s.mu.Lock()
		r, ok = s.byKey[key]
		s.mu.Unlock()
	}
	return r, ok
}

// of answers for the run of the address, or that there is none.
func (s *Server) of(answer func(http.ResponseWriter, *http.Request, *runs.Run)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		run, ok := s.find(r.Context(), r.PathValue("key"))
		if !ok {
			http.Error(w, "there is no such run; it may have been deleted or moved", http.StatusNotFound)
			return
		}
		answer(w, r, run)
	}
}

func (s *Server) json(w http.ResponseWriter, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(text)
}

func (s *Server) fail(w http.ResponseWriter, err error) {
	http.Error(w, err.Error(), http.StatusInternalServerError)
}
