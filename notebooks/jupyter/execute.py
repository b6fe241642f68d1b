"""Execute a notebook on a fresh kernel, for package jupyter.

usage: execute.py NOTEBOOK FOLDER KERNEL CELL_SECONDS RESULT CELL_FAILED

The notebook runs in FOLDER and is written with its outputs to RESULT, also if a
cell fails. The standard output has one line of JSON for each code cell when it
begins and when it ends, and one at the end, {"stopped": why, "backend": device}.
why is "" if every cell ran, and CELL_FAILED if a cell failed; device is the one
that the kernelspec names.
"""

import json
import sys
import time

import nbformat
from jupyter_client.kernelspec import NoSuchKernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError


def say(**event):
    print(json.dumps(event), flush=True)


class Watched(NotebookClient):
    """A client that prints which cell it runs."""

    async def async_execute_cell(self, cell, cell_index, **kwargs):
        if cell.cell_type != "code":
            return await super().async_execute_cell(cell, cell_index, **kwargs)
        say(cell=cell_index, begins=True)
        begun = time.monotonic()
        try:
            return await super().async_execute_cell(cell, cell_index, **kwargs)
        finally:
            say(cell=cell_index, seconds=round(time.monotonic() - begun, 3))


def main(notebook, folder, kernel, seconds, result, cell_failed):
    nb = nbformat.read(notebook, as_version=4)
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = Watched(
        nb,
        kernel_name=kernel,
        resources={"metadata": {"path": folder}},
        timeout=float(seconds),
        startup_timeout=120,
        record_timing=False,
        store_widget_state=False,
    )
    stopped = ""
    try:
        client.execute()
    except CellExecutionError:
        stopped = cell_failed  # which and why is in the notebook
    except CellTimeoutError:
        stopped = "a cell took longer than %s s" % seconds
    except DeadKernelError:
        stopped = "the kernel died"
    except NoSuchKernel:
        stopped = "there is no kernel %r" % kernel
    except RuntimeError as err:  # the kernel did not start
        stopped = str(err) or repr(err)
    nbformat.write(nb, result)
    spec = client.km.kernel_spec if client.km and not stopped.startswith("there is no kernel") else None
    say(stopped=stopped, backend=(spec.env or {}).get("GOMLX_BACKEND", "") if spec else "")


if __name__ == "__main__":
    main(*sys.argv[1:])
