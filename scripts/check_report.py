"""Opens a report.html in headless Chromium at 400 and 1,400 px, light and dark, and on paper, and
checks that nothing overflows or overlaps, that text has contrast, that headings, pictures and tables
are named, that nothing is loaded or logged, and that no script is in it.

    apt-get install chromium
    python3 scripts/check_report.py runs/demo/report.html [--screenshots DIR] [--crop PIXELS]

Prints one line per fault, and exits with 1 if there is any. Needs only Python: it controls
Chromium through its debugging pipe.
"""

import argparse
import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

CHECKS = r"""
(() => {
  const problems = [];
  const say = (what, element) => problems.push(what + ": " +
      (element ? element.outerHTML.replace(/\s+/g, " ").slice(0, 110) : ""));
  const page = document.documentElement;
  if (page.scrollWidth > window.innerWidth) say("the page is wider than the window " + page.scrollWidth);
  for (const e of document.querySelectorAll("body *")) {
    if (e.closest("svg") || e.closest(".scroll")) continue;
    const box = e.getBoundingClientRect();
    if (box.width && (box.right > window.innerWidth + 0.5 || box.left < -0.5)) say("sticks out", e);
    if (e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline" && e.clientWidth)
      say("overflows", e);
  }
  if (!window.matchMedia("print").matches)
    for (const e of document.querySelectorAll(".scroll"))
      if (e.scrollWidth > e.clientWidth + 1) say("a table has to be scrolled", e);
  // Diagrams: text inside its drawing, and no two texts over each other.
  for (const svg of document.querySelectorAll("svg")) {
    const frame = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")];
    const boxes = texts.map(t => t.getBoundingClientRect());
    texts.forEach((t, i) => {
      const b = boxes[i];
      if (b.left < frame.left - 1 || b.right > frame.right + 1 || b.top < frame.top - 1 ||
          b.bottom > frame.bottom + 1) say("text leaves its diagram", t);
      for (let k = 0; k < i; ++k) {
        const c = boxes[k];
        if (Math.min(b.right, c.right) - Math.max(b.left, c.left) > 1 &&
            Math.min(b.bottom, c.bottom) - Math.max(b.top, c.top) > 2)
          say("text over text (" + texts[k].textContent + ")", t);
      }
    });
  }
  // Blocks of text that lie over each other.
  const blocks = [...document.querySelectorAll("h1,h2,h3,p,dt,dd,td,th,caption,figcaption,img")]
      .filter(b => !b.closest("thead") || getComputedStyle(b.closest("thead")).position !== "absolute");
  const rects = blocks.map(b => b.getBoundingClientRect());
  for (let i = 0; i < blocks.length; ++i)
    for (let k = Math.max(0, i - 40); k < i; ++k) {
      if (blocks[i].contains(blocks[k]) || blocks[k].contains(blocks[i])) continue;
      const a = rects[i], b = rects[k];
      if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2 &&
          Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2) say("lies over another", blocks[i]);
    }
  // Contrast of text against the nearest background that is not clear (WCAG 2.1, 1.4.3).
  const parse = c => (c.match(/[\d.]+/g) || []).map(Number);
  const light = c => c.slice(0, 3).map(v => v / 255).map(
      v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
      .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || parent.closest("title,desc,style")) continue;
    const ink = parse(parent.closest("svg") ? getComputedStyle(parent).fill : getComputedStyle(parent).color);
    let behind = parent;
    while (behind && (parse(getComputedStyle(behind).backgroundColor)[3] === 0)) behind = behind.parentElement;
    const paper = behind ? parse(getComputedStyle(behind).backgroundColor) : [255, 255, 255];
    const [a, b] = [light(ink), light(paper)].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) say("contrast " + ((a + 0.05) / (b + 0.05)).toFixed(2), parent);
  }
  // Lines and dots of diagrams (WCAG 2.1, 1.4.11).
  const paper = light(parse(getComputedStyle(document.body).backgroundColor));
  for (const e of document.querySelectorAll("svg .line, svg .dot")) {
    const style = getComputedStyle(e);
    const ink = light(parse(e.matches(".dot") ? style.fill : style.stroke));
    const [a, b] = [ink, paper].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 3) say("diagram contrast", e);
  }
  // Names.
  let last = 0;
  for (const h of document.querySelectorAll("h1,h2,h3,h4")) {
    const level = Number(h.tagName[1]);
    if (level > last + 1) say("heading skips a level", h);
    last = level;
  }
  if (document.querySelectorAll("h1").length !== 1) say("not one h1");
  if (!document.documentElement.lang || !document.title) say("no language or title");
  for (const img of document.querySelectorAll("img")) {
    if (!img.alt) say("image without alt", img);
    if (!img.complete || !img.naturalWidth) say("image does not load", img);
  }
  for (const svg of document.querySelectorAll("svg:not([aria-hidden])"))
    if (!svg.querySelector("title")) say("diagram without title", svg);
  for (const table of document.querySelectorAll("table")) {
    if (!table.caption) say("table without caption", table);
    if ([...table.querySelectorAll("th")].some(th => !th.scope)) say("th without scope", table);
  }
  if (!document.querySelector("main")) say("no main");
  return [...new Set(problems)];
})()
"""


class Chromium:
    """A headless Chromium, controlled through a pipe of JSON messages that end in NUL."""

    def __init__(self, folder):
        to_read, self.write_end = os.pipe()
        self.read_end, to_write = os.pipe()

        def connect():  # the browser reads descriptor 3 and writes descriptor 4
            reading, writing = os.dup(to_read), os.dup(to_write)
            os.dup2(reading, 3)
            os.dup2(writing, 4)

        command = [shutil.which("chromium") or shutil.which("chromium-browser") or "google-chrome",
                   "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
                   f"--user-data-dir={folder}", "--hide-scrollbars", "about:blank"]
        self.process = subprocess.Popen(command, preexec_fn=connect, close_fds=False,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.buffer, self.sent, self.events, self.session = b"", 0, [], None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def receive(self):
        while b"\0" not in self.buffer:
            data = os.read(self.read_end, 1 << 16)
            if not data:
                sys.exit("check_report: Chromium ended")
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.sent += 1
        message = {"id": self.sent, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write_end, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.sent:
                if "error" in answer:
                    sys.exit(f"check_report: {method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def wait_for(self, method):
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.receive())

    def close(self):
        self.process.terminate()
        self.process.wait()


def unwanted(events):
    """The log, and the resources loaded besides the file itself."""
    for event in events:
        method, parameters = event.get("method"), event.get("params", {})
        if method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            yield f"console: {json.dumps(parameters)[:200]}"
        if method == "Log.entryAdded":
            yield f"log: {parameters['entry']['text']}"
        if method == "Network.requestWillBeSent":
            url = parameters["request"]["url"]
            if not url.startswith(("file:", "data:", "about:")):
                yield f"loads {url}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("report", type=pathlib.Path)
    parser.add_argument("--screenshots", type=pathlib.Path, help="folder for a PNG of each view")
    parser.add_argument("--crop", type=int, help="maximum height in pixels")
    options = parser.parse_args()
    problems = []
    text = options.report.read_text(encoding="utf-8", errors="replace")
    if re.search(r"<script|javascript:|\son\w+=|@import|url\(", text, re.I):
        problems.append("the file holds a script or loads something")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        browser = Chromium(folder)
        views = [(width, scheme, "screen") for width in (400, 1400) for scheme in ("light", "dark")]
        for width, scheme, medium in views + [(760, "light", "print")]:
            name = f"{width}-{scheme if medium == 'screen' else medium}"
            browser.events.clear()
            browser.call("Emulation.setDeviceMetricsOverride", width=width, height=1000,
                         deviceScaleFactor=1, mobile=False)
            browser.call("Emulation.setEmulatedMedia", media=medium,
                         features=[{"name": "prefers-color-scheme", "value": scheme}])
            browser.call("Page.navigate", url=options.report.resolve().as_uri())
            browser.wait_for("Page.loadEventFired")
            found = browser.call("Runtime.evaluate", expression=CHECKS, returnByValue=True)["result"]
            if "value" not in found:
                sys.exit(f"check_report: {found}")
            problems += [f"{name}: {problem}" for problem in [*found["value"], *unwanted(browser.events)]]
            if options.screenshots:
                options.screenshots.mkdir(parents=True, exist_ok=True)
                size = browser.call("Page.getLayoutMetrics")["cssContentSize"]
                height = min(size["height"], options.crop or size["height"])
                shot = browser.call("Page.captureScreenshot", captureBeyondViewport=True,
                                    clip={"x": 0, "y": 0, "width": width, "height": height, "scale": 1})
                (options.screenshots / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))
        browser.close()
    print("\n".join(problems) or f"{options.report}: five views, no fault")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
