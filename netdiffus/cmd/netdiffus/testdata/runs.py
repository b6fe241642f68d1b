"""Use the page of runs as a person does.

usage: runs.py ADDRESS CHROMIUM FOLDER

Opens it, searches, ticks two runs and compares them, looks at the samples and the report
of one, opens the run that is trained and waits until its curve grows. A line "ready" on the standard output says that it may. It
leaves pictures in FOLDER, at 1280 and 375 pixels, dark and light, and prints one line
of JSON.
"""

import json
import sys

from playwright.sync_api import sync_playwright

POINTS = "() => document.querySelector('.chart path')?.getAttribute('d').split('L').length ?? 0"
WIDTH = "() => document.documentElement.scrollWidth"


def main(address, chromium, folder):
    home = address.split("?")[0]
    seen = {"errors": [], "blocked": [], "outside": [], "wide": []}
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])

        def open_page(width, scheme):
            page = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
            page.set_default_timeout(120_000)
            page.on("pageerror", lambda e: seen["errors"].append(str(e)))
            page.on("console", lambda m: seen["blocked" if m.text.startswith("Blocked script") else "errors"].append(m.text) if m.type == "error" else None)
            page.on("request", lambda r: None if r.url.startswith((home, "data:")) else seen["outside"].append(r.url))
            page.goto(address)
            page.wait_for_selector("#rows tr")
            return page

        def picture(page, name):
            width = page.viewport_size["width"]
            if page.evaluate(WIDTH) > width:
                seen["wide"].append(f"{name} at {width}")
            scheme = "dark" if page.evaluate("() => matchMedia('(prefers-color-scheme: dark)').matches") else "light"
            page.screenshot(path=f"{folder}/{name}-{width}-{scheme}.png", full_page=True)

        page = open_page(1280, "light")
        seen["address"] = page.url
        seen["rows"] = page.locator("#rows tr").count()
        picture(page, "list")
        page.keyboard.press("/")
        page.keyboard.type("lr=0.5")
        page.wait_for_function("() => document.querySelectorAll('#rows tr').length < 4")
        seen["found"] = page.locator("#rows th a").all_inner_texts()
        page.fill("#search", "")
        page.click("th[data-by=name] button")
        seen["sorted"] = page.locator("#rows th a").all_inner_texts()
        for name in ("first", "second"):
            page.check(f"input[aria-label='compare {name}']")
        page.click("#compare")
        page.wait_for_selector("h1:has-text('2 runs compared')")
        seen["differ"] = page.locator("[aria-label='settings that differ'] tbody th").all_inner_texts()
        seen["lines"] = page.locator(".chart").first.locator("path").count()
        picture(page, "compare")

        # Its samples by step, and its report.
        page.goto(home + "#/")
        page.click("#rows a:text-is('first')")
        page.wait_for_selector(".samples img")
        page.locator(".samples").scroll_into_view_if_needed()
        page.wait_for_function("() => [...document.querySelectorAll('.samples img')].every(i => i.complete && i.naturalWidth > 0)")
        seen["grids"] = page.evaluate("() => [...document.querySelectorAll('.samples img')].map(i => i.naturalWidth > 50 ? 'drawn' : 'empty')")
        seen["captions"] = page.locator(".samples figcaption").all_inner_texts()
        seen["figures"] = [" ".join(row.split()) for row in page.locator("[aria-label='figures of the report'] tbody tr").all_inner_texts()]
        page.click("button:text-is('Show the whole report')")
        seen["report"] = page.frame_locator("iframe").locator("h1").inner_text()
        picture(page, "judged")

        page.goto(home + "#/")
        page.click("#rows a:text-is('live')")
        page.wait_for_selector(".chart path")
        seen["state"] = page.locator("main .state").first.inner_text()
        seen["before"] = page.evaluate(POINTS)
        print("ready", flush=True)
        page.wait_for_function(f"n => ({POINTS})() >= n + 3", arg=seen["before"])
        page.wait_for_function("() => document.querySelector('main .state').innerText !== 'training'")
        seen["after"] = page.evaluate(POINTS)
        seen["end"] = page.locator("main .state").first.inner_text()
        page.locator(".chart svg").first.focus()
        page.keyboard.press("ArrowRight")
        seen["read"] = page.locator(".chart .read").first.inner_text()
        picture(page, "run")

        for width, scheme in ((375, "light"), (1280, "dark"), (375, "dark")):
            page = open_page(width, scheme)
            picture(page, "list")
            page.click("#rows a:text-is('first')")
            page.wait_for_selector(".chart path")
            picture(page, "run")
            page.context.close()
        browser.close()
    print(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
