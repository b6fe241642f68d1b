package proxy

import (
	"encoding/json"
	"strings"
	"sync"

	"github.com/netdiffus/netdiffus-go/kernels/wire"
)

// request is a client's request on shell and its state.
type request struct {
	message
	execute execute // of an execute_request

	reply chan *wire.Message // of GoNB, of capacity 1
	idle  chan struct{}      // closed when GoNB has sent all outputs
	done  chan struct{}      // closed when the client has been answered

	// Used by the goroutine gather until idle is closed, then by work.
	shown  map[string]bool // display ids that this request has shown
	stderr string          // the end of the standard error
	held   string          // the part of stderr that GoNB may have written

	mu          sync.Mutex
	interrupted bool
	idleOnce    sync.Once
}

// execute is the content of an execute_request, with the protocol's defaults.
type execute struct {
	Code            string                     `json:"code"`
	Silent          bool                       `json:"silent"`
	StoreHistory    bool                       `json:"store_history"`
	UserExpressions map[string]json.RawMessage `json:"user_expressions"`
	AllowStdin      bool                       `json:"allow_stdin"`
	StopOnError     bool                       `json:"stop_on_error"`
}

func newRequest(m message) (*request, error) {
	r := &request{
		message: m, reply: make(chan *wire.Message, 1), idle: make(chan struct{}), done: make(chan struct{}),
		shown: map[string]bool{}, execute: execute{StoreHistory: true, StopOnError: true},
	}
	if m.Header.Type != "execute_request" {
		return r, nil
	}
	if err := m.Decode(&r.execute); err != nil {
		return nil, err
	}
	r.execute.StoreHistory = r.execute.StoreHistory && !r.execute.Silent
	r.execute.Code = strings.ReplaceAll(r.execute.Code, "\r\n", "\n")
	return r, nil
}

func (r *request) setIdle() { r.idleOnce.Do(func() { close(r.idle) }) }

func (r *request) interrupt() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.interrupted = true
}

func (r *request) wasInterrupted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.interrupted
}

// replyType returns the type of the reply to a request of type kind.
func replyType(kind string) string { return strings.TrimSuffix(kind, "_request") + "_reply" }
