"""Cases of the protocol and of a kernel's life, one a function.

Run one: CASE_KERNEL=netdiffus python cases.py NAME
"""

import socket
import struct
import subprocess
import sys
import tempfile
import threading

from harness import *

LIBRARY = "github.com/netdiffus/netdiffus-go/netdiffus"


# What cells import, and how fast they are.

def first_cell_imports():
    """The library, gonum/plot and gonbui in the very first cell, without a network."""
    with kernel() as k:
        begun = time.time()
        reply, out = k.run(f'''import (
	"fmt"
	"{LIBRARY}/imaging"
	"gonum.org/v1/plot"
	"github.com/janpfeifer/gonb/gonbui"
)
%%
fmt.Println(imaging.GASF{{}}, plot.New() != nil, gonbui.IsNotebook)''')
        ok(reply)
        assert text(out).strip() == "{} true true", out
        print(f"first cell after {time.time() - begun:.2f} s")


def gomlx_cell_runs_xla_or_go():
    """A cell that links GoMLX builds and computes."""
    with kernel() as k:
        reply, out = k.run(f'''import (
	"context"
	"fmt"
	"{LIBRARY}/backend"
)
%%
b, err := backend.Open(context.Background(), "go")
fmt.Println(b != nil, err)''')
        ok(reply)
        assert text(out).strip() == "true <nil>", out


def missing_import_is_named():
    with kernel() as k:
        begun = time.time()
        reply, _ = k.run('import "example.org/none"\n%%\nnone.X()')
        assert reply["status"] == "error" and "example.org/none" in reply["evalue"], reply
        assert time.time() - begun < 3 * SLOW
        ok(k.run(go('fmt.Println("on")'))[0])


def imports_are_added():
    """goimports works as in GoNB."""
    with kernel() as k:
        reply, out = k.run('%%\nfmt.Println(strings.ToUpper("a"))')
        ok(reply)
        assert text(out) == "A\n", out


def declarations_last():
    with kernel() as k:
        ok(k.run("func Twice(x int) int { return 2 * x }")[0])
        assert text(k.run(go("fmt.Println(Twice(21))"))[1]) == "42\n"


# What GoNB does not answer.

def is_complete():
    want = {
        "": "complete", "x := 1": "invalid", "%%\nx := 1\n_ = x": "complete", "func f() {": "incomplete",
        "func f() {}": "complete", "func f() { /*": "incomplete", "var s = `a": "incomplete", "var a = []int{1,": "incomplete",
        "func f() {]}": "invalid", '%%\nfmt.Println("a': "invalid", "!ls": "complete", "!ls \\": "incomplete",
        "%%bash\nls": "incomplete", "%%bash\nls\n": "complete", 'import "fmt"': "complete", "var x =": "incomplete",
        "type T struct {\n\ta int\n}": "complete", "%%\nif true {\n}": "complete", "%%\nfor {": "incomplete",
    }
    with kernel() as k:
        for code, status in want.items():
            got = k.ask("is_complete_request", {"code": code})
            assert got["status"] == status, (code, got, status)


def history():
    with kernel() as k:
        codes = ["!echo 1", "!echo 2", "!true", "!echo 2"]
        for c in codes:
            ok(k.run(c)[0])
        k.run("!echo silent", silent=True)
        k.run("!echo unstored", store_history=False)
        ask = lambda **kw: k.ask("history_request", {"raw": True, "output": False, **kw})["history"]
        assert [h[2] for h in ask(hist_access_type="tail", n=2)] == codes[-2:]
        assert ask(hist_access_type="range", session=0, start=2, stop=4) == [[1, 2, "!echo 2"], [1, 3, "!true"]]
        assert len(ask(hist_access_type="search", pattern="*echo*")) == 3
        assert len(ask(hist_access_type="search", pattern="*echo 2", unique=True)) == 1
        assert ask(hist_access_type="tail", n=1, output=True)[0][2] == ["!echo 2", None]


def comm_info():
    with kernel() as k:
        assert k.ask("comm_info_request", {})["comms"] == {}
        msg = k.kc.session.msg("comm_open", {"comm_id": "c1", "target_name": "t", "data": {}})
        k.kc.shell_channel.send(msg)
        time.sleep(0.2)
        assert k.ask("comm_info_request", {"target_name": "t"})["comms"] == {"c1": {"target_name": "t"}}
        assert k.ask("comm_info_request", {"target_name": "other"})["comms"] == {}


def unknown_request_is_refused():
    with kernel() as k:
        assert k.ask("debug_request", {"command": "x"}, channel="control")["status"] == "error"
        assert k.ask("no_such_request", {})["status"] == "error"


def kernel_info():
    with kernel() as k:
        info = k.ask("kernel_info_request", {}, channel="control")
        assert info["status"] == "ok" and info["implementation"] == "netdiffus", info
        assert info["language_info"]["name"] == "go" and info["language_info"]["pygments_lexer"] == "go", info
        assert info["implementation_version"] not in ("", "0.1.0") and info["banner"] and info["debugger"] is False, info


def kernel_info_while_busy():
    """On control a kernel answers while a cell runs."""
    with kernel() as k:
        msg = k.kc.execute("!sleep 6")
        begun = time.time()
        ok(k.ask("kernel_info_request", {}, channel="control"))
        assert time.time() - begun < 5
        ok(k.reply(msg))


# What GoNB answers wrongly.

def abort_after_error():
    with kernel() as k:
        first = k.kc.execute("!sleep 0.5; false")
        others = [k.kc.execute(go('fmt.Println("must not run")')) for _ in range(3)]
        assert k.reply(first)["status"] == "error"
        for o in others:
            assert k.reply(o)["status"] == "aborted"
            assert k.outputs(o) == []
        ok(k.run("!true")[0])


def no_abort_where_not_wanted():
    with kernel() as k:
        first = k.kc.execute("!sleep 0.3; false", stop_on_error=False)
        second = k.kc.execute("!echo ran")
        assert k.reply(first)["status"] == "error"
        ok(k.reply(second))


def silent_is_silent():
    with kernel() as k:
        for code, status in ((go('fmt.Println("x")'), "ok"), ("!echo x; false", "error")):
            msg = k.kc.execute(code, silent=True)
            assert k.reply(msg)["status"] == status
            assert k.outputs(msg) == []


def counts_go_up():
    with kernel() as k:
        assert [k.run(c)[0]["execution_count"] for c in ("!true", "!false", "!true")] == [1, 2, 3]
        assert k.run("!true", store_history=False)[0]["execution_count"] == 3


def failing_shell_line():
    with kernel() as k:
        for code in ("!false", "!exit 4", "!no-such-program", "%%bash\nexit 4", "%%sh\nfalse", "%%script python3\nimport sys; sys.exit(3)"):
            reply, out = k.run(code)
            assert reply["status"] == "error" and reply["ename"] == "ShellError", (code, reply)
            assert [t for t, _ in out if t == "error"] == ["error"], (code, out)
        reply, out = k.run('!echo one\n!false\n!echo two\n' + go('fmt.Println("three")'))
        assert reply["status"] == "error" and text(out) == "one\n", (reply, out)
        for code in ("!false || true", "!echo a | cat", "%%bash\ntrue", '!bash -c "exit 3" || echo 3', "!*pwd", "!go version"):
            ok(k.run(code)[0])


def errors_say_what():
    with kernel() as k:
        want = {
            "%%\nundefined1(3)": ("CompileError", "Cell[1]: Line 2: undefined: undefined1"),
            '%%\npanic("boom")': ("Panic", "boom"),
            "%%\nvar m map[int]int\nm[1] = 2": ("Panic", "assignment to entry in nil map"),
            '%%\nlog.Fatal("no way")': ("ExitError", "no way"),
            "%%\nos.Exit(3)": ("ExitError", "exit status 3"),
            "func {": ("CompileError", ""),
            "%cd /no/such/folder": ("CommandError", "/no/such/folder"),
        }
        for code, (name, value) in want.items():
            reply, out = k.run(code)
            assert reply["status"] == "error" and reply["ename"] == name and value in reply["evalue"], (code, reply)
            errors = [c for t, c in out if t == "error"]
            assert len(errors) == 1 and errors[0]["evalue"] == reply["evalue"] and errors[0]["traceback"], (code, out)
            assert "exit status" not in text(out, "stderr"), (code, out)
        # GoNB finds the lines of cells in each write of the Go runtime, which a busy
        # machine may hand it in halves.
        replies = [k.run("func inner() {\n\tpanic(1)\n}\n%%\ninner()")[0] for _ in range(4)]
        assert any("Line 2" in t for r in replies for t in r["traceback"]), replies
        ok(k.run(go('fmt.Println("well")'))[0])


PLOT = '''import (
	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
)
%%
for _, text := range []string{"a", "b", "c"} {
	gonbui.SendData(&protocol.DisplayData{Data: map[protocol.MIMEType]any{"text/plain": text}, DisplayID: "plot"})
}
gonbui.Sync()'''


def plot_shows_again():
    """A live plot with a fixed id: shown, then updated; and the same when the cell runs again."""
    with kernel() as k:
        for _ in range(2):
            reply, out = k.run(PLOT)
            ok(reply)
            assert [t for t, _ in out] == ["display_data", "update_display_data", "update_display_data"], out
            assert [c["data"]["text/plain"] for _, c in out] == ["a", "b", "c"], out


def plot_shows_again_in_nbclient():
    import nbformat
    from nbclient import NotebookClient

    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(PLOT) for _ in range(2)])
    NotebookClient(nb, kernel_name=KERNEL, timeout=60).execute()
    for cell in nb.cells:
        assert [o.output_type for o in cell.outputs] == ["display_data"], cell.outputs
        assert cell.outputs[0].data["text/plain"] == "c", cell.outputs


def nbclient_stops_with_the_error():
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell('%%\npanic("boom")'), nbformat.v4.new_code_cell("!echo two")])
    try:
        NotebookClient(nb, kernel_name=KERNEL, timeout=60).execute()
        raise AssertionError("no error")
    except CellExecutionError as e:
        assert e.ename == "Panic" and e.evalue == "boom", e
    assert nb.cells[1].outputs == []


def svg_is_svg():
    with kernel() as k:
        reply, out = k.run('''import "github.com/janpfeifer/gonb/gonbui"
%%
gonbui.DisplaySvg(`<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>`)
gonbui.Sync()''')
        ok(reply)
        assert out[0][1]["data"]["image/svg+xml"].startswith("<svg"), out


def progress_does_not_flood():
    with kernel() as k:
        reply, out = k.run(go('for i := range 2000 {', '\tfmt.Printf("\\rstep %d/2000", i+1)', "}", "fmt.Println()"))
        ok(reply)
        assert len(out) < 100 and text(out).endswith("step 2000/2000\n"), (len(out), text(out)[-80:])
        assert len(text(out)) < 20000, len(text(out))


def stdin_round_trip():
    with kernel() as k:
        msg = k.kc.execute('''import "github.com/janpfeifer/gonb/gonbui"
%%
gonbui.RequestInput("name? ", false)
r := bufio.NewReader(os.Stdin)
line, err := r.ReadString('\\n')
fmt.Printf("hello %q %v\\n", line, err)''', allow_stdin=True)
        m = k.kc.get_stdin_msg(timeout=10 * SLOW)
        assert m["msg_type"] == "input_request" and m["content"]["prompt"] == "name? ", m
        k.kc.input("Zoë")
        ok(k.reply(msg))
        assert text(k.outputs(msg)) == 'hello "Zoë\\n" <nil>\n'


def stdin_refused():
    """A cell that asks a client without input fails, it does not hang."""
    with kernel() as k:
        reply, out = k.run('''import "github.com/janpfeifer/gonb/gonbui"
%%
gonbui.RequestInput("name? ", false)
bufio.NewReader(os.Stdin).ReadString('\\n')''', allow_stdin=False)
        assert reply["status"] == "error" and "asks for input" in text(out, "stderr"), (reply, out)


def unicode():
    with kernel() as k:
        reply, out = k.run(go('größe := "π 😀 漢字"', "fmt.Println(größe, len([]rune(größe)))"))
        ok(reply)
        assert text(out) == "π 😀 漢字 6\n", out
        reply, out = k.run("!printf '%s' 'ä😀' | wc -m")
        ok(reply)


def completion():
    """gopls completes, with offsets in characters."""
    with kernel(name=KERNEL + "-gopls") as k:
        code = 'import "fmt"\n// 😀😀\n%%\nfmt.Printl'
        begun = time.time()
        while True:  # gopls starts
            got = k.ask("complete_request", {"code": code, "cursor_pos": len(code)}, timeout=40)
            if got["matches"] or time.time() - begun > 10 * SLOW:
                break
            time.sleep(0.5)
        assert any("Println" in m for m in got["matches"]), got
        assert got["cursor_end"] == len(code), (got, len(code))
        got = k.ask("inspect_request", {"code": code + "n", "cursor_pos": len(code), "detail_level": 0}, timeout=40)
        assert got["found"] and "Println" in json.dumps(got["data"]), got


# Interrupts.

def interrupt_sleep():
    with kernel() as k:
        for code in ("!sleep 77", "!sleep 77 | cat", "%%bash\nsleep 77\n", go("time.Sleep(77 * time.Second)"),
                     go('exec.Command("sleep", "77").Run()')):
            msg = k.kc.execute(code)
            later = k.kc.execute("!echo later")
            time.sleep(1 + SLOW / 6)
            begun = time.time()
            k.km.interrupt_kernel()
            reply = k.reply(msg)
            assert reply["status"] == "error" and reply["ename"] == "Interrupted", (code, reply)
            assert time.time() - begun < 2 * SLOW, (code, time.time() - begun)
            assert k.reply(later)["status"] == "aborted"
        ok(k.run("!echo on")[0])


def interrupt_reaches_what_a_program_left():
    """A program that has ended leaves one that holds the cell's output."""
    with kernel() as k:
        msg = k.kc.execute(go('c := exec.Command("sleep", "77")', "c.Stdout = os.Stdout", "fmt.Println(c.Start())"))
        while k.kc.get_iopub_msg(timeout=10 * SLOW)["msg_type"] != "stream":
            pass
        begun = time.time()
        k.km.interrupt_kernel()
        k.reply(msg)
        assert time.time() - begun < 4 * SLOW, time.time() - begun
        ok(k.run("!echo on")[0])


def interrupt_message():
    with kernel() as k:
        msg = k.kc.execute("!sleep 77")
        time.sleep(1)
        begun = time.time()
        assert k.ask("interrupt_request", {}, channel="control")["status"] == "ok"
        assert k.reply(msg)["ename"] == "Interrupted"
        assert time.time() - begun < 2 * SLOW


def interrupt_is_handled_by_the_cell():
    """A cell that saves when it is interrupted, as training does, ends well."""
    with kernel() as k:
        msg = k.kc.execute(go(
            "ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)", "defer stop()",
            'fmt.Println("begun")', "<-ctx.Done()", "time.Sleep(2500 * time.Millisecond)", 'fmt.Println("saved")'))
        while not any(t == "stream" for t, _ in [(m["msg_type"], 0) for m in [k.kc.get_iopub_msg(timeout=10 * SLOW)]]):
            pass
        k.km.interrupt_kernel()
        ok(k.reply(msg))
        assert text(k.outputs(msg)) == "saved\n"


def interrupt_endless_prints():
    with kernel() as k:
        msg = k.kc.execute(go("for i := 0; ; i++ {", '\tfmt.Println("line", i)', "}"))
        deadline = time.time() + 2
        seen = 0
        while time.time() < deadline:
            with contextlib.suppress(queue.Empty):
                m = k.kc.get_iopub_msg(timeout=1)
                seen += len(m["content"].get("text", ""))
        assert seen > 100_000, seen
        begun = time.time()
        k.km.interrupt_kernel()
        k.outputs(msg)
        assert k.reply(msg)["ename"] == "Interrupted"
        assert time.time() - begun < 5 * SLOW, time.time() - begun
        ok(k.run("!echo on")[0])


def interrupt_compilation():
    with kernel() as k:
        msg = k.kc.execute(go("fmt.Println(train.Run != nil)", imports=["fmt", LIBRARY + "/train"]))
        time.sleep(0.35)
        k.km.interrupt_kernel()
        reply = k.reply(msg)
        # Either it was caught compiling, or the program had just begun or ended.
        assert reply["status"] == "ok" or reply["ename"] == "Interrupted", reply
        ok(k.run("!echo on")[0])


def interrupt_idle():
    with kernel() as k:
        k.km.interrupt_kernel()
        time.sleep(0.3)
        ok(k.run(go('fmt.Println("alive")'))[0])
        assert k.km.is_alive()


# Hostile and clumsy peers.

def bad_frames():
    """Garbage, wrong signatures and short messages on every channel do not end the kernel."""
    import zmq

    with kernel() as k:
        info = k.km.get_connection_info()
        ctx = zmq.Context.instance()
        for port in ("shell_port", "control_port", "stdin_port", "iopub_port", "hb_port"):
            for junk in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\xff" + b"\0" * 8 + b"\x7f\x03", os.urandom(300),
                         b"\xff" + b"\0" * 8 + b"\x7f\x03\x00NULL" + b"\0" * 48 + b"\x02" + struct.pack(">Q", 2**62)):
                with socket.create_connection((info["ip"], info[port])) as s, contextlib.suppress(OSError):
                    s.sendall(junk)
        header = json.dumps({"msg_id": "1", "msg_type": "execute_request", "session": "s", "username": "u", "version": "5.3", "date": ""}).encode()
        code = b'{"code":"!touch /tmp/must-not","silent":false}'
        for port in ("shell_port", "control_port", "stdin_port"):
            s = ctx.socket(zmq.DEALER)
            s.linger = 0
            s.connect(f"tcp://{info['ip']}:{info[port]}")
            for frames in ([b"x"], [b"<IDS|MSG>"], [b"<IDS|MSG>", b"sig"], [b"a"] * 300,
                           [b"<IDS|MSG>", b"00" * 32, header, b"{}", b"{}", code],
                           [b"<IDS|MSG>", b"zz", header, b"{}", b"{}", code],
                           [b"<IDS|MSG>", b"", header, b"{}", b"{}", code]):
                s.send_multipart(frames)
            time.sleep(0.2)
            s.close()
        # Well signed, but wrong inside.
        for kind, content in (("execute_request", {}), ("execute_request", {"code": 3}), ("complete_request", {}),
                              ("inspect_request", {"code": None}), ("history_request", {"n": "x"}), ("is_complete_request", {"code": []})):
            k.kc.shell_channel.send(k.kc.session.msg(kind, content))
        time.sleep(0.5)
        reply, out = k.run("!echo alive")
        ok(reply)
        assert text(out) == "alive\n" and k.km.is_alive()
        assert not os.path.exists("/tmp/must-not")


def two_clients():
    """One client goes, another comes; each gets the replies to its own requests."""
    with kernel() as k:
        other = k.client()
        a, b = k.kc.execute("!echo a"), other.execute("!echo b")
        ok(k.reply(a))
        assert other.get_shell_msg(timeout=10 * SLOW)["parent_header"]["msg_id"] == b
        gone = other.execute("!sleep 1; echo late")
        other.stop_channels()
        ok(k.run("!echo still")[0])
        third = k.client()
        ok(k.run("!echo third", kc=third)[0])
        third.stop_channels()


def two_kernels():
    with kernel() as a, kernel() as b:
        ok(a.run("func F() string { return \"a\" }")[0])
        assert b.run(go("fmt.Println(F())"))[0]["status"] == "error"
        assert text(a.run(go("fmt.Println(F())"))[1]) == "a\n"


def fifty_megabytes():
    """All of 50 MB arrives, in order."""
    with kernel() as k:
        msg = k.kc.execute(go('w := bufio.NewWriterSize(os.Stdout, 1<<16)', "for i := range 500_000 {", '\tfmt.Fprintf(w, "%0100d\\n", i)', "}", "w.Flush()"))
        got = text(k.outputs(msg, timeout=30 * SLOW))
        ok(k.reply(msg))
        assert len(got) == 500_000 * 101, len(got)
        assert got.endswith(f"{499_999:0100d}\n")


def many_cells_in_order():
    with kernel() as k:
        msgs = [k.kc.execute(f"!echo {i}") for i in range(30)]
        for i, m in enumerate(msgs):
            assert ok(k.reply(m))["execution_count"] == i + 1


def ipc_transport():
    with tempfile.TemporaryDirectory() as d:
        with kernel(transport="ipc", env={**os.environ, "JUPYTER_RUNTIME_DIR": d}) as k:
            assert text(k.run(go('fmt.Println("ipc")'))[1]) == "ipc\n"


def heartbeat():
    import zmq

    with kernel() as k:
        s = zmq.Context.instance().socket(zmq.REQ)
        s.linger = 0
        info = k.km.get_connection_info()
        s.connect(f"tcp://{info['ip']}:{info['hb_port']}")
        for i in range(3):
            s.send(b"ping%d" % i)
            assert s.poll(5000) and s.recv() == b"ping%d" % i
        s.close()


def welcome():
    """A subscriber is told that it is one (JEP 65)."""
    k = Kernel()
    try:
        kc = k.km.client()
        kc.start_channels()
        m = kc.get_iopub_msg(timeout=10 * SLOW)
        assert m["msg_type"] == "iopub_welcome" and m["content"] == {"subscription": ""}, m
        kc.stop_channels()
    finally:
        k.stop()


def read_only_home():
    """Home and caches cannot be written: cells run all the same."""
    with tempfile.TemporaryDirectory() as d:
        env = {**os.environ, "HOME": "/proc/nowhere", "XDG_CACHE_HOME": "/proc/nowhere", "GOCACHE": "/proc/nowhere/go-build",
               "JUPYTER_RUNTIME_DIR": d, "GOMODCACHE": os.environ["CASE_GOMODCACHE"]}
        with kernel(env=env) as k:
            reply, out = k.run(go('println("ok")'), timeout=30 * SLOW)
            ok(reply)


# The end.

@contextlib.contextmanager
def private():
    """A TMPDIR of its own and a mark in the environment, to see what is left."""
    tmp = tempfile.mkdtemp(prefix="nd", dir="/tmp")
    mark = f"CASE_MARK={tmp}"
    try:
        yield tmp, mark, {**os.environ, "TMPDIR": tmp, "CASE_MARK": tmp}
    finally:
        kill_marked(mark)
        subprocess.run(["rm", "-rf", tmp], check=False)


# How long the daemons of this case sleep, by which they are found.
NAP = os.environ.setdefault("CASE_NAP", f"1234.{os.getpid()}")

# A cell that leaves a daemon without an environment, and then works on.
DAEMON = f"!setsid env -i sleep {NAP} >/dev/null 2>&1 </dev/null & \n" + go(
    'os.WriteFile(os.Getenv("CASE_MARK")+"/running", nil, 0o600)', "time.Sleep(1000 * time.Second)")


def daemons():
    """The daemons of this case."""
    found = []
    for pid in os.listdir("/proc"):
        if pid.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as f:
                if f.read() == f"sleep\0{NAP}\0".encode():
                    found.append(int(pid))
    return set(found)


def daemons_ended(before):
    rest = none_within(10, lambda: daemons() - before)
    for pid in rest:
        os.kill(pid, signal.SIGKILL)
    assert not rest, f"daemons are left: {rest}"


def ended(tmp, mark, before):
    os.path.exists(f"{tmp}/running") and os.remove(f"{tmp}/running")
    daemons_ended(before)
    gone_within(10, tmp, mark)


def shutdown_leaves_nothing():
    with private() as (tmp, mark, env):
        for now in (False, True):
            before = daemons()
            k = Kernel(env=env, name=KERNEL + "-gopls")
            k.kc.execute(DAEMON)
            wait_for(f"{tmp}/running")
            begun = time.time()
            k.stop(now=now)
            assert time.time() - begun < 10
            ended(tmp, mark, before)


def killed_kernel_leaves_nothing():
    with private() as (tmp, mark, env):
        before = daemons()
        k = Kernel(env=env, name=KERNEL + "-gopls")
        k.kc.execute(DAEMON)
        wait_for(f"{tmp}/running")
        os.kill(k.pid, signal.SIGKILL)
        ended(tmp, mark, before)
        k.stop()


def killed_client_leaves_nothing():
    with private() as (tmp, mark, env):
        before = daemons()
        client = subprocess.Popen([sys.executable, "-c", f'''
import sys
sys.path.insert(0, {os.path.dirname(os.path.abspath(__file__))!r})
import cases
k = cases.Kernel(name={KERNEL + "-gopls"!r})
k.kc.execute(cases.DAEMON)
import time
time.sleep(1000)'''], env=env)
        wait_for(f"{tmp}/running", 30 * SLOW)
        client.kill()
        client.wait()
        ended(tmp, mark, before)


def killed_gonb_ends_the_kernel():
    """A cell that ran is told, and Jupyter can start the kernel again."""
    with private() as (tmp, mark, env):
        k = Kernel(env=env)
        msg = k.kc.execute("!touch $CASE_MARK/running; sleep 1000")
        wait_for(f"{tmp}/running")
        os.remove(f"{tmp}/running")
        gonb = [p for p, line in marked(mark) if "/gonb -kernel" in line and "netdiffus-keeper" not in line]
        assert len(gonb) == 1, marked(mark)
        os.kill(gonb[0], signal.SIGKILL)
        reply = k.reply(msg)
        assert reply["ename"] == "KernelError", reply
        gone_within(10, tmp, mark)
        ended_within(10, k)
        k.stop()


def daemon_does_not_outlive():
    """A cell that leaves a daemon ends, and the daemon ends with the kernel."""
    before = daemons()
    with kernel() as k:
        ok(k.run(f"!(setsid sleep {NAP} >/dev/null 2>&1 </dev/null &)")[0])
        ok(k.run("!true")[0])
        assert len(daemons() - before) == 1
        k.stop(now=False)
        daemons_ended(before)


def restarts():
    """A restart, and a storm of them: the ports are free each time, nothing is left."""
    with private() as (tmp, mark, env):
        k = Kernel(env=env)
        ok(k.run("func F() {}")[0])
        for i in range(4):
            k.km.restart_kernel(now=i % 2 == 1)
            if i < 3:
                continue
            k.kc.stop_channels()
            k.kc = k.client()
            reply, _ = k.run(go("F()"))
            assert reply["status"] == "error", "declarations outlived a restart"
            assert ok(k.run("!true")[0])["execution_count"] == 2
        k.stop(now=False)
        gone_within(10, tmp, mark)


CASES = [n for n, f in list(globals().items()) if callable(f) and getattr(f, "__module__", "") == "__main__"
         and n not in ("private", "daemons", "daemons_ended", "ended")]

if __name__ == "__main__":
    if sys.argv[1] == "--list":
        print("\n".join(CASES))
    else:
        globals()[sys.argv[1]]()
