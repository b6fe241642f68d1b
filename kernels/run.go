// Package kernels is the Jupyter kernel "NetDiffus (Go)": this program runs GoNB and
// stands between GoNB and Jupyter, to correct and complete what GoNB does.
// docs/kernel.md explains how.
package kernels

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/netdiffus/netdiffus-go/kernels/keeper"
	"github.com/netdiffus/netdiffus-go/kernels/proxy"
	"github.com/netdiffus/netdiffus-go/kernels/standin"
	"github.com/netdiffus/netdiffus-go/kernels/wire"
)

// Options are those of Run.
type Options struct {
	// ConnectionFile is the JSON file in which a Jupyter client writes the addresses
	// at which the kernel must listen and the key that signs messages.
	ConnectionFile string
	// Tools is the folder of the executables gonb, goimports and gopls. gopls may be
	// missing; cells then have no completion.
	Tools string
	// Module is the folder of the library's go.mod. If it is empty, Version is the
	// version of the library in the module cache.
	Module, Version string
	// Go is the go command; empty means the one that command.FindGo finds.
	Go string
	// GoProxy is the GOPROXY of cells; empty means "off".
	GoProxy string
	// Program is the version of this program, for clients.
	Program string
	// Stderr gets the log, and what GoNB prints, from several goroutines; nil means
	// os.Stderr.
	Stderr io.Writer
}

// gonbPatience is how long GoNB may take to answer after its start.
const gonbPatience = time.Minute

// Run serves a kernel until the client shuts it down or ends, GoNB ends, or ctx
// ends. SIGINT interrupts the cell that runs. When Run returns, every process that
// the kernel started has ended, and its temporary files are gone.
//
// Run starts this program again under other names, so main must call Helper first.
func Run(ctx context.Context, o Options) error {
	if o.Stderr == nil {
		o.Stderr = os.Stderr
	}
	log := slog.New(slog.NewTextHandler(o.Stderr, nil))
	// First of all: from here on neither an interrupt nor a closed log ends the kernel.
	interrupts := make(chan os.Signal, 8)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go watchClient(ctx, cancel)

	client, err := wire.ReadConnection(o.ConnectionFile)
	if err != nil {
		return fmt.Errorf("kernel: %w", err)
	}
	// The keeper cleans up whatever happens from here on, so it starts before
	// anything else that lasts.
	child, err := keeper.Start(o.Stderr)
	if err != nil {
		return fmt.Errorf("kernel: %w", err)
	}
	defer child.Stop()
	dir := child.Dir()
	go keeper.Sweep(dir)
	env, err := o.equip(ctx, dir)
	if err != nil {
		return fmt.Errorf("kernel: %w", err)
	}
	gonb := wire.Connection{
		Transport: "ipc", IP: filepath.Join(dir, "run", "gonb"), Shell: 1, IOPub: 2, Stdin: 3, Control: 4, Heartbeat: 5,
		SignatureScheme: "hmac-sha256", Key: rand.Text(),
	}
	// GoNB reads the kernel's id from the file's name.
	file := filepath.Join(dir, "run", filepath.Base(o.ConnectionFile))
	if err := gonb.Write(file); err != nil {
		return fmt.Errorf("kernel: %w", err)
	}

	p, err := proxy.New(proxy.Options{
		Client: client, GoNB: gonb, Dir: dir, Version: o.Program, Log: log,
		Interrupt: child.Interrupt, Kill: child.Kill,
	})
	if err != nil {
		return fmt.Errorf("kernel: %w", err)
	}
	err = child.Run([]string{
		filepath.Join(o.Tools, "gonb"), "-kernel", file, "-raw_error",
		"-logtostderr=false", "-stderrthreshold=FATAL", "-log_dir=" + filepath.Join(dir, "run"),
	}, env)
	if err != nil {
		return errors.Join(fmt.Errorf("kernel: %w", err), p.Close())
	}
	err = serve(ctx, p, child, interrupts, log)
	if cause := context.Cause(ctx); errors.Is(cause, errClientGone) {
		log.Info("the kernel ends", "reason", cause)
		os.Remove(o.ConnectionFile) // the client cannot remove it any more
		err = nil
	}
	return err
}

// serve serves clients until the kernel ends, and cleans up.
func serve(ctx context.Context, p *proxy.Proxy, child *keeper.Child, interrupts <-chan os.Signal, log *slog.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	connected := make(chan struct{})
	go func() {
		defer close(connected)
		ctx, cancel := context.WithTimeout(ctx, gonbPatience)
		defer cancel()
		if err := p.Connect(ctx); err != nil && ctx.Err() == context.DeadlineExceeded {
			log.Error("GoNB does not answer", "err", err)
			p.Dead()
		}
	}()
	go func() {
		for {
			select {
			case <-interrupts:
				p.Interrupt()
			case <-child.Done():
				p.Dead()
				return
			}
		}
	}()
	err := p.Serve(ctx)
	cancel()
	<-connected
	stopped := make(chan struct{})
	go func() {
		child.Stop()
		close(stopped)
	}()
	if closeErr := p.Close(); closeErr != nil {
		log.Warn("closing", "err", closeErr)
	}
	<-stopped
	if how := child.How(); how != "" && err != nil {
		err = fmt.Errorf("kernel: GoNB ended: %s", how)
	}
	if errors.Is(err, context.Canceled) {
		err = nil // ctx ended, which is not a failure
	}
	return err
}

// equip fills the kernel's private directory and returns the environment of GoNB.
func (o Options) equip(ctx context.Context, dir string) ([]string, error) {
	if o.Tools == "" {
		return nil, errors.New("the folder of gonb and goimports is not given; install the kernel with 'netdiffus kernel install'")
	}
	for _, name := range []string{"gonb", "goimports"} {
		if _, err := exec.LookPath(filepath.Join(o.Tools, name)); err != nil {
			return nil, fmt.Errorf("%w; 'netdiffus kernel install' builds it", err)
		}
	}
	setup, err := standin.FindGo(ctx, o.Go, standin.Library{Folder: o.Module, Version: o.Version})
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	names := []string{"go", standin.ShellName}
	if gopls, err := exec.LookPath(filepath.Join(o.Tools, "gopls")); err == nil {
		setup.Gopls = gopls
		names = append(names, "gopls")
	}
	for _, name := range names {
		if err := os.Symlink(self, filepath.Join(dir, "bin", name)); err != nil {
			return nil, err
		}
	}
	goVariables, err := setup.Environment(o.GoProxy, dir)
	if err != nil {
		return nil, err
	}
	shellVariables, err := standin.ShellEnvironment(dir, goVariables)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "bin") + string(os.PathListSeparator) + o.Tools + string(os.PathListSeparator) + os.Getenv("PATH")
	env := append(os.Environ(), "PATH="+path, "TMPDIR="+filepath.Join(dir, "tmp"))
	return append(append(env, goVariables...), shellVariables...), nil
}

// Helper reports whether args[0] is one of the names under which a kernel starts
// this program. If so, it does what that name stands for, and the program must exit
// with code.
func Helper(args []string) (code int, ok bool) {
	if len(args) == 0 {
		return 0, false
	}
	switch name := filepath.Base(args[0]); {
	case name == keeper.Name:
		return keeper.Main(), true
	case os.Getenv(keeper.DirEnv) == "":
		return 0, false
	case name == standin.ShellName:
		return standin.RunShell(args), true
	case name == "go":
		return standin.RunGo(args), true
	case name == "gopls":
		return standin.RunGopls(args), true
	}
	return 0, false
}
