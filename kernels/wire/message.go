// Package wire reads, checks, signs and writes the messages between a Jupyter client
// and a kernel, and the connection file with the addresses of both.
//
// Source: "Messaging in Jupyter", protocol 5.4, jupyter-client's documentation.
package wire

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os/user"
	"sync"
	"time"
)

// Protocol is the version of the messages.
const Protocol = "5.4"

// Header is the header of a message.
type Header struct {
	ID       string `json:"msg_id"`
	Session  string `json:"session"`
	Username string `json:"username"`
	Date     string `json:"date"` // ISO 8601
	Type     string `json:"msg_type"`
	Version  string `json:"version"`
}

// Message is one message. Its JSON parts are kept as they were received, so that a
// proxy can sign and send them again unchanged.
type Message struct {
	Identities [][]byte // the receiver or the sender; on iopub the topic
	Header     Header
	RawHeader  json.RawMessage // Header, with further fields of the sender's
	Parent     json.RawMessage // the header of the message this one answers, or {}
	Metadata   json.RawMessage
	Content    json.RawMessage
	Buffers    [][]byte
}

// ParentID returns the id of the message that m answers, or "".
func (m *Message) ParentID() string {
	var parent struct {
		ID string `json:"msg_id"`
	}
	json.Unmarshal(m.Parent, &parent) // it is known to be JSON
	return parent.ID
}

// Decode reads the content into v.
func (m *Message) Decode(v any) error {
	if err := json.Unmarshal(m.Content, v); err != nil {
		return fmt.Errorf("wire: content of a %s: %w", m.Header.Type, err)
	}
	return nil
}

// delimiter is the frame after the identities.
var delimiter = []byte("<IDS|MSG>")

// Errors of messages that are rejected.
var (
	errMalformed = errors.New("wire: malformed message")
	errSignature = errors.New("wire: wrong signature")
)

// Key signs messages and checks signatures. An empty key does neither.
type Key []byte

// Parse reads the frames of one message. It checks the signature before it reads
// the rest.
func (k Key) Parse(frames [][]byte) (*Message, error) {
	at := -1
	for i, f := range frames {
		if bytes.Equal(f, delimiter) {
			at = i
			break
		}
	}
	if at < 0 || len(frames) < at+6 {
		return nil, fmt.Errorf("%w: %d frames", errMalformed, len(frames))
	}
	parts := frames[at+2 : at+6]
	if len(k) > 0 {
		given, err := hex.DecodeString(string(frames[at+1]))
		if err != nil || !hmac.Equal(given, k.sum(parts)) {
			return nil, errSignature
		}
	}
	m := &Message{
		Identities: frames[:at], RawHeader: parts[0], Parent: parts[1], Metadata: parts[2], Content: parts[3],
		Buffers: frames[at+6:],
	}
	for i, p := range parts {
		if !isObject(p) {
			return nil, fmt.Errorf("%w: part %d is not a JSON object", errMalformed, i+1)
		}
	}
	if err := json.Unmarshal(m.RawHeader, &m.Header); err != nil {
		return nil, fmt.Errorf("%w: header: %v", errMalformed, err)
	}
	if m.Header.ID == "" || m.Header.Type == "" {
		return nil, fmt.Errorf("%w: a header without msg_id or msg_type", errMalformed)
	}
	return m, nil
}

// isObject reports whether text is one JSON object.
func isObject(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return len(text) > 0 && text[0] == '{' && json.Valid(text)
}

// Frames signs a message and returns its frames.
func (k Key) Frames(m *Message) [][]byte {
	parts := [][]byte{m.RawHeader, m.Parent, m.Metadata, m.Content}
	frames := make([][]byte, 0, len(m.Identities)+6+len(m.Buffers))
	frames = append(frames, m.Identities...)
	frames = append(frames, delimiter)
	var signature []byte
	if len(k) > 0 {
		signature = []byte(hex.EncodeToString(k.sum(parts)))
	}
	frames = append(frames, signature)
	frames = append(frames, parts...)
	return append(frames, m.Buffers...)
}

func (k Key) sum(parts [][]byte) []byte {
	mac := hmac.New(sha256.New, k)
	for _, p := range parts {
		mac.Write(p)
	}
	return mac.Sum(nil)
}

// Session makes the messages of one sender.
type Session struct {
	id, username string
}

// NewSession returns a session with a new random name.
func NewSession() Session {
	return Session{id: rand.Text(), username: username()}
}

// username returns the name of the user who runs the kernel.
var username = sync.OnceValue(func() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "kernel"
})

// New makes a message of type kind that answers parent (nil for none), with content
// encoded as JSON. It panics if content cannot be encoded.
func (s Session) New(kind string, parent *Message, content any) *Message {
	m := &Message{
		Header: Header{
			ID: rand.Text(), Session: s.id, Username: s.username,
			Date: time.Now().UTC().Format("2006-01-02T15:04:05.000000Z"), Type: kind, Version: Protocol,
		},
		Parent: json.RawMessage("{}"), Metadata: json.RawMessage("{}"),
	}
	m.RawHeader = mustJSON(m.Header)
	if parent != nil {
		m.Parent = parent.RawHeader
	}
	if raw, ok := content.(json.RawMessage); ok {
		m.Content = raw
	} else {
		m.Content = mustJSON(content)
	}
	return m
}

func mustJSON(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("wire: %T as JSON: %v", v, err))
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}
