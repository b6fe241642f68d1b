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
	titles   bool
	role     string
	dir      string
}

// scenarios are those that the options ask for.
func (o options) scenarios() []scenario {
	if o.titles {
		return titleScenarios()
	}
	return scenarios
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("capture", flag.ContinueOnError)
	flags.StringVar(&o.out, "out", "data", "folder for loopback.parquet, dns.pcap and http1.pcap, or titles.parquet")
	flags.IntVar(&o.sessions, "sessions", 250, "sessions a class; a session is one flow, now and then two")
	flags.Uint64Var(&o.seed, "seed", 1, "of sizes, pauses and choices")
	flags.IntVar(&o.workers, "workers", 24, "sessions at a time")
	flags.DurationVar(&o.limit, "limit", 5*time.Minute, "give up after this")
	flags.BoolVar(&o.titles, "titles", false, "stream videos over links with delay, jitter and loss instead, into titles.parquet")
	flags.StringVar(&o.role, "role", "", "for the program itself: client, server or link child")
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
	case "link":
		err = linkRole(ctx, o)
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
	steps := []step{{client, "cable " + itoa(server.cmd.Process.Pid)}, {server, "serve"}, {client, "run"}}
	if o.titles {
		link, err := startChild(ctx, "link", args)
		if err != nil {
			return err
		}
		defer link.end()
		steps = []step{
			{link, "cables " + itoa(client.cmd.Process.Pid) + " " + itoa(server.cmd.Process.Pid)},
			{client, "plug"}, {server, "serve"}, {client, "run"},
		}
	}
	for _, s := range steps {
		if err := s.child.do(ctx, s.say); err != nil {
			return err
		}
	}
	raw := filepath.Join(dir, rawFile)
	if !o.titles {
		return writeFiles(raw, o.out, os.Stdout)
	}
	if err := splitByPort(raw, dir, classNames(titleScenarios())); err != nil {
		return err
	}
	return writeTitles(dir, filepath.Join(o.out, "titles.parquet"), os.Stdout)
}

// step is something that a child does.
type step struct {
	child *child
	say   string
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
