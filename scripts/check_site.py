#!/usr/bin/env python3
"""Checks the site of scripts/docs.sh: links, anchors, and each page in headless Chromium.

    scripts/check_site.py [SITE] [--pages TEXT] [--screenshots DIR]

Every link and image leads to a file of the site, every anchor exists. Each page is opened at 400 and 1,400 px, in light and dark
colours: it must not be wider than the window, print an error on the console, show a formula that KaTeX did not understand, or ask for
anything outside the site. The search must find something. --pages checks only pages whose path contains TEXT; --screenshots also saves images of them.
"""

import argparse
import base64
import html.parser
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse

# From one to the next, and from one page to the next, which has them in reverse, little changes: a change is most of the work.
STATES = [(400, "light"), (400, "dark"), (1400, "dark"), (1400, "light")]
TIME_LIMIT = 60  # seconds for one answer
# What is wider than the window, outside boxes that scroll.
OVERFLOW = """(() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return "";
  const scrolls = (e) => e && e.tagName !== "ARTICLE" && (getComputedStyle(e).overflowX !== "visible" || scrolls(e.parentElement));
  const wide = [...document.querySelectorAll("article *")].filter((e) =>
    e.getBoundingClientRect().right > width + 1 && !scrolls(e.parentElement));
  return document.documentElement.scrollWidth + " px: " + (wide[0] || document.body).textContent.replace(/\s+/g, " ").slice(0, 120);
})()"""
FORMULAS = """[...document.querySelectorAll(".arithmatex")].filter((e) => !e.querySelector(".katex-html")).map((e) => e.textContent).join("; ")"""

# Each page would read the index of the search anew, which is most of its time: only the last one opened does.
WITHOUT_SEARCH = """Object.defineProperty(window, "Worker", { value: class extends EventTarget { postMessage() {} }, writable: false });"""
SEARCH = """(async () => {
  const input = document.querySelector("input[data-md-component=search-query]");
  input.focus();
  input.value = "tensor";
  input.dispatchEvent(new Event("input", { bubbles: true }));
  for (let i = 0; i < 200 && !document.querySelector(".md-search-result__item"); i++) await new Promise((done) => setTimeout(done, 100));
  return document.querySelectorAll(".md-search-result__item").length;
})()"""


class Links(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.anchors |= {attributes[name] for name in ("id", "name") if attributes.get(name) and (name == "id" or tag == "a")}
        self.links += [attributes[name] for name in ("href", "src") if attributes.get(name)]


def link_faults(site, pages):
    """The links that lead nowhere, and the number of links."""
    contents = {page: Links(page.read_text(encoding="utf-8")) for page in site.rglob("*.html")}
    faults, count = [], 0
    for page in pages:
        for link in contents[page].links:
            count += 1
            parts = urllib.parse.urlsplit(link)
            if parts.scheme or parts.netloc or link.startswith("//"):
                continue  # the browser reports what is loaded; a reader may follow a link to another site
            target = page
            if parts.path:
                target = (site if parts.path.startswith("/") else page.parent) / urllib.parse.unquote(parts.path).lstrip("/")
                target = pathlib.Path(os.path.normpath(target))
                target = target / "index.html" if target.is_dir() else target
            anchor = urllib.parse.unquote(parts.fragment)
            if not target.is_file() or not target.is_relative_to(site):
                faults.append(f"{page.relative_to(site)}: {link} does not exist")
            elif anchor and not anchor.startswith("__") and target in contents and anchor not in contents[target].anchors:
                faults.append(f"{page.relative_to(site)}: {link} has no such anchor")
    return faults, count


class Browser:
    """Headless Chromium, driven over a pipe by the DevTools protocol: JSON messages that end in a zero byte."""

    def __init__(self, profile):
        program = shutil.which("chromium") or sys.exit("check_site.py: Chromium is missing; install Debian's chromium")
        to_browser, self.commands = os.pipe()
        self.answers, from_browser = os.pipe()
        # The browser reads from descriptor 3 and writes to 4.
        script = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        options = ["--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                   "--allow-file-access-from-files", "--no-first-run", "--disable-extensions", "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND",
                   f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen(["bash", "-c", script, "bash", program, *options], pass_fds=(to_browser, from_browser),
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        os.set_blocking(self.answers, False)
        self.buffer, self.number, self.events = b"", 0, []
        self.width = self.colour = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = None
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(domain + ".enable")

    def close(self):
        self.process.terminate()
        self.process.wait()

    def message(self, limit):
        while b"\0" not in self.buffer:
            if time.monotonic() > limit or self.process.poll() is not None:
                raise TimeoutError("Chromium does not answer")
            try:
                self.buffer += os.read(self.answers, 1 << 20)
            except BlockingIOError:
                time.sleep(0.002)
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **parameters):
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters}
        if getattr(self, "session", None):
            request["sessionId"] = self.session
        data = json.dumps(request).encode() + b"\0"
        while data:
            data = data[os.write(self.commands, data):]
        limit = time.monotonic() + TIME_LIMIT
        while True:
            answer = self.message(limit)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return result["result"].get("value", result.get("exceptionDetails"))

    def open(self, url):
        self.events.clear()
        self.call("Page.navigate", url=url)
        limit = time.monotonic() + TIME_LIMIT
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.message(limit))

    def show(self, width, colour, drawn):
        if width != self.width:
            self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        if colour != self.colour:
            self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": colour}])
        self.width, self.colour = width, colour
        if drawn:
            self.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def screenshot(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))


def event_faults(events, site):
    for event in events:
        method, parameters = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            url = parameters["request"]["url"]
            if not url.startswith((site.as_uri(), "data:", "blob:")):
                yield f"asks for {url}"
        elif method == "Network.loadingFailed" and not parameters.get("canceled"):
            yield f"could not load something: {parameters.get('errorText')}"
        elif method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            yield f"error: {details.get('exception', {}).get('description', details['text'])}"
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning"):
            yield "console: " + " ".join(str(argument.get("value", "")) for argument in parameters["args"])
        elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            yield f"console: {parameters['entry']['text']} {parameters['entry'].get('url', '')}"


def page_faults(browser, site, page, states, screenshots):
    browser.open(page.as_uri())
    for width, colour in states:
        browser.show(width, colour, drawn=bool(screenshots))
        overflow = browser.evaluate(OVERFLOW)
        if overflow:
            yield f"is wider than {width} px in {colour} colours: {overflow}"
        if screenshots:
            name = page.relative_to(site).with_suffix("").as_posix().replace("/", "_")
            browser.screenshot(screenshots / f"{name}-{width}-{colour}.png")
    formulas = browser.evaluate(FORMULAS)
    if formulas:
        yield f"formulas are not rendered: {formulas}"
    yield from event_faults(browser.events, site)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", nargs="?", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[1] / "build" / "site")
    parser.add_argument("--pages", default="", help="only pages whose path contains this text")
    parser.add_argument("--screenshots", type=pathlib.Path)
    options = parser.parse_args()
    site = options.site.resolve()
    # 404.html is for web servers: its links begin with a slash.
    pages = [page for page in sorted(site.rglob("*.html")) if options.pages in page.relative_to(site).as_posix() and page.name != "404.html"]
    if not pages:
        sys.exit(f"check_site.py: no pages in {site}; scripts/docs.sh builds the site")
    started = time.monotonic()
    faults, links = link_faults(site, pages)
    print(f"{links} links of {len(pages)} pages: {len(faults)} broken, {time.monotonic() - started:.0f} s", flush=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(profile)
        try:
            script = browser.call("Page.addScriptToEvaluateOnNewDocument", source=WITHOUT_SEARCH)["identifier"]
            for number, page in enumerate(pages):
                states = STATES if number % 2 == 0 else STATES[::-1]
                for fault in dict.fromkeys(page_faults(browser, site, page, states, options.screenshots)):
                    faults.append(f"{page.relative_to(site)} {fault}")
            browser.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script)
            browser.open(pages[0].as_uri())
            if not browser.evaluate(SEARCH):
                faults.append("the search finds nothing")
        finally:
            browser.close()
    print(f"{len(pages)} pages at 400 and 1400 px in light and dark colours, {time.monotonic() - started:.0f} s")
    for fault in faults:
        print(f"  {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
