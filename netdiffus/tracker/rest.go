package tracker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// answerLimit is how many bytes of an answer are read.
const answerLimit = 4 << 20

// client talks to a server in JSON.
type client struct {
	base *url.URL
	name string // of the tracker, for errors
	// sign adds what the server knows the user by. It reads the environment each time,
	// so that nothing here holds a token.
	sign func(*http.Request)
	http *http.Client
}

// newClient checks the address of a server. It must not hold a password: addresses are
// written into files.
func newClient(name, at string, sign func(*http.Request)) (*client, error) {
	u, err := url.Parse(at)
	if err != nil {
		return nil, fmt.Errorf("tracker: %s: the address of the server is none", name) // err repeats it, password and all
	}
	if u.User != nil {
		return nil, fmt.Errorf("tracker: %s at %s: the address holds a user's name or password: give these in the environment", name, u.Host)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		if strings.ContainsAny(at, "@?") { // it may hold a password all the same
			at = "…"
		}
		return nil, fmt.Errorf("tracker: %s at %q: want the address of a server, such as http://127.0.0.1:5000", name, at)
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	u.RawQuery, u.Fragment = "", ""
	return &client{base: u, name: name, sign: sign, http: &http.Client{
		// An address elsewhere must not be handed what is meant for this one.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// unreachable is the error of a server that does not answer.
type unreachable struct{ err error }

func (e *unreachable) Error() string { return e.err.Error() }
func (e *unreachable) Unwrap() error { return e.err }

// answerError is an answer that says no.
type answerError struct {
	at     string // tracker, method and path
	status int
	code   string // the server's word for it, where it has one
	text   string
}

func (e *answerError) Error() string {
	text := fmt.Sprintf("tracker: %s: %d %s", e.at, e.status, http.StatusText(e.status))
	if e.text != "" {
		text += ": " + e.text
	}
	switch e.status {
	case http.StatusUnauthorized, http.StatusForbidden:
		text += " (are the user and the password, or the token, in the environment?)"
	}
	return text
}

// call sends in, where it is not nil, and reads the answer into out, where it is not nil.
func (c *client) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("tracker: %s: %w", c.name, err)
		}
		body = bytes.NewReader(text)
	}
	answer, err := c.send(ctx, 15*time.Second, method, path, query, "application/json", body)
	if err != nil {
		return err
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("tracker: %s: %s %s: the answer is not the one expected: %w", c.name, method, path, err)
	}
	return nil
}

// send sends a body and returns the answer's.
func (c *client) send(ctx context.Context, limit time.Duration, method, path string, query url.Values, kind string, body io.Reader) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	u := *c.base
	u = *u.JoinPath(path)
	u.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("tracker: %s: %w", c.name, err)
	}
	if body != nil {
		request.Header.Set("Content-Type", kind)
	}
	if c.sign != nil {
		c.sign(request)
	}
	response, err := c.http.Do(request)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return nil, &unreachable{fmt.Errorf("tracker: %s at %s: %w", c.name, c.base, err)}
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, answerLimit))
	if err != nil {
		return nil, &unreachable{fmt.Errorf("tracker: %s at %s: %w", c.name, c.base, err)}
	}
	if response.StatusCode/100 == 2 {
		return answer, nil
	}
	e := &answerError{at: fmt.Sprintf("%s at %s: %s %s", c.name, c.base, method, path), status: response.StatusCode}
	var said struct {
		Code    string `json:"error_code"`
		Message string `json:"message"`
		Detail  any    `json:"detail"`
		Error   any    `json:"error"`
	}
	if json.Unmarshal(answer, &said) == nil {
		e.code, e.text = said.Code, said.Message
		for _, other := range []any{said.Detail, said.Error} {
			if e.text == "" && other != nil {
				e.text = fmt.Sprint(other)
			}
		}
	}
	if location := response.Header.Get("Location"); location != "" {
		e.text = "it sends to another address: give the tracker that one"
	}
	if len(e.text) > 300 {
		e.text = e.text[:300] + " …"
	}
	e.text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(e.text, ""))
	return nil, e
}

// refused marks the errors of things that the server will never take.
func refused(err error) error {
	var no *answerError
	if errors.As(err, &no) {
		switch no.status {
		case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge,
			http.StatusUnprocessableEntity, http.StatusNotImplemented:
			return &RefusedError{err}
		}
	}
	return err
}
