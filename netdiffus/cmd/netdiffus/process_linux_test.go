package main

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

const hostVariable = "NETDIFFUS_TEST_HOST"

// nameHost lets the process of c see another host's name: in a namespace of its own.
func nameHost(c *exec.Cmd, name string) {
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUTS}
	c.Env = append(c.Env, hostVariable+"="+name)
}

// canHideHost reports whether nameHost works here: it is root's.
func canHideHost() bool {
	c := exec.Command("true")
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUTS}
	return c.Run() == nil
}

// hostileHost gives the host the name that nameHost asked for.
func hostileHost() error {
	name := os.Getenv(hostVariable)
	if name == "" {
		return nil
	}
	os.Unsetenv(hostVariable) // the trials of a sweep inherit the namespace
	return unix.Sethostname([]byte(name))
}
