"""Interrupt a cell and run it again, for TestInterrupt.

usage: interrupt.py NOTEBOOK FOLDER KERNEL SIGN

Runs the notebook's code cells but the last. Runs the last one, and interrupts it
a second after the file SIGN is there and has grown; then once more the same. For
each of the two runs, prints a line of JSON: the seconds from the interrupt to the
cell's end, the status, what the cell printed and how many pictures it left.
"""

import asyncio
import json
import os
import sys
import time

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError


async def interrupted(client, cell, index, sign):
    before = os.path.getsize(sign) if os.path.exists(sign) else 0
    cell.outputs = []
    task = asyncio.ensure_future(client.async_execute_cell(cell, index, execution_count=index + 1))
    while not task.done() and not (os.path.exists(sign) and os.path.getsize(sign) > before):
        await asyncio.sleep(0.05)
    await asyncio.sleep(1)
    if task.done():
        print(json.dumps({"error": "the cell ended before it was interrupted", "printed": str(cell.outputs)[:2000]}))
        task.exception()
        return
    begun = time.monotonic()
    await client.km.interrupt_kernel()
    status = "ok"
    try:
        await task
    except CellExecutionError:
        status = "error"
    seconds = time.monotonic() - begun
    printed = "".join(o.text for o in cell.outputs if o.output_type == "stream")
    pictures = sum("image/png" in o.get("data", {}) for o in cell.outputs)
    print(json.dumps({"seconds": seconds, "status": status, "printed": printed, "pictures": pictures}), flush=True)


async def main(notebook, folder, kernel, sign):
    nb = nbformat.read(notebook, as_version=4)
    client = NotebookClient(nb, kernel_name=kernel, resources={"metadata": {"path": folder}}, timeout=300)
    async with client.async_setup_kernel():
        code = [i for i, c in enumerate(nb.cells) if c.cell_type == "code"]
        for i in code[:-1]:
            await client.async_execute_cell(nb.cells[i], i)
        for _ in range(2):
            await interrupted(client, nb.cells[code[-1]], code[-1], sign)


asyncio.run(main(*sys.argv[1:]))
