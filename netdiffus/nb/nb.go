// Package nb shows pictures, tables, text and live charts in a notebook.
//
// It works with the kernel "NetDiffus (Go)" and with GoNB. Outside a notebook, the
// functions that show something do nothing, so that a cell's code runs unchanged in a
// test or a program. [Check] and [Must] fail there as well.
//
// Outputs are PNG, plain HTML tables, Markdown and text, and never scripts. They look
// the same when the notebook is converted to HTML, or opened by someone who does not
// trust it. Every picture and table also has a text form, for readers who cannot see
// it and for diffs.
//
// A cell that cannot show its result has failed. The functions therefore return no
// error, but end the cell with a message, as Must does.
package nb

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// Here reports whether the program is a cell of a notebook.
func Here() bool { return gonbui.IsNotebook }

// patience is how long the kernel may take to acknowledge an output.
const patience = 30 * time.Second

// bundle is one output in several forms; the program that displays the notebook
// chooses the best one that it supports.
type bundle struct {
	data     map[protocol.MIMEType]any
	metadata map[string]any
	id       string // of the output that this one replaces; "" for a new output
}

var (
	sending sync.Mutex
	silent  error // set once the kernel has not answered, to fail at once from then on
)

// show sends b to the notebook and waits until the kernel has received it, so that it
// is not lost when the cell ends, and text printed next appears below it.
func show(b bundle) error {
	if !Here() {
		return nil
	}
	sending.Lock()
	defer sending.Unlock()
	if silent != nil {
		return silent
	}
	drain(os.Stdout) // text printed before appears above
	done := make(chan struct{})
	go func() {
		defer close(done)
		gonbui.SendData(&protocol.DisplayData{Data: b.data, Metadata: b.metadata, DisplayID: b.id})
		gonbui.Sync()
	}()
	select {
	case <-done:
	case <-time.After(patience): // gonbui would wait for ever if the kernel has ended
		silent = errors.New("nb: the kernel does not answer; restart it")
		return silent
	}
	if err := gonbui.Error(); err != nil {
		return fmt.Errorf("nb: sending an output to the kernel: %w", err)
	}
	return nil
}

// mustShow calls show and ends the cell on an error.
func mustShow(b bundle) { Must(show(b)) }
