package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus/atomicfile"
	"github.com/netdiffus/netdiffus-go/netdiffus/bench"
	"github.com/netdiffus/netdiffus-go/netdiffus/command"
)

// benchFlags are the flags of bench.
type benchFlags struct {
	out, against, python, rows string
	options                    bench.Options
	device                     *deviceChoice
}

func benchCommand() *cobra.Command {
	var f benchFlags
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure how fast this device trains and draws",
		Long: `Measure how fast this device trains and draws: the reference's network, forward, in
training and in sampling, the presets, and a large product of matrices as the yardstick.
Nothing is needed but the program and the device; the data are made up.

With --against python a Python with PyTorch measures a network with the same layers, in
turn with ours in the same run, so that a busy machine slows down both.

The first call of each row, which compiles, is shown by itself. Rows are in the order of
their weight: a --limit ends the run between two of them.`,
		Example: `  netdiffus bench
  netdiffus bench --against python --out bench
  netdiffus bench --large --against compile --limit 8m --out bench   # on a GPU`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.execute(c) },
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.out, "out", "", "`folder` for bench.json and bench.md; empty prints the table alone")
	flags.StringVar(&f.against, "against", "", "compare with PyTorch, a `word`: python, as it is; compile, through torch.compile")
	flags.StringVar(&f.python, "python", "", "`program` of a Python that has PyTorch; empty means the first one on the PATH")
	flags.StringVar(&f.rows, "rows", "", "`names` of rows to measure, with semicolons; empty means all that suit a CPU")
	flags.BoolVar(&f.options.Large, "large", false, "also the rows that a CPU takes minutes for")
	flags.DurationVar(&f.options.Time, "time", 5*time.Second, "how long a row is repeated")
	flags.DurationVar(&f.options.Limit, "limit", 0, "begin no further row after so long; 0 means never")
	f.device = deviceFlags(flags)
	return c
}

func (f *benchFlags) execute(c *cobra.Command) error {
	w, o := c.ErrOrStderr(), f.options
	if f.against != "" && f.against != "python" && f.against != "compile" {
		return usageOf(c, fmt.Errorf("--against %q: want python or compile", f.against))
	}
	if o.Time <= 0 || o.Limit < 0 {
		return usageOf(c, fmt.Errorf("--time %v and --limit %v: want a positive time", o.Time, o.Limit))
	}
	if f.rows != "" {
		o.Rows = strings.Split(f.rows, ";")
	}
	if f.against != "" {
		peer, err := f.peer(c)
		if err != nil {
			return fmt.Errorf("%w: name one that has PyTorch with --python, or leave out --against", err)
		}
		defer peer.Close()
		fmt.Fprintf(w, "against %s\n", peer.Description)
		o.Peer = peer
	}
	b, _, err := openDevice(c.Context(), w, *f.device)
	if err != nil {
		return err
	}
	o.Report = func(r bench.Row) { fmt.Fprintln(w, benchLine(r)) }
	result, err := bench.Run(c.Context(), b, o)
	if result == nil || len(result.Rows) == 0 {
		return err
	}
	return errors.Join(err, f.write(c, result)) // what there is, where it was stopped
}

func (f *benchFlags) peer(c *cobra.Command) (*bench.Peer, error) {
	python := f.python
	if python == "" {
		var err error
		if python, err = command.FindPython(nil); err != nil {
			return nil, err
		}
	}
	return bench.NewPeer(c.Context(), python, f.against == "compile")
}

// benchLine is a row for people who wait for it.
func benchLine(r bench.Row) string {
	if r.Ours == nil {
		return fmt.Sprintf("%-40s %s", r.Name, r.Reason)
	}
	line := fmt.Sprintf("%-40s %.3g s (first %.3g s)", r.Name, r.Ours.Median, r.Ours.First)
	if x := r.Ratio(); x > 0 {
		line += fmt.Sprintf(", %.2f of PyTorch's time", x)
	}
	return line
}

func (f *benchFlags) write(c *cobra.Command, r *bench.Result) error {
	var page bytes.Buffer
	if err := r.WriteMarkdown(&page); err != nil {
		return err
	}
	if f.out == "" {
		_, err := page.WriteTo(c.OutOrStdout())
		return err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.out, 0o777); err != nil {
		return err
	}
	for name, text := range map[string][]byte{"bench.json": append(text, '\n'), "bench.md": page.Bytes()} {
		if err := atomicfile.WriteFile(filepath.Join(f.out, name), text); err != nil {
			return err
		}
	}
	fmt.Fprintln(c.OutOrStdout(), f.out)
	return nil
}
