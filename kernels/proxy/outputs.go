package proxy

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/kernels/wire"
	"github.com/netdiffus/netdiffus-go/kernels/zmtp"
)

// outputs is what is gathered of a stream before it is sent on, as GoNB makes a
// message of every write of a program.
type outputs struct {
	request *request
	name    string // stdout or stderr
	text    strings.Builder
	flushes chan chan struct{} // asks for what is gathered to be sent
}

const (
	gatherTime  = 40 * time.Millisecond
	gatherBytes = 64 << 10
	stderrKept  = 16 << 10 // the end of stderr that failures are read from, bytes
)

// stream is the content of a stream message.
type stream struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Connect connects to GoNB and waits until it answers.
func (p *Proxy) Connect(ctx context.Context) error {
	limits := zmtp.Limits{Bytes: 1 << 30}
	c := p.o.GoNB
	const name = "netdiffus" // one for both: GoNB asks for input where the cell came from
	var err error
	if p.gonb.iopub, err = zmtp.Dial(ctx, c.Endpoint(c.IOPub), zmtp.Sub, "", limits); err != nil {
		return err
	}
	if p.gonb.shell, err = zmtp.Dial(ctx, c.Endpoint(c.Shell), zmtp.Dealer, name, limits); err != nil {
		return err
	}
	if p.gonb.stdin, err = zmtp.Dial(ctx, c.Endpoint(c.Stdin), zmtp.Dealer, name, limits); err != nil {
		return err
	}
	first := make(chan *wire.Message)
	go p.read(p.gonb.iopub, func(m *wire.Message) {
		select {
		case first <- m:
		case <-p.dead:
		case <-p.stopped:
		}
	})
	go p.read(p.gonb.shell, p.onReply)
	go p.read(p.gonb.stdin, p.onInputRequest)
	// GoNB answers before it knows its subscriber: until outputs arrive, ask again.
	for {
		probe := p.session.New("kernel_info_request", nil, raw("{}"))
		p.toGoNB(p.gonb.shell, probe, probe.Content)
		select {
		case <-first:
		case <-time.After(50 * time.Millisecond):
			continue
		case <-ctx.Done():
			return ctx.Err()
		}
		break
	}
	go p.gather(first)
	close(p.ready)
	return nil
}

// read reads GoNB's messages until the connection ends.
func (p *Proxy) read(c *zmtp.Conn, f func(*wire.Message)) {
	for {
		frames, err := c.Receive()
		if err != nil {
			return // GoNB has ended, which its keeper tells, or the proxy closes
		}
		m, err := p.gonbKey.Parse(frames)
		if err != nil {
			p.o.Log.Warn("a message of GoNB was dropped", "err", err)
			continue
		}
		f(m)
	}
}

// lookup finds the request that m belongs to, or nil.
func (p *Proxy) lookup(m *wire.Message) *request {
	id := m.ParentID()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known[id]
}

// onReply takes GoNB's answer to a request.
func (p *Proxy) onReply(m *wire.Message) {
	if r := p.lookup(m); r != nil && m.Header.Type == replyType(r.Header.Type) {
		select {
		case r.reply <- m:
		default: // a second one
		}
	}
}

// onInputRequest asks the client who ran the cell for input.
func (p *Proxy) onInputRequest(m *wire.Message) {
	r := p.lookup(m)
	if r == nil || m.Header.Type != "input_request" {
		return
	}
	sent := make(chan struct{})
	select {
	case p.out.flushes <- sent: // the question comes before the box for the answer
		<-sent
	case <-time.After(time.Second):
	}
	if !r.execute.AllowStdin {
		p.publish(r.Message, "stream", stream{"stderr", "the cell asks for input, which this client does not take\n"})
		p.Interrupt()
		return
	}
	// A client's sockets have one identity.
	p.stdin.SendNamed(r.from.Identity, p.key.Frames(p.session.New("input_request", r.Message, m.Content)))
}

// gather handles outputs in their order.
func (p *Proxy) gather(messages <-chan *wire.Message) {
	var due <-chan time.Time
	for {
		select {
		case m := <-messages:
			p.output(m)
			if p.out.text.Len() == 0 {
				due = nil
			} else if due == nil {
				due = time.After(gatherTime)
			}
		case <-due:
			p.flush()
			due = nil
		case sent := <-p.out.flushes:
			p.flush()
			close(sent)
		case <-p.dead:
			p.flush()
			return
		case <-p.stopped:
			return
		}
	}
}

// output handles one message that GoNB published.
func (p *Proxy) output(m *wire.Message) {
	r := p.lookup(m)
	if r == nil {
		return // of a request that was long ago, or a probe of Connect
	}
	switch m.Header.Type {
	case "status":
		var s status
		if m.Decode(&s) == nil && s.State == "idle" {
			p.flush()
			r.setIdle()
		}
		return
	case "execute_input", "error":
		return // said by execute
	case "comm_open", "comm_msg", "comm_close":
		p.flush()
		p.trackComm(m)
	default:
		if r.execute.Silent {
			return
		}
	}
	switch m.Header.Type {
	case "stream":
		var s stream
		if m.Decode(&s) == nil {
			p.stream(r, s)
		}
	case "display_data", "update_display_data":
		p.flush()
		kind, content := display(r, m)
		p.publish(r.Message, kind, content)
	default:
		p.flush()
		p.publishWith(r, m)
	}
}

// publishWith sends on a message as it is, buffers too.
func (p *Proxy) publishWith(r *request, m *wire.Message) {
	out := p.session.New(m.Header.Type, r.Message, m.Content)
	out.Metadata, out.Buffers = m.Metadata, m.Buffers
	p.emit(out)
}

// stream gathers text of a stream.
func (p *Proxy) stream(r *request, s stream) {
	if r.held != "" { // more came: it was the cell's own
		text := r.held
		r.held = ""
		p.append(r, stream{"stderr", text})
	}
	if s.Name == "stderr" {
		if exit.MatchString(s.Text) {
			r.held = s.Text // GoNB's words on how a program ended, if the cell fails
			return
		}
		r.stderr += s.Text
		if len(r.stderr) > stderrKept {
			r.stderr = r.stderr[len(r.stderr)-stderrKept:]
		}
	}
	p.append(r, s)
}

func (p *Proxy) append(r *request, s stream) {
	if p.out.request != r || p.out.name != s.Name {
		p.flush()
	}
	p.out.request, p.out.name = r, s.Name
	p.out.text.WriteString(s.Text)
	if p.out.text.Len() >= gatherBytes {
		p.flush()
	}
}

// flush sends what is gathered.
func (p *Proxy) flush() {
	if p.out.text.Len() == 0 {
		return
	}
	text := overwrite(p.out.text.String())
	p.out.text.Reset()
	p.publish(p.out.request.Message, "stream", stream{p.out.name, text})
}

// overwrite leaves out what a carriage return lets later text of the same line
// cover, as progress bars do. The first piece stays, as it may go on a line that
// was sent before.
func overwrite(text string) string {
	if !strings.Contains(text, "\r") {
		return text
	}
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		body, end := line, ""
		if s, ok := strings.CutSuffix(line, "\n"); ok {
			body, end = s, "\n"
		}
		if s, ok := strings.CutSuffix(body, "\r"); ok {
			body, end = s, "\r"+end
		}
		pieces := strings.Split(body, "\r")
		kept := pieces[:1:1]
		longest := 0
		var later []string
		for j := len(pieces) - 1; j > 0; j-- {
			if j == len(pieces)-1 || len(pieces[j]) > longest {
				later = append(later, pieces[j])
				longest = max(longest, len(pieces[j]))
			}
		}
		for j := len(later) - 1; j >= 0; j-- {
			kept = append(kept, later[j])
		}
		lines[i] = strings.Join(kept, "\r") + end
	}
	return strings.Join(lines, "")
}

// clearOutput is the kind of data by which a cell clears its outputs, which GoNB
// has no message for: "now", or "wait" for until the next one comes.
const clearOutput = "application/vnd.netdiffus.clear-output"

// display mends what GoNB says of something to show. GoNB remembers display ids
// for as long as it lives, so a cell that runs again would only update outputs
// that are gone; what this request has not shown is shown. And a picture that is
// sent as HTML with nothing but an SVG in it, which untrusted notebooks drop, is
// sent as SVG too.
func display(r *request, m *wire.Message) (kind string, content json.RawMessage) {
	kind, content = m.Header.Type, m.Content
	var d struct {
		Data      map[string]json.RawMessage `json:"data"`
		Metadata  json.RawMessage            `json:"metadata"`
		Transient json.RawMessage            `json:"transient"`
	}
	if json.Unmarshal(content, &d) != nil {
		return kind, content
	}
	var transient struct {
		ID string `json:"display_id"`
	}
	if json.Unmarshal(d.Transient, &transient) == nil && transient.ID != "" {
		if !r.shown[transient.ID] {
			kind = "display_data"
		}
		r.shown[transient.ID] = true
	}
	if when, ok := d.Data[clearOutput]; ok {
		content, _ := json.Marshal(map[string]bool{"wait": string(when) == `"wait"`})
		return "clear_output", content
	}
	if svg, ok := onlySVG(d.Data); ok {
		d.Data["image/svg+xml"] = svg
		if text, err := json.Marshal(d); err == nil {
			content = text
		}
	}
	return kind, content
}

// onlySVG returns the SVG of data that has nothing but HTML that has nothing but
// an SVG.
func onlySVG(data map[string]json.RawMessage) (json.RawMessage, bool) {
	var html string
	if len(data) != 1 || json.Unmarshal(data["text/html"], &html) != nil {
		return nil, false
	}
	body := strings.TrimSpace(html)
	body = strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(body, "<div>"), "</div>"))
	if !strings.HasPrefix(body, "<svg") || !strings.HasSuffix(body, "</svg>") || strings.Count(body, "<svg") != 1 {
		return nil, false
	}
	svg, err := json.Marshal(body)
	return svg, err == nil
}
