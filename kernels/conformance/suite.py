"""One case of jupyter_kernel_test: CASE_KERNEL=netdiffus python suite.py test_NAME"""

import os
import sys
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
    code_execute_result = [{"code": c, "result": ""} for c in ("!echo 1", "!echo 2", "!echo 1+1", "!echo 1+1", "!echo 1+1")]


if __name__ == "__main__":
    name = sys.argv[1]
    case = History(name) if name == "test_history" else Suite(name)
    type(case).setUpClass()
    try:
        result = unittest.TestResult()
        case.run(result)
    finally:
        type(case).tearDownClass()
    for _, detail in result.errors + result.failures:
        print(detail)
    for _, why in result.skipped:
        print("skipped:", why)
    sys.exit(0 if result.wasSuccessful() and not result.skipped else 1)
