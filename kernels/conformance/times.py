"""How long cells take on this kernel and on plain GoNB with the best recipe known for it.

python times.py ROUNDS LIBRARY: medians of wall-clock seconds, and of the seconds of
processor time that GoNB's children took, taken in turns.
"""

import statistics
import sys

from harness import *

LIBRARY = "github.com/netdiffus/netdiffus-go"
HEAD = f'''import (
	"fmt"
	"{LIBRARY}/netdiffus/train"
	"gonum.org/v1/plot"
)
%%
'''
TICK = os.sysconf("SC_CLK_TCK")


def setup(folder):
    """What a notebook on plain GoNB begins with, so as to import the library as it is pinned."""
    return (f"!*cp {folder}/go.mod {folder}/go.sum . && go mod edit -module=nb -require={LIBRARY}@v0.0.0 -replace={LIBRARY}={folder}\n"
            "%noautoget")


def gonb(k):
    """The process of GoNB."""
    if "plain" in k.km.kernel_name:
        return k.pid
    keeper = [int(p) for p in os.listdir("/proc") if p.isdigit() and parent(p) == k.pid][0]
    return [int(p) for p in os.listdir("/proc") if p.isdigit() and parent(p) == keeper][0]


def stat(pid):
    with open(f"/proc/{pid}/stat") as f:
        return f.read().rsplit(")", 1)[1].split()


def parent(pid):
    try:
        return int(stat(pid)[1])
    except OSError:
        return 0


def cell(k, code):
    """Seconds of wall clock and of processor that a cell takes."""
    pid = gonb(k)
    spent = lambda: sum(int(x) for x in stat(pid)[13:15]) / TICK
    cpu, begun = spent(), time.time()
    ok(k.run(code)[0])
    return time.time() - begun, spent() - cpu


def measure(name, folder, rows):
    begun = time.time()
    with kernel(name=name) as k:
        rows.setdefault("start to ready", []).append((time.time() - begun, 0))
        prepare = (0, 0)
        if name.startswith("plain"):
            prepare = cell(k, setup(folder))
            rows.setdefault("set-up cell", []).append(prepare)
        first = cell(k, HEAD + f'fmt.Println("{time.time()}", train.Run != nil, plot.New() != nil)')
        rows.setdefault("first cell, with the set-up it needs", []).append((first[0] + prepare[0], first[1] + prepare[1]))
        for _ in range(3):
            rows.setdefault("edited cell that links GoMLX", []).append(
                cell(k, HEAD + f'fmt.Println("{time.time()}", train.Run != nil, plot.New() != nil)'))
        for _ in range(2):
            rows.setdefault("edited cell of the standard library", []).append(cell(k, f'%%\nfmt.Println("{time.time()}")'))
        rows.setdefault("shell line", []).append(cell(k, "!true"))
        k.stop(now=False)  # or plain GoNB leaves gopls


if __name__ == "__main__":
    rounds, folder = int(sys.argv[1]), os.path.abspath(sys.argv[2])
    kinds = {"plain-gopls": {}, "netdiffus-gopls": {}}
    for _ in range(rounds):
        for name, rows in kinds.items():
            measure(name, folder, rows)
    print("load", os.getloadavg())
    for name, rows in kinds.items():
        for what, pairs in rows.items():
            wall, cpu = (statistics.median(x) for x in zip(*pairs))
            print(f"{name:16} {what:40} {wall:6.2f} s {cpu:6.2f} s cpu   n={len(pairs)}")
