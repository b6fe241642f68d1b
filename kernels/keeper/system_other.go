//go:build unix && !linux

package keeper

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// adopt does nothing on this system, where orphans become children of the first
// process. A daemon is found only if its environment can be read.
func adopt() {}

func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// reap waits for the program.
func (k *keep) reap(p *os.Process) {
	state, err := p.Wait()
	if err != nil {
		k.exited <- err.Error()
		return
	}
	k.exited <- exitText(state.Sys().(syscall.WaitStatus))
}

// processes lists the machine's processes, with their environment, as far as ps shows
// them.
func processes(dir string) []process {
	out, err := exec.Command("ps", "-axwwEo", "pid=,ppid=,stat=,command=").Output()
	if err != nil {
		out, err = exec.Command("ps", "-axwweo", "pid=,ppid=,stat=,command=").Output()
	}
	if err != nil {
		return nil
	}
	var list []process
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		pid, err := strconv.Atoi(f[0])
		if err != nil {
			continue
		}
		parent, _ := strconv.Atoi(f[1])
		list = append(list, process{
			pid: pid, parent: parent, zombie: strings.HasPrefix(f[2], "Z"), program: f[3], name: f[3],
			marked: strings.Contains(line+" ", DirEnv+"="+dir+" "),
		})
	}
	return list
}
