package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// options are the command line; the children get it too.
type options struct {
	out      string
	sessions int
	seed     uint64
	workers  int
	limit    time.Duration
	role     string
	dir      string
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("capture", flag.ContinueOnError)
	flags.StringVar(&o.out, "out", "data", "folder for loopback.parquet, dns.pcap and http1.pcap")
	flags.IntVar(&o.sessions, "sessions", 250, "sessions a class; a session is one flow, now and then two")
	flags.Uint64Var(&o.seed, "seed", 1, "of sizes, pauses and choices")
	flags.IntVar(&o.workers, "workers", 24, "sessions at a time")
	flags.DurationVar(&o.limit, "limit", 5*time.Minute, "give up after this")
	flags.StringVar(&o.role, "role", "", "for the program itself: client or server child")
	flags.StringVar(&o.dir, "dir", "", "for the program itself: folder for the raw capture")
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	if err == nil && (o.sessions < 1 || o.sessions > maxSessions || o.workers < 1) {
		err = fmt.Errorf("want 1 to %d sessions and 1 worker or more", maxSessions)
	}
	return o, err
}

func main() {
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "capture:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, o.limit)
	defer cancel()
	switch o.role {
	case "":
		err = run(ctx, o, os.Args[1:])
	case "server":
		err = serverRole(ctx, o)
	case "client":
		err = clientRole(ctx, o)
	default:
		err = fmt.Errorf("unknown role %q", o.role)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "capture:", err)
		os.Exit(1)
	}
}

// run runs the children in their namespaces and turns what was captured
// into the files.
func run(ctx context.Context, o options, args []string) error {
	if err := checkMachine(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "netdiffus-capture-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	args = append(args, "-dir", dir)

	server, err := startChild(ctx, "server", args)
	if err != nil {
		return err
	}
	defer server.end()
	client, err := startChild(ctx, "client", args)
	if err != nil {
		return err
	}
	defer client.end()
	for _, step := range []struct {
		child *child
		say   string
	}{
		{client, "cable " + itoa(server.cmd.Process.Pid)},
		{server, "serve"},
		{client, "run"},
	} {
		if err := step.child.do(ctx, step.say); err != nil {
			return err
		}
	}
	return writeFiles(filepath.Join(dir, rawFile), o.out, os.Stdout)
}

// rawFile is the client's whole capture, in the temporary folder.
const rawFile = "raw.pcap"

// checkMachine names what is missing.
func checkMachine() error {
	if os.Geteuid() != 0 {
		return errors.New("making network namespaces takes root: run it under sudo")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return errors.New("there is no ip command: install iproute2")
	}
	return nil
}
