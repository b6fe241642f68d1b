package proxy

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/netdiffus/netdiffus-go/kernels/wire"
	"github.com/netdiffus/netdiffus-go/kernels/zmtp"
)

// onShell handles a message on shell. Requests are queued; messages of comms go to the
// running cell at once.
func (p *Proxy) onShell(m message) {
	switch m.Header.Type {
	case "comm_open", "comm_msg", "comm_close":
		p.trackComm(m.Message)
		if p.isReady() {
			p.toGoNB(p.gonb.shell, m.Message, m.Content)
		}
		return
	case "shutdown_request":
		p.shutdown(p.shell, m)
		return
	}
	r, err := newRequest(m)
	if err != nil {
		p.o.Log.Warn("a request was refused", "err", err)
		p.respond(p.shell, m, replyType(m.Header.Type), errorReply{"error", plainly("BadRequest", err.Error())})
		return
	}
	p.mu.Lock()
	p.queue = append(p.queue, r)
	p.mu.Unlock()
	select {
	case p.queued <- struct{}{}:
	default:
	}
}

// errorReply is the content of the reply to a request that failed.
type errorReply struct {
	Status string `json:"status"`
	failure
}

// onControl handles a message on control, which does not wait for cells.
func (p *Proxy) onControl(m message) {
	switch m.Header.Type {
	case "shutdown_request":
		p.shutdown(p.control, m)
	case "interrupt_request":
		p.publish(m.Message, "status", status{"busy"})
		p.Interrupt()
		p.respond(p.control, m, "interrupt_reply", raw(`{"status":"ok"}`))
		p.publish(m.Message, "status", status{"idle"})
	default:
		if r, err := newRequest(m); err == nil {
			p.publish(m.Message, "status", status{"busy"})
			p.answer(p.control, r)
			p.publish(m.Message, "status", status{"idle"})
		}
	}
}

// onStdin handles the input that a user typed for a cell.
func (p *Proxy) onStdin(m message) {
	var reply struct {
		Value string `json:"value"`
	}
	if m.Header.Type != "input_reply" || m.Decode(&reply) != nil || !p.isReady() {
		return
	}
	content, err := json.Marshal(reply)
	if err != nil {
		return
	}
	p.toGoNB(p.gonb.stdin, m.Message, content)
}

// shutdown answers a request to shut down and makes Serve return.
func (p *Proxy) shutdown(by *zmtp.RouterSocket, m message) {
	var request struct {
		Restart bool `json:"restart"`
	}
	if err := m.Decode(&request); err != nil {
		p.o.Log.Warn("a shutdown request cannot be read", "err", err)
	}
	p.publish(m.Message, "status", status{"busy"})
	content := map[string]any{"status": "ok", "restart": request.Restart}
	p.respond(by, m, "shutdown_reply", content)
	p.publish(m.Message, "shutdown_reply", content)
	p.publish(m.Message, "status", status{"idle"})
	p.stopOnce.Do(func() { close(p.stopped) })
}

// Interrupt interrupts the running cell and aborts those that wait.
func (p *Proxy) Interrupt() {
	p.mu.Lock()
	r := p.current
	p.mu.Unlock()
	if r == nil || r.Header.Type != "execute_request" {
		return
	}
	r.interrupt()
	p.abort(p.waiting())
	go p.interruptUntilDone(r)
}

// interruptInterval is the time between two interrupts of a cell. An interrupt has no
// effect while GoNB is between two programs, and GoNB passes only one to a program.
const interruptInterval = time.Second

// interruptUntilDone interrupts until the request ends. GoNB kills a cell's program
// after 5 s; processes that the program started may keep the cell running for longer,
// so they are killed after that.
func (p *Proxy) interruptUntilDone(r *request) {
	for i := 0; ; i++ {
		if i < 6 {
			p.o.Interrupt(i > 0)
		} else {
			p.o.Kill()
		}
		select {
		case <-r.done:
			return
		case <-p.dead:
			return
		case <-time.After(interruptInterval):
		}
	}
}

// waiting removes the waiting cells from the queue and returns them.
func (p *Proxy) waiting() (cells []*request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var kept []*request
	for _, r := range p.queue {
		if r.Header.Type == "execute_request" {
			cells = append(cells, r)
		} else {
			kept = append(kept, r)
		}
	}
	p.queue = kept
	return cells
}

// abort answers cells without running them.
func (p *Proxy) abort(cells []*request) {
	for _, r := range cells {
		p.publish(r.Message, "status", status{"busy"})
		p.respond(p.shell, r.message, "execute_reply", raw(`{"status":"aborted"}`))
		p.publish(r.Message, "status", status{"idle"})
		close(r.done)
	}
}

// trackComm keeps the list of open comms.
func (p *Proxy) trackComm(m *wire.Message) {
	var comm struct {
		ID     string `json:"comm_id"`
		Target string `json:"target_name"`
	}
	if m.Decode(&comm) != nil || comm.ID == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch m.Header.Type {
	case "comm_open":
		p.comms[comm.ID] = comm.Target
	case "comm_close":
		delete(p.comms, comm.ID)
	}
}

func (p *Proxy) isReady() bool {
	select {
	case <-p.ready:
		return true
	default:
		return false
	}
}

// toGoNB passes a client's message on to GoNB, with content as its content.
func (p *Proxy) toGoNB(by *zmtp.Conn, m *wire.Message, content json.RawMessage) {
	header := m.Header
	header.Version = wire.Protocol
	text, err := json.Marshal(header) // without fields that GoNB may reject
	if err != nil {
		return
	}
	by.Send(p.gonbKey.Frames(&wire.Message{
		RawHeader: text, Parent: raw("{}"), Metadata: raw("{}"), Content: content, Buffers: m.Buffers,
	}), 1<<30)
}

// answer answers the requests that do not need GoNB. Unknown requests get an error, so
// that no client waits for ever.
func (p *Proxy) answer(by *zmtp.RouterSocket, r *request) {
	reply := func(content any) { p.respond(by, r.message, replyType(r.Header.Type), content) }
	refuse := func(err error) { reply(errorReply{"error", plainly("BadRequest", err.Error())}) }
	switch r.Header.Type {
	case "kernel_info_request":
		reply(p.info())
	case "is_complete_request":
		var q struct {
			Code string `json:"code"`
		}
		if err := r.Decode(&q); err != nil {
			refuse(err)
			return
		}
		reply(isComplete(q.Code))
	case "history_request":
		var q historyRequest
		if err := r.Decode(&q); err != nil {
			refuse(err)
			return
		}
		p.mu.Lock()
		found := p.history.find(q)
		p.mu.Unlock()
		reply(map[string]any{"status": "ok", "history": found})
	case "comm_info_request":
		reply(map[string]any{"status": "ok", "comms": p.openComms(r.Message)})
	case "connect_request":
		c := p.o.Client
		reply(map[string]int{"shell_port": c.Shell, "iopub_port": c.IOPub, "stdin_port": c.Stdin, "hb_port": c.Heartbeat, "control_port": c.Control})
	default:
		if strings.HasSuffix(r.Header.Type, "_request") {
			reply(errorReply{"error", plainly("NotImplemented", "this kernel does not implement "+r.Header.Type)})
			return
		}
		p.o.Log.Warn("a message of an unknown type", "type", r.Header.Type)
	}
}

func (p *Proxy) info() kernelInfo {
	return kernelInfo{
		Status: "ok", Protocol: wire.Protocol, Implementation: "netdiffus", Version: p.o.Version, Language: language,
		Banner:            "NetDiffus (Go) " + p.o.Version + ", on GoNB. Each cell is a program: declarations stay from cell to cell, values of variables do not.",
		SupportedFeatures: []string{},
		HelpLinks: []helpLink{
			{"NetDiffus in Go", "https://github.com/netdiffus/netdiffus-go"},
			{"GoNB", "https://github.com/janpfeifer/gonb"},
			{"Go", "https://go.dev/doc/"},
		},
	}
}

func (p *Proxy) openComms(m *wire.Message) map[string]map[string]string {
	var q struct {
		Target *string `json:"target_name"`
	}
	m.Decode(&q) // without a target, all
	p.mu.Lock()
	defer p.mu.Unlock()
	list := map[string]map[string]string{}
	for id, target := range p.comms {
		if q.Target == nil || *q.Target == target {
			list[id] = map[string]string{"target_name": target}
		}
	}
	return list
}
