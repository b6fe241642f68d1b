package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// serverRole runs all servers.
func serverRole(ctx context.Context, o options) error {
	return obey(map[string]func(string) error{
		"serve": func(string) error {
			if err := plugIn(ctx, serverIP, serverMAC); err != nil {
				return err
			}
			certificates, err := makeCertificates(newDice(o.seed, "certificates", 0))
			if err != nil {
				return err
			}
			for _, s := range o.scenarios() {
				where := &site{scenario: s, seed: o.seed, tls: &tls.Config{Certificates: certificates}}
				if err := s.serve(where); err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
			}
			return nil
		},
	})
}

// clientRole lays the cable and runs the sessions while it captures.
func clientRole(ctx context.Context, o options) error {
	return obey(map[string]func(string) error{
		"cable": func(pid string) error {
			if err := layCable(ctx, pid); err != nil {
				return err
			}
			return plugIn(ctx, clientIP, clientMAC)
		},
		"plug": func(string) error { return plugIn(ctx, clientIP, clientMAC) },
		"run": func(string) error {
			s, err := startSniffer(cable)
			if err != nil {
				return err
			}
			err = runSessions(ctx, o, serverIP)
			return errors.Join(err, s.finish(filepath.Join(o.dir, rawFile)))
		},
	})
}

const (
	firstPort   = 10_000
	maxSessions = 5000 // of a class: the ports must do
)

// runSessions runs the sessions of all classes, mixed, some at a time.
func runSessions(ctx context.Context, o options, host string) error {
	var todo []*client
	var ports atomic.Int32
	ports.Store(firstPort)
	for _, s := range o.scenarios() {
		shared := tls.NewLRUClientSessionCache(64)
		for i := range o.sessions {
			todo = append(todo, &client{
				scenario: s, dice: newDice(o.seed, s.name, i), host: host, number: i,
				ports: &ports, resumed: shared,
			})
		}
	}
	newDice(o.seed, "order", 0).Shuffle(len(todo), func(i, j int) { todo[i], todo[j] = todo[j], todo[i] })
	queue := make(chan *client)
	var wg sync.WaitGroup
	var done, failed atomic.Int64
	for range o.workers {
		wg.Go(func() {
			for c := range queue {
				ctx, cancel := context.WithTimeout(ctx, sessionLimit)
				if err := c.session(ctx, c); err != nil {
					failed.Add(1)
					fmt.Fprintf(os.Stderr, "%s session %d: %v\n", c.name, c.number, err)
				}
				cancel()
				if n := done.Add(1); n%250 == 0 {
					fmt.Fprintf(os.Stderr, "%d of %d sessions\n", n, len(todo))
				}
			}
		})
	}
	for _, c := range todo {
		if ctx.Err() != nil {
			break
		}
		queue <- c
	}
	close(queue)
	wg.Wait()
	time.Sleep(100 * time.Millisecond)
	if n := failed.Load(); n > int64(len(todo)/50) {
		return fmt.Errorf("%d of %d sessions failed", n, len(todo))
	}
	return context.Cause(ctx)
}
