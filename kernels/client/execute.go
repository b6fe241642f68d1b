package client

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/netdiffus/netdiffus-go/kernels/wire"
)

// Result holds the outputs of a cell.
type Result struct {
	Stdout, Stderr string
	Displays       []map[string]any // the data of each display, by MIME type
}

// CellError is the error of a cell that failed.
type CellError struct {
	Name, Value string
	Traceback   []string
	Stderr      string
}

var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

func (e *CellError) Error() string {
	text := strings.TrimSpace(e.Stderr)
	if text == "" {
		text = strings.TrimSpace(strings.Join(e.Traceback, "\n"))
	}
	text = colours.ReplaceAllString(text, "")
	if text == "" {
		return fmt.Sprintf("the cell failed: %s: %s", e.Name, e.Value)
	}
	return fmt.Sprintf("the cell failed: %s: %s: %s", e.Name, e.Value, text)
}

// Execute runs a cell. If the cell fails, the error is a *CellError.
func (k *Kernel) Execute(ctx context.Context, code string) (Result, error) {
	request := k.session.New("execute_request", nil, map[string]any{
		"code": code, "silent": false, "store_history": true, "user_expressions": map[string]any{}, "allow_stdin": false, "stop_on_error": true,
	})
	if !k.shell.Send(k.key.Frames(request), 1<<20) {
		return Result{}, fmt.Errorf("client: execute: %w%s", errExited, k.stderr.after())
	}
	var (
		result        Result
		failure       *CellError
		replied, idle bool
	)
	for !replied || !idle {
		select {
		case m := <-k.replies:
			if m.ParentID() != request.Header.ID {
				continue
			}
			replied = true
			var reply struct {
				Status    string   `json:"status"`
				Name      string   `json:"ename"`
				Value     string   `json:"evalue"`
				Traceback []string `json:"traceback"`
			}
			if err := m.Decode(&reply); err != nil {
				return result, fmt.Errorf("client: %w", err)
			}
			if reply.Status != "ok" {
				failure = &CellError{Name: reply.Name, Value: reply.Value, Traceback: reply.Traceback}
			}
		case m := <-k.iopub:
			if m.ParentID() != request.Header.ID {
				continue
			}
			done, err := result.add(m)
			if err != nil {
				return result, fmt.Errorf("client: %w", err)
			}
			idle = idle || done
		case <-k.exited:
			return result, fmt.Errorf("client: execute: %w%s", errExited, k.stderr.after())
		case <-ctx.Done():
			return result, fmt.Errorf("client: execute: %w", ctx.Err())
		}
	}
	if failure != nil {
		failure.Stderr = result.Stderr
		return result, failure
	}
	return result, nil
}

// add adds a message of iopub to r, and reports whether it is the last one.
func (r *Result) add(m *wire.Message) (last bool, err error) {
	var content struct {
		State string         `json:"execution_state"`
		Name  string         `json:"name"`
		Text  string         `json:"text"`
		Data  map[string]any `json:"data"`
	}
	switch m.Header.Type {
	case "status", "stream", "display_data", "execute_result":
		if err := m.Decode(&content); err != nil {
			return false, err
		}
	}
	switch m.Header.Type {
	case "status":
		return content.State == "idle", nil
	case "stream":
		if content.Name == "stderr" {
			r.Stderr += content.Text
		} else {
			r.Stdout += content.Text
		}
	case "display_data", "execute_result":
		r.Displays = append(r.Displays, content.Data)
	}
	return false, nil
}
