package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

// child is this program again, as client or server, in a network namespace of
// its own. It reads commands line by line, and answers "ok" or why not.
type child struct {
	role string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Scanner
}

func startChild(ctx context.Context, role string, args []string) (*child, error) {
	c := &child{role: role}
	c.cmd = exec.CommandContext(ctx, "/proc/self/exe", append(args, "-role", role)...)
	c.cmd.Stderr = os.Stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET,
		Pdeathsig:  syscall.SIGKILL, // no child outlives us, nor its namespace
	}
	in, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.in, c.out = in, bufio.NewScanner(out)
	// The death of the thread that starts a child counts as ours.
	runtime.LockOSThread()
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the %s in a network namespace (this takes CAP_SYS_ADMIN): %w", role, err)
	}
	return c, nil
}

// do has the child do something and waits until it is done.
func (c *child) do(ctx context.Context, what string) error {
	if _, err := fmt.Fprintln(c.in, what); err != nil {
		return fmt.Errorf("%s: %w", c.role, err)
	}
	if !c.out.Scan() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("the %s ended early", c.role)
	}
	if answer := c.out.Text(); answer != "ok" {
		return fmt.Errorf("%s: %s", c.role, answer)
	}
	return nil
}

func (c *child) end() {
	c.in.Close()
	c.cmd.Process.Kill()
	c.cmd.Wait()
}

// obey carries out the commands on the child's standard input, until its end.
func obey(commands map[string]func(argument string) error) error {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		name, argument, _ := strings.Cut(in.Text(), " ")
		answer := "ok"
		if do, ok := commands[name]; !ok {
			answer = "unknown command " + name
		} else if err := do(argument); err != nil {
			answer = strings.ReplaceAll(err.Error(), "\n", "; ")
		}
		fmt.Println(answer)
	}
	return in.Err()
}
