package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/netdiffus/netdiffus-go/netdiffus/runs/index"
	"github.com/netdiffus/netdiffus-go/netdiffus/serve"
)

func serveCommand() *cobra.Command {
	var port int
	c := &cobra.Command{
		Use:   "serve [FOLDER...]",
		Short: "Show runs in a browser, on this machine",
		Long: `Serve shows the runs below the folders on one page: a list to search and sort, each
run's curves while it is trained, its samples and reports, and runs side by side.
Without a folder it shows those below the current one.

The page is at 127.0.0.1, for this machine only, and the address that is printed holds
the key to it. To see it from elsewhere, use a tunnel of SSH: ssh -L 8321:127.0.0.1:8321.
It only shows; runs are trained and deleted by the other verbs. Ctrl-C ends it.`,
		Example: `  netdiffus serve
  netdiffus serve runs /data/sweeps --port 8400`,
		RunE: func(c *cobra.Command, args []string) error { return serveRuns(c, args, port) },
	}
	c.Flags().IntVar(&port, "port", 8321, "`port` on 127.0.0.1; 0 takes any that is free")
	return c
}

func serveRuns(c *cobra.Command, roots []string, port int) error {
	if len(roots) == 0 {
		roots = []string{"."}
	}
	for _, root := range roots {
		if _, err := os.Stat(root); err != nil {
			return fmt.Errorf("serve: %w", err)
		}
	}
	warn := warnTo(c.ErrOrStderr())
	o := serve.Options{Roots: roots, Warn: warn}
	if x, err := index.Open(c.Context(), ""); err != nil {
		warn(err)
	} else {
		defer x.Close()
		o.Cache = x
	}
	s, err := serve.New(o)
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(c.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("serve: %w; another --port may be free, and 0 takes any that is", err)
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return c.Context() }}
	stop := context.AfterFunc(c.Context(), func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			server.Close()
		}
	})
	defer stop()
	fmt.Fprintln(c.ErrOrStderr(), "open this address in a browser; Ctrl-C ends the program")
	fmt.Fprintln(c.OutOrStdout(), s.Address(l.Addr()))
	if err := server.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
