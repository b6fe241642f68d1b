package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/netdiffus/netdiffus-go/kernels/standin"
)

// work takes requests from the queue, one after the other, until ctx ends.
func (p *Proxy) work(ctx context.Context) {
	for {
		r := p.next()
		if r == nil {
			select {
			case <-ctx.Done():
				return
			case <-p.queued:
			}
			continue
		}
		p.publish(r.Message, "status", status{"busy"})
		p.handle(ctx, r)
		p.mu.Lock()
		p.current = nil
		p.mu.Unlock()
		close(r.done)
		p.publish(r.Message, "status", status{"idle"})
	}
}

// next takes the oldest request and makes it the current one.
func (p *Proxy) next() *request {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		return nil
	}
	r := p.queue[0]
	p.queue = p.queue[1:]
	p.current = r
	p.known[r.Header.ID] = r
	p.order = append(p.order, r.Header.ID)
	if len(p.order) > remembered {
		if old := p.order[0]; p.known[old] != r {
			delete(p.known, old)
		}
		p.order = p.order[1:]
	}
	return r
}

func (p *Proxy) handle(ctx context.Context, r *request) {
	switch r.Header.Type {
	case "execute_request":
		p.execute(ctx, r)
	case "complete_request":
		p.complete(ctx, r)
	case "inspect_request":
		p.inspect(ctx, r)
	default:
		p.answer(p.shell, r)
	}
}

// Errors of forward.
var (
	errDead    = errors.New("GoNB, which runs cells, has ended")
	errTimeout = errors.New("GoNB did not answer in time")
)

// forward sends a request to GoNB and waits for its reply and all its outputs. A
// timeout of 0 means for ever.
func (p *Proxy) forward(ctx context.Context, r *request, content any, timeout time.Duration) (json.RawMessage, error) {
	text, err := json.Marshal(content)
	if err != nil {
		return nil, err
	}
	var late <-chan time.Time
	if timeout > 0 {
		late = time.After(timeout)
	}
	select {
	case <-p.ready:
	case <-p.dead:
		return nil, errDead
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-late:
		return nil, errTimeout
	}
	p.toGoNB(p.gonb.shell, r.Message, text)
	var reply json.RawMessage
	for idle := r.idle; idle != nil || reply == nil; {
		select {
		case m := <-r.reply:
			reply = m.Content
		case <-idle:
			idle = nil
		case <-p.dead:
			return nil, errDead
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-late:
			return nil, errTimeout
		}
	}
	return reply, nil
}

// execute runs a cell.
func (p *Proxy) execute(ctx context.Context, r *request) {
	e := r.execute
	p.mu.Lock()
	if e.StoreHistory {
		p.count++
		p.history.add(p.count, e.Code)
	}
	count := p.count
	p.mu.Unlock()
	if !e.Silent {
		p.publish(r.Message, "execute_input", map[string]any{"code": e.Code, "execution_count": count})
	}
	if err := standin.ClearFailure(p.o.Dir); err != nil {
		p.o.Log.Warn("the note of the last cell's failure cannot be removed", "err", err)
	}
	reply, err := p.forward(ctx, r, map[string]any{
		"code": standin.RewriteCell(p.o.Dir, e.Code), "silent": e.Silent, "store_history": e.StoreHistory,
		"user_expressions": struct{}{}, "allow_stdin": e.AllowStdin, "stop_on_error": e.StopOnError,
	}, 0)
	f, failed := p.verdict(r, reply, err)
	if !failed {
		if r.held != "" {
			p.publish(r.Message, "stream", stream{"stderr", r.held})
		}
		p.respond(p.shell, r.message, "execute_reply", map[string]any{
			"status": "ok", "execution_count": count, "payload": []any{}, "user_expressions": unsupported(e.UserExpressions),
		})
		return
	}
	if !e.Silent {
		p.publish(r.Message, "error", f)
	}
	var doomed []*request
	if e.StopOnError {
		doomed = p.waiting() // before the reply: what the client sends after it must run
	}
	p.respond(p.shell, r.message, "execute_reply", map[string]any{
		"status": "error", "execution_count": count, "payload": []any{}, "user_expressions": struct{}{},
		"ename": f.Name, "evalue": f.Value, "traceback": f.Traceback,
	})
	p.abort(doomed)
}

// verdict returns how the cell failed, if it did.
func (p *Proxy) verdict(r *request, reply json.RawMessage, err error) (failure, bool) {
	if err != nil {
		return plainly("KernelError", err.Error()), true
	}
	var content struct {
		Status string `json:"status"`
		failure
	}
	if err := json.Unmarshal(reply, &content); err != nil {
		return plainly("KernelError", err.Error()), true
	}
	var broken *standin.ShellFailure
	if f, failed := standin.FailedShell(p.o.Dir); failed {
		broken = &f
	}
	if content.Status == "ok" && broken == nil {
		return failure{}, false
	}
	return explain(content.failure, r.stderr, broken, r.wasInterrupted()), true
}

// unsupported answers user expressions: Go has none that outlive a cell.
func unsupported(expressions map[string]json.RawMessage) map[string]errorReply {
	answers := map[string]errorReply{}
	for name := range expressions {
		answers[name] = errorReply{"error", plainly("NotImplemented", "a cell is a program: nothing is left to evaluate")}
	}
	return answers
}

// patience is how long completion and help may take: gopls reads the whole library
// first.
const patience = 30 * time.Second

func (p *Proxy) complete(ctx context.Context, r *request) {
	var q struct {
		Code   string `json:"code"`
		Cursor int    `json:"cursor_pos"`
	}
	empty := func() {
		p.respond(p.shell, r.message, "complete_reply", map[string]any{
			"status": "ok", "matches": []string{}, "cursor_start": q.Cursor, "cursor_end": q.Cursor, "metadata": struct{}{},
		})
	}
	if err := r.Decode(&q); err != nil {
		empty()
		return
	}
	reply, err := p.forward(ctx, r, map[string]any{"code": q.Code, "cursor_pos": toUTF16(q.Code, q.Cursor)}, patience)
	var c struct {
		Status  string   `json:"status"`
		Matches []string `json:"matches"`
		Start   int      `json:"cursor_start"`
		End     int      `json:"cursor_end"`
	}
	if err != nil || json.Unmarshal(reply, &c) != nil || c.Status != "ok" {
		empty()
		return
	}
	if c.Matches == nil {
		c.Matches = []string{}
	}
	p.respond(p.shell, r.message, "complete_reply", map[string]any{
		"status": "ok", "matches": c.Matches, "metadata": struct{}{},
		"cursor_start": fromUTF16(q.Code, c.Start), "cursor_end": fromUTF16(q.Code, c.End),
	})
}

func (p *Proxy) inspect(ctx context.Context, r *request) {
	var q struct {
		Code   string `json:"code"`
		Cursor int    `json:"cursor_pos"`
		Detail int    `json:"detail_level"`
	}
	var reply json.RawMessage
	err := r.Decode(&q)
	if err == nil {
		reply, err = p.forward(ctx, r, map[string]any{"code": q.Code, "cursor_pos": toUTF16(q.Code, q.Cursor), "detail_level": q.Detail}, patience)
	}
	if err != nil {
		reply = raw(`{"status":"ok","found":false,"data":{},"metadata":{}}`)
	}
	p.respond(p.shell, r.message, "inspect_reply", reply)
}

// toUTF16 converts an offset in characters, which the protocol uses, into one in
// UTF-16 units, which GoNB uses. fromUTF16 is its inverse.
func toUTF16(text string, characters int) int {
	units := 0
	for _, c := range text {
		if characters <= 0 {
			break
		}
		characters--
		units += unitsOf(c)
	}
	return units + max(characters, 0)
}

func fromUTF16(text string, units int) int {
	characters := 0
	for _, c := range text {
		if units <= 0 {
			break
		}
		units -= unitsOf(c)
		characters++
	}
	return characters + max(units, 0)
}

func unitsOf(c rune) int {
	if c > 0xffff {
		return 2
	}
	return 1
}
