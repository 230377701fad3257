"""Make the README's pictures from the real thing: both processes, a simulated rep, a browser.

python tools/screenshots.py
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from two_processes import (  # noqa: E402
    free_port,
    launch,
    served,
    simulated_device,
    wait_for_device,
)

from pi.simulate.backdrop import View, cones  # noqa: E402

PHONE = {"width": 390, "height": 844}


def main() -> None:
    docs = ROOT / "docs"
    docs.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        home, port = Path(folder), free_port()
        browser = launch(driver)
        with simulated_device(home, port) as device, served(home, port):
            wait_for_device(device, port)
            set_up(browser, f"http://127.0.0.1:{port}", docs)
            photograph(browser, f"http://127.0.0.1:{port}", docs)
            check(browser, f"http://127.0.0.1:{port}", docs)
            session(browser, f"http://127.0.0.1:{port}", docs)
            every_page(browser, f"http://127.0.0.1:{port}", docs)
        browser.close()
    for picture in sorted(docs.rglob("*.png")):
        print(picture.relative_to(ROOT), f"{picture.stat().st_size // 1024} kB")


def on_a_phone(
    browser: Browser, address: str, *, size: Any = PHONE, scale: float = 2, **more: bool
) -> Page:
    """A page on a new phone; whoever asked for it closes its context."""
    context = browser.new_context(
        base_url=address, viewport=size, device_scale_factor=scale, locale="en-GB", **more
    )
    context.set_default_timeout(120_000)
    return context.new_page()


def set_up(browser: Browser, address: str, docs: Path) -> None:
    """Cones tapped on a still, as a phone shows them, and saved."""
    page = on_a_phone(browser, address, has_touch=True)
    page.goto("/set-up")
    page.locator("#take").tap()
    page.locator("#stage img").wait_for()
    for cone in cones(View()):
        page.evaluate("scrollTo(0, document.getElementById('desk').offsetTop)")
        page.wait_for_timeout(300)
        box = page.locator("#still").bounding_box()
        scale = page.locator("#still").evaluate("(still) => still.naturalWidth") / box["width"]
        u, v = cone["pixel"]
        page.touchscreen.tap(box["x"] + (u + 4) / scale, box["y"] + (v - 6) / scale)
        page.locator("#told", has_text="Found: cone").wait_for()
        page.locator("#cones li").last.locator("input").fill(f"{cone['metres']:g}")
        page.evaluate("document.activeElement.blur()")
        page.locator("#told").evaluate("(told) => { told.textContent = ''; }")
    page.locator("#feedback .verdict").wait_for()
    page.evaluate("scrollTo(0, document.getElementById('desk').offsetTop)")
    page.wait_for_timeout(500)
    page.screenshot(path=docs / "set-up-page.png")
    page.locator("#save").tap()
    page.locator("#done").wait_for()
    page.context.close()


def photograph(browser: Browser, address: str, docs: Path) -> None:
    """One rep, then its pages as a phone shows them and its chronophotograph."""
    page = on_a_phone(browser, address)
    page.goto("/")
    page.get_by_text("New athlete").click()
    page.get_by_role("textbox", name="Name").fill("Anna K.")
    page.get_by_role("textbox", name="Name").press("Enter")
    page.locator("#add:not([open])").wait_for()
    page.locator("input[value=prone]").check(force=True)
    page.locator("#arm").click()
    page.locator("#word", has_text="DONE").wait_for()
    page.locator("#last .figure").first.wait_for()
    page.screenshot(path=docs / "start-page.png")
    page.locator("#last a").click()
    page.locator(".replay svg").wait_for()
    page.locator(".scrub button").click()
    middle = page.locator(".replay g[data-t]").count() // 2
    page.locator(".scrub input").fill(str(middle))
    page.locator(".figures").first.evaluate("(part) => part.scrollIntoView()")
    page.screenshot(path=docs / "rep-page.png")
    picture = page.context.request.get(f"{page.url}/picture.png")
    (docs / "chronophotograph.png").write_bytes(picture.body())
    page.context.close()


def check(browser: Browser, address: str, docs: Path) -> None:
    """The box looked at."""
    page = on_a_phone(browser, address)
    page.goto("/check")
    page.get_by_role("button", name="Look", exact=True).click()
    page.get_by_text("are good").wait_for()
    page.screenshot(path=docs / "check-page.png")
    page.context.close()


def session(browser: Browser, address: str, docs: Path) -> None:
    """A coach's eight, after the first start."""
    page = on_a_phone(browser, address)
    page.goto("/session")
    page.locator("textarea[name=names]").fill(
        "Fox 1, Owl 2, Bee 3, Elk 4, Hen 5, Cat 6, Yak 7, Ant 8"
    )
    page.locator("text=BEGIN").click()
    page.locator("#arm").click()
    page.locator("#word", has_text="DONE").wait_for()
    page.locator("#up .who", has_text="Owl 2").wait_for()
    page.locator("#last .figure").first.wait_for()
    page.screenshot(path=docs / "session-page.png")
    page.context.close()


PAGES = {
    "plan": ("/session", "The plan of a session, while none runs"),
    "home": ("/home", "Home"),
    "start": ("/", "Start"),
    "session": ("/session", "A session"),
    "summary": ("/session/{session}", "What came of it"),
    "screen": ("/screen", "The big screen, on a phone"),
    "me": ("/me/{token}", "An athlete's own page"),
    "reps": ("/reps", "Reps"),
    "rep": ("/rep/{rep}", "A rep"),
    "games": ("/games", "Games"),
    "set-up": ("/set-up", "Set-up"),
    "check": ("/check", "Check"),
    "coach": ("/coach", "Coach"),
    "join": ("/join", "Join"),
    "settings": ("/settings", "Settings"),
    "help": ("/help", "Help"),
}


def every_page(browser: Browser, address: str, docs: Path) -> None:
    """Each page as a small phone shows it, from top to bottom, and a document that shows them."""
    folder = docs / "pages"
    folder.mkdir(exist_ok=True)
    page = on_a_phone(browser, address, size={"width": 360, "height": 740}, scale=1)
    page.goto("/session")
    page.get_by_role("button", name="End the session").click()
    found: dict[str, str] = {}
    lines = [
        "# Every page on a phone, 360 px wide",
        "",
        "Made by `python tools/screenshots.py` from the real thing on a simulated track.",
        "",
    ]
    for name, (path, title) in PAGES.items():
        if name == "home":  # from here on a session runs
            begin_and_start(page)
            found = where(page)
        page.goto(path.format(**found))
        page.wait_for_timeout(700)
        page.screenshot(path=folder / f"{name}.png", full_page=True)
        lines += [f"## {title}", "", f"![{title}](pages/{name}.png)", ""]
    (docs / "pages.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    page.context.close()


def begin_and_start(page: Page) -> None:
    """Four of a class in two teams; two have started."""
    page.goto("/session")
    page.locator("textarea[name=names]").fill("Fox 1, Owl 2, Bee 3, Otter 4")
    page.locator("label", has_text="PE lesson").locator("input").check()
    page.locator("summary", has_text="A class").click()
    page.locator("select[name=teams]").select_option("2")
    page.locator("text=BEGIN").click()
    for name in ("Owl 2", "Bee 3"):
        page.locator("#arm:not([disabled])").click()
        page.locator("#up .who", has_text=name).wait_for()
        page.locator("#arm:not([disabled])").wait_for()


def where(page: Page) -> dict[str, str]:
    """The numbers that stand in addresses, found on the pages as anybody finds them."""
    summary = page.get_by_role("link", name="So far").get_attribute("href") or ""
    page.goto(summary)
    own = page.get_by_role("link", name="Fox 1: own page").get_attribute("href") or ""
    page.goto("/reps")
    rep = page.locator(".reps a").first.get_attribute("href") or ""
    last = {"session": summary, "token": own, "rep": rep}
    return {key: path.rpartition("/")[2] for key, path in last.items()}


if __name__ == "__main__":
    main()
