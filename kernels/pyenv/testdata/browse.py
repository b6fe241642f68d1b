"""Open a notebook in JupyterLab with a browser, run all of it and watch.

usage: browse.py URL TOKEN NOTEBOOK CHROMIUM SCREENSHOT SECONDS

Prints one line of JSON: how many code cells there are, how many ended with an
execution count, the most different pictures seen at one cell while it ran, the
pictures left at the end, and the texts of errors.
"""

import json
import sys
import time

from playwright.sync_api import sync_playwright

# What the page shows, cell by cell. Lab draws cells that are out of sight late;
# with windowing off they are all there.
LOOK = """() => [...document.querySelectorAll('.jp-Notebook .jp-CodeCell')].map(cell => ({
  prompt: cell.querySelector('.jp-InputPrompt')?.textContent ?? '',
  images: [...cell.querySelectorAll('.jp-OutputArea img')].map(i => i.src.length + ':' + i.src.slice(-400)),
  loaded: [...cell.querySelectorAll('.jp-OutputArea img')].every(i => i.complete && i.naturalWidth > 0),
  errors: [...cell.querySelectorAll('.jp-OutputArea [data-mime-type="application/vnd.jupyter.error"], .jp-OutputArea [data-mime-type="application/vnd.jupyter.stderr"]')].map(e => e.textContent),
}))"""


def main(url, token, notebook, chromium, screenshot, seconds):
    deadline = time.monotonic() + float(seconds)
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        page = browser.new_page(viewport={"width": 1440, "height": 1000}, device_scale_factor=1)
        page.set_default_timeout(float(seconds) * 1000)
        trouble = []
        page.on("pageerror", lambda e: trouble.append("page: " + str(e)))
        page.goto(f"{url}/lab/tree/{notebook}?token={token}&reset")
        page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        # The kernel is there when the status bar says so.
        page.wait_for_function("() => /\\| Idle/.test(document.querySelector('.jp-StatusBar-Widget, #jp-main-statusbar')?.textContent ?? '')")
        kernel = page.locator(".jp-KernelName").first.inner_text()
        page.click("text=Run >> nth=0")
        page.click('.lm-Menu-item[data-command="runmenu:run-all"]')
        seen, done, begun = {}, False, time.monotonic()
        while time.monotonic() < deadline and not done:
            cells = page.evaluate(LOOK)
            for i, c in enumerate(cells):
                for image in c["images"]:
                    seen.setdefault(i, set()).add(image)
            failed = any(c["errors"] for c in cells)
            running = any("*" in c["prompt"] for c in cells)
            counted = all(any(d.isdigit() for d in c["prompt"]) for c in cells)
            done = (counted or failed) and not running
            page.wait_for_timeout(60)
        took = time.monotonic() - begun
        page.wait_for_timeout(700)
        cells = page.evaluate(LOOK)
        result = {
            "kernel": kernel,
            "cells": len(cells),
            "counted": sum(any(d.isdigit() for d in c["prompt"]) for c in cells),
            "seen": max([len(s) for s in seen.values()], default=0),
            "left": sum(len(c["images"]) for c in cells),
            "loaded": all(c["loaded"] for c in cells),
            "errors": [e for c in cells for e in c["errors"]] + trouble,
            "seconds": round(took, 1),
        }
        # Show the picture that moved most, as high as its whole cell allows.
        if seen:
            best = max(seen, key=lambda i: len(seen[i]))
            cell = page.locator(".jp-Notebook .jp-CodeCell").nth(best)
            for _ in range(3):  # what lies above is drawn late and moves the rest
                cell.locator(".jp-OutputArea img").last.evaluate("i => i.scrollIntoView({block: 'end'})")
                page.wait_for_timeout(500)
            page.mouse.wheel(0, 40)
            page.wait_for_timeout(300)
        page.screenshot(path=screenshot)
        browser.close()
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
