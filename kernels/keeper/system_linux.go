package keeper

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// adopt makes this process the parent of orphans among its descendants, so that
// daemons remain its descendants.
func adopt() { unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// reap waits for the program and for every orphan.
func (k *keep) reap(*os.Process) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return // no children are left
		case pid == k.pid:
			k.exited <- exitText(status)
		}
	}
}

// processes lists the machine's processes, as far as /proc shows them.
func processes(dir string) []process {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	mark := []byte(DirEnv + "=" + dir + "\x00")
	var list []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		base := "/proc/" + e.Name()
		stat, err := os.ReadFile(base + "/stat")
		if err != nil {
			continue // it has just ended
		}
		// pid (name, which may hold anything) state parent …
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) < 2 {
			continue
		}
		p := process{pid: pid, zombie: fields[0] == "Z" || fields[0] == "X"}
		p.parent, _ = strconv.Atoi(fields[1])
		p.program, _ = os.Readlink(base + "/exe")
		if line, err := os.ReadFile(base + "/cmdline"); err == nil {
			name, _, _ := bytes.Cut(line, []byte{0})
			p.name = string(name)
		}
		if environ, err := os.ReadFile(base + "/environ"); err == nil {
			p.marked = bytes.Contains(environ, mark)
		}
		list = append(list, p)
	}
	return list
}
