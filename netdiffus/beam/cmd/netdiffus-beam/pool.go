package main

import (
	"context"
	"fmt"
	"os"

	"github.com/apache/beam/sdks/v2/go/container/pool"
	"github.com/spf13/cobra"
)

func poolCommand() *cobra.Command {
	var port int
	c := &cobra.Command{
		Use:   "pool",
		Short: "Start workers, as processes, for the runners that ask for them",
		Long: `Pool waits for runners that ask for workers (--environment_type EXTERNAL) and starts
each as a process of this program, so that one that dies takes nothing with it. It
runs beside each of the engine's own workers, on the machine or in the pod. It
listens on all addresses and does whatever it is asked: keep it behind a firewall.`,
		Example: "  netdiffus-beam pool --port 50000",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			self, err := os.Executable()
			if err != nil {
				return err
			}
			workers, err := pool.New(c.Context(), port, self)
			if err != nil {
				return err
			}
			defer context.AfterFunc(c.Context(), func() { workers.Stop(context.Background()) })()
			fmt.Fprintf(c.ErrOrStderr(), "waiting for runners on port %d\n", port)
			return workers.ServeAndWait()
		},
	}
	c.Flags().IntVar(&port, "port", 50000, "`port` to listen on")
	return c
}
