"""The cases of jupyter_kernel_test, on one kernel.

CASE_KERNEL=netdiffus python suite.py LIMIT test_NAME…
"""

import os
import signal
import sys
import time
import unittest

import jupyter_kernel_test as jkt

jkt.TIMEOUT = 60  # a busy machine; the case as a whole has a limit from outside

SHOW = '''import (
	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
)
%%
gonbui.SendData(&protocol.DisplayData{Data: map[protocol.MIMEType]any{KIND: "<svg xmlns='http://www.w3.org/2000/svg'></svg>"}})
gonbui.Sync()'''


class Suite(jkt.KernelTests):
    kernel_name = os.environ.get("CASE_KERNEL", "netdiffus")
    language_name = "go"
    file_extension = ".go"
    code_hello_world = '%%\nfmt.Println("hello, world")'
    code_stderr = '%%\nfmt.Fprintln(os.Stderr, "oops")'
    completion_samples = [{"text": 'import "fmt"\n%%\nfmt.Sprintl', "matches": {"Sprintln"}}]
    complete_code_samples = ["func f() {}", "%%\nx := 1\n_ = x", "var s = `a\nb`", "!ls", "import \"fmt\""]
    incomplete_code_samples = ["func f() {", "var s = `a", "/* a", "var x =", "!ls \\"]
    invalid_code_samples = ["func f() {]}", "import x y z", "var s = \"a"]
    code_page_something = "%help"
    code_generate_error = "%%\nundefinedFunction()"
    code_execute_result = [{"code": c, "result": "2"} for c in ("%%\n1+1", "%%\n2", "%%\n1+1")]
    code_history_pattern = "*1+1"
    supported_history_operations = ("tail", "range", "search")
    code_display_data = [
        {"code": SHOW.replace("KIND", "protocol.MIMETextHTML"), "mime": "text/html"},
        {"code": SHOW.replace("KIND", "protocol.MIMEImageSVG"), "mime": "image/svg+xml"},
        {"code": 'import "github.com/janpfeifer/gonb/gonbui"\n%%\ngonbui.DisplaySvg("<svg></svg>")\ngonbui.Sync()', "mime": "image/svg+xml"},
    ]
    code_inspect_sample = 'import "fmt"\n%%\nfmt.Println'
    code_clear_output = '''import (
	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
)
%%
gonbui.SendData(&protocol.DisplayData{Data: map[protocol.MIMEType]any{"application/vnd.netdiffus.clear-output": "now"}})
gonbui.Sync()'''


class History(Suite):
    """test_history without its outputs of cells: of cells that run."""
    code_execute_result = [{"code": c, "result": ""} for c in ("!echo 1", "!echo 2", "!echo 2+3", "!echo 2+3", "!echo 2+3")]
    code_history_pattern = "*2+3"


# The cases that gopls answers. On a busy machine, and for half a minute on one where nothing was
# built yet, it has not read all packages by the time that the kernel stops waiting for it; then
# they ask again, for this many seconds, as a person does.
PATIENCE = {"test_completion": 120, "test_inspect": 120}


def overdue(*_):
    raise TimeoutError("no answer in time")


def run(name, kernel, limit):
    """Run one case on the kernel; its failures. It is the run that is repeated and not what
    is in the case: subtests note their failures and raise nothing."""
    kind = History if name == "test_history" else Suite
    kind.km, kind.kc = kernel
    signal.signal(signal.SIGALRM, overdue)
    signal.setitimer(signal.ITIMER_REAL, limit, 2)  # again and again: subtests swallow one
    begun = time.time()
    try:
        while True:
            result = unittest.TestResult()
            kind(name).run(result)
            bad = result.errors + result.failures + result.skipped
            if not bad or time.time() - begun > PATIENCE.get(name, 0):
                return bad
            time.sleep(1)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


if __name__ == "__main__":
    # suite.py LIMIT NAME…: a line "pass NAME" or "fail NAME" for each, with its seconds
    limit = int(sys.argv[1])
    kernel = None
    for name in sys.argv[2:]:
        if kernel is None:
            kernel = jkt.start_new_kernel(kernel_name=Suite.kernel_name)
        begun = time.time()
        bad = run(name, kernel, limit)
        print("fail" if bad else "pass", name, f"{time.time() - begun:.1f}", flush=True)
        for _, detail in bad:
            print(detail)
        if bad and "in time" in str(bad):  # what it still owes would spoil the next case
            kernel[1].stop_channels()
            kernel[0].shutdown_kernel(now=True)
            kernel = None
    if kernel:
        kernel[1].stop_channels()
        kernel[0].shutdown_kernel(now=True)
