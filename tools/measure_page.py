"""How quickly the Start page tells the truth, measured in a browser against both real processes.

    python tools/measure_page.py

Prints one JSON object, in ms: from a tap to the new word on the screen, from a tap to the device's
own first step, from a phone's waking to the right word, and from the end of the recording to the
result. Each is a median and the worst of all tries. Nothing is judged here; machines differ.
"""

import json
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from two_processes import (  # noqa: E402
    free_port,
    launch,
    served,
    simulated_device,
    wait_for_device,
)

TRIES = 12

# Notes when a word is on the screen: after the frame in which it was drawn.
WATCH = """
  window.seen = {}; window.pressed = 0; window.streams = [];
  addEventListener("click", (event) => { window.pressed = event.timeStamp; }, true);
  addEventListener("DOMContentLoaded", () => {
    const word = document.getElementById("word");
    new MutationObserver(() => {
      const now = word.textContent;
      requestAnimationFrame(() => setTimeout(() => { window.seen[now] ??= performance.now(); }));
    }).observe(word, { childList: true, characterData: true, subtree: true });
  });
  window.EventSource = class extends EventSource {
    constructor(...all) { super(...all); window.streams.push(this); }
  };
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        home, port = Path(folder), free_port()
        browser = launch(driver)
        with simulated_device(home, port) as device, served(home, port):
            wait_for_device(device, port)
            context = browser.new_context(
                base_url=f"http://127.0.0.1:{port}", viewport={"width": 360, "height": 740}
            )
            context.set_default_timeout(60_000)
            context.add_init_script(WATCH)
            page, other = context.new_page(), context.new_page()
            for one in (page, other):
                one.goto("/")
            page.bring_to_front()
            taps = [tap(page) for _ in range(TRIES)]
            wakes = [wake(page, other) for _ in range(TRIES)]
            results = [result(page) for _ in range(2)]
            context.close()
        browser.close()
    armed, settled = zip(*taps, strict=True)
    measured = {
        "tap_to_word": armed,
        "tap_to_device": settled,
        "wake_to_truth": wakes,
        "recording_to_result": results,
    }
    print(json.dumps({name: summary(times) for name, times in measured.items()}, indent=2))


def summary(times) -> dict[str, float]:
    median, worst = statistics.median(times), max(times)
    return {"median_ms": round(median, 1), "worst_ms": round(worst, 1), "tries": len(times)}


def tap(page: Page) -> tuple[float, float]:
    """From the tap on ARM to any new word, and to SETTLE, which the device must have said."""
    ready(page)
    page.locator("#arm").click()
    settled = seen(page, "SETTLE") - page.evaluate("window.pressed")
    first = page.evaluate("Math.min(...Object.values(window.seen)) - window.pressed")
    page.locator("#stop").click()
    seen(page, "STOPPED")
    return first, settled


def wake(page: Page, other: Page) -> float:
    """A page whose stream died in its sleep: from its waking to the word that is true then."""
    ready(page)
    page.evaluate("window.streams.forEach((stream) => stream.close())")
    other.locator("#arm:enabled").click()
    other.locator("#word", has_text="SETTLE").wait_for()
    page.bring_to_front()  # a page behind another is drawn once a second only
    woke = page.evaluate("document.dispatchEvent(new Event('visibilitychange')), performance.now()")
    took = seen(page, "SETTLE") - woke
    other.locator("#stop").click()
    seen(page, "STOPPED")
    return took


def result(page: Page) -> float:
    ready(page)
    page.locator("#arm").click()
    return seen(page, "DONE") - seen(page, "WORKING")


def ready(page: Page) -> None:
    page.locator("#arm:enabled").wait_for()
    page.evaluate("window.seen = {}")


def seen(page: Page, word: str) -> float:
    """When the page first showed that word."""
    while True:
        at = page.evaluate("(word) => window.seen[word] ?? null", word)
        if at is not None:
            return at
        page.wait_for_timeout(20)


if __name__ == "__main__":
    main()
