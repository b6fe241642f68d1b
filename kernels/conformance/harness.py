"""What the cases of the kernel's conformance share: a kernel, and ways to talk to it."""

import contextlib
import json
import os
import queue
import signal
import time

from jupyter_client.manager import KernelManager

KERNEL = os.environ.get("CASE_KERNEL", "netdiffus")
# How much slower than a quiet machine this one may be.
SLOW = float(os.environ.get("CASE_SLOW", "6"))


class Kernel:
    """A kernel that runs, with a client."""

    def __init__(self, transport="tcp", env=None, name=KERNEL, **kw):
        self.km = KernelManager(kernel_name=name, transport=transport)
        if env is not None:
            kw["env"] = env
        begun = time.time()
        self.km.start_kernel(**kw)
        self.kc = self.client()
        self.started = time.time() - begun
        self.replies = {}

    def client(self):
        kc = self.km.client()
        kc.start_channels()
        kc.wait_for_ready(timeout=10 * SLOW)
        return kc

    @property
    def pid(self):
        return self.km.provisioner.process.pid

    def run(self, code, timeout=10 * SLOW, kc=None, **kw):
        """Run a cell: its reply and the outputs, each a pair of type and content."""
        kc = kc or self.kc
        outputs = []
        keep = lambda m: outputs.append((m["msg_type"], m["content"]))
        reply = kc.execute_interactive(code, timeout=timeout, output_hook=keep, **kw)
        outputs = [o for o in outputs if o[0] not in ("status", "execute_input", "iopub_welcome")]
        return reply["content"], outputs

    def reply(self, msg_id, timeout=10 * SLOW, channel="shell"):
        """The reply to a request; others are kept."""
        get = self.kc.get_shell_msg if channel == "shell" else self.kc.get_control_msg
        deadline = time.time() + timeout
        while msg_id not in self.replies:
            m = get(timeout=max(0.01, deadline - time.time()))
            self.replies[m["parent_header"].get("msg_id")] = m["content"]
        return self.replies.pop(msg_id)

    def outputs(self, msg_id, timeout=10 * SLOW):
        """The outputs of a request until it is idle."""
        outputs, deadline = [], time.time() + timeout
        while True:
            m = self.kc.get_iopub_msg(timeout=max(0.01, deadline - time.time()))
            if m["parent_header"].get("msg_id") != msg_id:
                continue
            if m["msg_type"] == "status" and m["content"]["execution_state"] == "idle":
                return outputs
            if m["msg_type"] not in ("status", "execute_input"):
                outputs.append((m["msg_type"], m["content"]))

    def ask(self, kind, content, channel="shell", timeout=10 * SLOW):
        """Send any request and return the reply's content."""
        msg = self.kc.session.msg(kind, content)
        (self.kc.shell_channel if channel == "shell" else self.kc.control_channel).send(msg)
        return self.reply(msg["header"]["msg_id"], timeout, channel)

    def stop(self, now=True):
        with contextlib.suppress(Exception):
            self.kc.stop_channels()
        with contextlib.suppress(Exception):
            self.km.shutdown_kernel(now=now)


@contextlib.contextmanager
def kernel(**kw):
    k = Kernel(**kw)
    try:
        yield k
    finally:
        k.stop()


def text(outputs, name="stdout"):
    return "".join(c["text"] for t, c in outputs if t == "stream" and c["name"] == name)


def ok(reply):
    assert reply["status"] == "ok", reply
    return reply


def go(*statements, imports=()):
    """A cell of statements."""
    head = "".join(f'import "{i}"\n' for i in imports)
    return head + "%%\n" + "\n".join(statements)


def marked(mark):
    """The processes whose environment holds mark."""
    found = []
    for pid in os.listdir("/proc"):
        if not pid.isdigit() or int(pid) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/environ", "rb") as f:
                if mark.encode() not in f.read().split(b"\0"):
                    continue
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                found.append((int(pid), f.read().replace(b"\0", b" ").decode()[:120]))
    return found


def left(tmp, mark):
    """What a kernel has left: its processes, and what lies in its TMPDIR."""
    return marked(mark) + sorted(os.listdir(tmp))


def none_within(seconds, rest, pause=0.1):
    """Wait until rest() is empty or false, and return what it is at the end."""
    begun = time.time()
    while (found := rest()) and time.time() - begun < seconds:
        time.sleep(pause)
    return found


def gone_within(seconds, tmp, mark):
    """Wait until nothing is left."""
    rest = none_within(seconds, lambda: left(tmp, mark))
    assert not rest, f"after {seconds} s there are left: {rest}"


def ended_within(seconds, k):
    """Wait until Jupyter sees that its kernel has ended: the system frees a process's memory,
    by which it has gone for marked, a moment before its parent can wait for it."""
    assert not none_within(seconds, k.km.is_alive), f"after {seconds} s the kernel still runs"


def wait_for(path, seconds=10 * SLOW):
    assert not none_within(seconds, lambda: not os.path.exists(path), pause=0.02), f"{path} has not appeared"


def kill_marked(mark):
    for pid, _ in marked(mark):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


__all__ = [n for n in dir() if not n.startswith("_")]
