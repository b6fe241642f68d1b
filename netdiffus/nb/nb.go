// Package nb shows things in a notebook: pictures, tables, text, a chart that
// grows while its cell runs.
//
// It speaks to the "NetDiffus (Go)" kernel and to GoNB. Outside of a notebook
// every function that shows something does nothing, so that a cell's code runs
// as it is in a test or a program; [Check] and [Must] fail there as well.
//
// What is shown is PNG, tables of plain HTML, Markdown and text, never a script:
// it looks the same when the notebook is converted to HTML, or opened by someone
// who does not trust it. Every picture and table carries its content in words,
// too, for readers who cannot see it and for diffs.
//
// A cell that cannot show its result has failed. So these functions return no
// error; they end the cell with a message, as Must does.
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

// Here tells whether the program is a notebook's cell.
func Here() bool { return gonbui.IsNotebook }

// patience is how long the kernel may take to acknowledge what it was sent.
const patience = 30 * time.Second

// bundle is one thing to show, in several forms of which the reader's program
// takes the best that it knows.
type bundle struct {
	data     map[protocol.MIMEType]any
	metadata map[string]any
	id       string // shows it in the place of what was shown under this id before; "" for a new place
}

var (
	sending sync.Mutex
	silent  error // set once the kernel has not answered: waiting again would only take longer
)

// show sends b to the notebook and waits until the kernel has it, so that
// nothing is lost at the cell's end and what the cell prints next stands below.
func show(b bundle) error {
	if !Here() {
		return nil
	}
	sending.Lock()
	defer sending.Unlock()
	if silent != nil {
		return silent
	}
	drain(os.Stdout) // what was printed before stands above
	done := make(chan struct{})
	go func() {
		defer close(done)
		gonbui.SendData(&protocol.DisplayData{Data: b.data, Metadata: b.metadata, DisplayID: b.id})
		gonbui.Sync()
	}()
	select {
	case <-done:
	case <-time.After(patience): // gonbui waits for ever where the kernel is gone
		silent = errors.New("nb: the kernel does not answer; restart it")
		return silent
	}
	if err := gonbui.Error(); err != nil {
		return fmt.Errorf("nb: talking to the kernel: %w", err)
	}
	return nil
}

// mustShow is show for the functions that end the cell on an error.
func mustShow(b bundle) { Must(show(b)) }
