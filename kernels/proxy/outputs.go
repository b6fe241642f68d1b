package proxy

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/kernels/wire"
	"github.com/netdiffus/netdiffus-go/kernels/zmtp"
)

// outputs collects the text of a stream before it is sent on, because GoNB sends a
// message for every write of a program.
type outputs struct {
	request *request
	name    string // stdout or stderr
	text    strings.Builder
	flushes chan chan struct{} // a value makes gather send what is collected, and close it
}

const (
	gatherTime  = 40 * time.Millisecond
	gatherBytes = 64 << 10
	stderrKept  = 16 << 10 // the end of stderr, in which the reason of a failure is searched, in bytes
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
	const name = "netdiffus" // the same for both: GoNB sends requests for input to the identity that sent the cell
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
	// GoNB may answer before the subscription is in effect, so ask until outputs arrive.
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
			return // GoNB has ended, which the keeper reports, or the proxy is being closed
		}
		m, err := p.gonbKey.Parse(frames)
		if err != nil {
			p.o.Log.Warn("a message of GoNB was dropped", "err", err)
			continue
		}
		f(m)
	}
}

// lookup returns the request that m belongs to, or nil.
func (p *Proxy) lookup(m *wire.Message) *request {
	id := m.ParentID()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known[id]
}

// onReply handles GoNB's reply to a request.
func (p *Proxy) onReply(m *wire.Message) {
	if r := p.lookup(m); r != nil && m.Header.Type == replyType(r.Header.Type) {
		select {
		case r.reply <- m:
		default: // a second one
		}
	}
}

// beforeInput is how long a request for input is held back: GoNB sends it before it is
// ready for the answer, and drops an answer that comes at once.
const beforeInput = 300 * time.Millisecond

// onInputRequest asks the client that ran the cell for input.
func (p *Proxy) onInputRequest(m *wire.Message) {
	r := p.lookup(m)
	if r == nil || m.Header.Type != "input_request" {
		return
	}
	sent := make(chan struct{})
	select {
	case p.out.flushes <- sent: // the prompt must arrive before the request
		<-sent
	case <-time.After(time.Second):
	}
	if !r.execute.AllowStdin {
		p.publish(r.Message, "stream", stream{"stderr", "the cell asks for input, which this client does not support\n"})
		p.Interrupt()
		return
	}
	time.Sleep(beforeInput)
	// All sockets of a client have the same identity.
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
		return // of an old request, or of Connect
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
		return // execute sends these itself
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

// publishWith passes on a message unchanged, with its buffers.
func (p *Proxy) publishWith(r *request, m *wire.Message) {
	out := p.session.New(m.Header.Type, r.Message, m.Content)
	out.Metadata, out.Buffers = m.Metadata, m.Buffers
	p.emit(out)
}

// stream collects text of a stream.
func (p *Proxy) stream(r *request, s stream) {
	if r.held != "" { // something follows it, so the cell wrote it
		text := r.held
		r.held = ""
		p.append(r, stream{"stderr", text})
	}
	if s.Name == "stderr" {
		if exit.MatchString(s.Text) {
			r.held = s.Text // written by GoNB, if the cell fails and nothing follows
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

// flush sends the collected text.
func (p *Proxy) flush() {
	if p.out.text.Len() == 0 {
		return
	}
	text := overwrite(p.out.text.String())
	p.out.text.Reset()
	p.publish(p.out.request.Message, "stream", stream{p.out.name, text})
}

// overwrite removes text that a carriage return lets later text of the same line
// cover, as progress bars do. It keeps the text before the first carriage return of a
// line, which may continue a line that was sent before.
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

// clearOutput is the MIME type by which a cell clears its outputs, for which GoNB has
// no message. The data is "now", or "wait" to wait for the next output.
const clearOutput = "application/vnd.netdiffus.clear-output"

// display corrects GoNB's messages that show something. GoNB remembers display ids
// until it ends, so a cell that runs again would only update outputs that no longer
// exist; display turns the first update of a request into a new output. And HTML
// that contains only an SVG, which untrusted notebooks drop, becomes SVG as well.
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

// onlySVG returns the SVG if data holds only HTML and the HTML only an SVG.
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
