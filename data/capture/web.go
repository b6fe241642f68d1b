package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// The web server of the classes http1, http2 and video. A request names
// the object: /OBJECT?n=bytes&ms=the server's pause&parts=pieces, sent with pauses
// between. An If-None-Match gets "not modified".
func webHandler(s *site) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d := s.dice()
		io.Copy(io.Discard, r.Body)
		q := r.URL.Query()
		number := func(key string) int {
			n, _ := strconv.Atoi(q.Get(key))
			return max(0, min(n, 1<<20))
		}
		d.pause(r.Context(), time.Duration(number("ms"))*time.Millisecond)
		h := w.Header()
		h.Set("Content-Type", pick(d, "text/html; charset=utf-8", "image/png", "application/json", "text/css", "application/octet-stream"))
		h.Set("Etag", `"`+d.word(16)+`"`)
		if d.chance(0.4) {
			h.Set("Set-Cookie", "session="+d.word(d.between(16, 200))+"; Path=/; HttpOnly")
		}
		if d.chance(0.3) {
			h.Set("Content-Security-Policy", "default-src 'self' "+d.word(d.between(10, 300)))
		}
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		n, parts := number("n"), max(1, number("parts"))
		if parts == 1 {
			h.Set("Content-Length", itoa(n))
		}
		for i := range parts {
			if i > 0 {
				w.(http.Flusher).Flush()
				d.pause(r.Context(), 4*time.Millisecond)
			}
			w.Write(d.bytes(n / parts))
		}
	})
}

func serveWeb(s *site, config *tls.Config) error {
	l, err := net.Listen("tcp4", s.address())
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: webHandler(s), TLSConfig: config,
		ReadTimeout: sessionLimit, WriteTimeout: sessionLimit, IdleTimeout: sessionLimit,
	}
	go func() {
		if config == nil {
			server.Serve(l)
		} else {
			server.ServeTLS(l, "", "")
		}
	}()
	return nil
}

func serveHTTP1(s *site) error { return serveWeb(s, nil) }

func serveHTTP2(s *site) error {
	config := s.tls.Clone()
	config.NextProtos = []string{"h2", "http/1.1"}
	return serveWeb(s, config)
}

func serveVideo(s *site) error {
	config := s.tls.Clone()
	config.NextProtos = []string{"http/1.1"}
	return serveWeb(s, config)
}

// browser is an HTTP client of one connection.
type browser struct {
	*client
	http    *http.Client
	origin  string
	agent   string
	cookie  string
	referer string
}

func newBrowser(c *client, config *tls.Config) *browser {
	t := &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return c.dial(ctx) },
		TLSClientConfig:   config,
		ForceAttemptHTTP2: config != nil && len(config.NextProtos) > 1,
		MaxConnsPerHost:   1,
	}
	b := &browser{client: c, http: &http.Client{Transport: t}, origin: "http://" + pick(c.dice, siteNames...)}
	if config != nil {
		b.origin = "https://" + config.ServerName
	}
	b.agent = pick(c.dice, "sample/1.0", "Browser/115.0 (Unix; 64-bit) Engine/20260101",
		"Phone/17.4 (Touch; like Browser) Engine/617.1.15 Mobile/"+c.word(6)+" App/"+c.word(4))
	if c.chance(0.5) {
		b.cookie = "id=" + c.word(c.size(60, 1, 10, 900))
	}
	return b
}

func (b *browser) close() { b.http.CloseIdleConnections() }

// fetch sends one request, with a body if there is one, and reads the answer.
func (b *browser) fetch(ctx context.Context, path string, body []byte, known bool) error {
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(ctx, method, b.origin+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("User-Agent", b.agent)
	r.Header.Set("Accept-Language", "en;q=0.9, it;q=0.8")
	if b.cookie != "" {
		r.Header.Set("Cookie", b.cookie)
	}
	if b.referer != "" {
		r.Header.Set("Referer", b.referer)
	}
	if known {
		r.Header.Set("If-None-Match", `"abcdef0123456789"`)
	}
	answer, err := b.http.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

// object is the path of something of a size, of one of many names.
func (b *browser) object(kind string, n, ms, parts int) string {
	path := fmt.Sprintf("/%s/%s?n=%d&ms=%d", kind, b.word(b.between(3, 40)), n, ms)
	if parts > 1 {
		path += "&parts=" + itoa(parts)
	}
	return path
}

// http1Session visits a page and its objects, polls an interface, sends a
// form, or fetches one file.
func http1Session(ctx context.Context, c *client) error {
	b := newBrowser(c, nil)
	defer b.close()
	switch p := c.Float64(); {
	case p < 0.55:
		page := b.object("page", c.size(6000, 0.9, 300, 60_000), 6, c.between(1, 3))
		if err := b.fetch(ctx, page, nil, false); err != nil {
			return err
		}
		b.referer = b.origin + page
		for range c.between(0, 8) {
			c.pause(ctx, 3*time.Millisecond)
			if err := b.fetch(ctx, b.object(pick(c.dice, "img", "js", "css"), c.size(2500, 1.2, 43, 40_000), 1, 1), nil, c.chance(0.15)); err != nil {
				return err
			}
		}
		if c.chance(0.3) { // reads, then goes on to another page
			c.pause(ctx, 200*time.Millisecond)
			return b.fetch(ctx, b.object("page", c.size(6000, 0.9, 300, 60_000), 6, 1), nil, false)
		}
		return nil
	case p < 0.72:
		for range c.between(1, 9) {
			if err := b.fetch(ctx, b.object("api", c.size(180, 0.8, 2, 3000), 3, 1), nil, false); err != nil {
				return err
			}
			c.pause(ctx, 40*time.Millisecond)
		}
		return nil
	case p < 0.87:
		if c.chance(0.6) {
			if err := b.fetch(ctx, b.object("form", c.size(3000, 0.6, 500, 20_000), 4, 1), nil, false); err != nil {
				return err
			}
			c.pause(ctx, 150*time.Millisecond)
		}
		return b.fetch(ctx, b.object("submit", c.size(300, 0.7, 0, 3000), 10, 1), c.bytes(c.size(900, 1.4, 20, 30_000)), false)
	default:
		return b.fetch(ctx, b.object("file", c.size(15_000, 1, 500, 90_000), 2, 1), nil, false)
	}
}

// http2Session fetches several things at a time over one TLS connection, or
// exchanges small messages as remote procedure calls do.
func http2Session(ctx context.Context, c *client) error {
	b := newBrowser(c, c.tlsConfig("h2", "http/1.1"))
	defer b.close()
	if c.chance(0.35) {
		for range c.between(1, 8) {
			call := c.bytes(c.size(120, 0.9, 5, 4000))
			if err := b.fetch(ctx, b.object("rpc", c.size(150, 1, 0, 6000), 3, 1), call, false); err != nil {
				return err
			}
			c.pause(ctx, 15*time.Millisecond)
		}
		return nil
	}
	if err := b.fetch(ctx, b.object("page", c.size(7000, 0.9, 400, 50_000), 6, c.between(1, 3)), nil, false); err != nil {
		return err
	}
	for range c.between(0, 3) {
		c.pause(ctx, 12*time.Millisecond)
		if err := b.fetchAll(ctx, c.between(1, 6)); err != nil {
			return err
		}
	}
	return nil
}

// fetchAll asks for n objects at once.
func (b *browser) fetchAll(ctx context.Context, n int) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range errs {
		path := b.object(pick(b.dice, "img", "js", "css", "font"), b.size(3000, 1.1, 60, 40_000), b.between(0, 4), 1)
		wg.Go(func() { errs[i] = b.fetch(ctx, path, nil, false) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// videoSession plays a stream: the list of segments, then segments of sizes
// that follow the quality the player settles on. Some sessions are of sound
// only, and some only look whether a live stream goes on.
func videoSession(ctx context.Context, c *client) error {
	b := newBrowser(c, c.tlsConfig("http/1.1"))
	defer b.close()
	list := c.size(1400, 0.6, 300, 12_000)
	if c.chance(0.75) {
		if err := b.fetch(ctx, b.object("live", list, 3, 1), nil, false); err != nil {
			return err
		}
	}
	if c.chance(0.1) {
		for range c.between(2, 5) {
			c.pause(ctx, 120*time.Millisecond)
			if err := b.fetch(ctx, b.object("live", list+c.between(-40, 40), 2, 1), nil, false); err != nil {
				return err
			}
		}
		return nil
	}
	// Bytes of a segment by quality; scaled down from seconds of real video.
	ladder := []float64{9_000, 18_000, 40_000, 80_000}
	quality, sound := c.between(0, 2), c.chance(0.25)
	if c.chance(0.6) { // the header of the track
		if err := b.fetch(ctx, b.object("init", c.size(800, 0.2, 500, 1500), 1, 1), nil, false); err != nil {
			return err
		}
	}
	for range c.between(2, 6) {
		size := c.size(ladder[quality], 0.25, 3000, 150_000)
		if sound {
			size = c.size(6000, 0.15, 3000, 12_000)
		}
		if err := b.fetch(ctx, b.object("segment", size, 4, c.between(1, 4)), nil, false); err != nil {
			return err
		}
		quality = max(0, min(len(ladder)-1, quality+c.between(-1, 1)))
		c.pause(ctx, 80*time.Millisecond)
	}
	return nil
}
