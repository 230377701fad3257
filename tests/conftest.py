"""Devices that exist only in memory, and phones that look at the pages, for every test."""

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin
from two_processes import PHONE, WAIT_MS, free_port, launch, served

from pi.store import open_store


@pytest.fixture
def pins():
    """A header of 40 pins that remember what was done to them."""
    factory = MockFactory(pin_class=MockPWMPin)
    yield factory
    factory.close()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("trackstart")


@pytest.fixture(scope="module")
def base(home):
    port = free_port()
    with served(home, port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def open_place(home, base):
    with open_store(f"sqlite:///{home / 'trackstart.db'}") as store:
        yield store


@pytest.fixture(scope="module")
def chromium():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
    playwright.expect.set_options(timeout=WAIT_MS)
    with playwright.sync_playwright() as driver:
        browser = launch(driver)
        yield browser
        browser.close()


@pytest.fixture
def phone(chromium, base):
    """A function that opens a page on a new phone. No page may complain in the console."""
    contexts, complaints = [], []

    def open_page(path="/", *, size=PHONE, script="", **options):
        context = (
            chromium.new_context(
                base_url=base, viewport=size, has_touch=True, reduced_motion="no-preference"
            )
            if not options
            else chromium.new_context(base_url=base, viewport=size, **options)
        )
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        if script:
            context.add_init_script(script)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))
        page.on(
            "console",
            lambda said: (
                complaints.append(said.text) if said.type in ("error", "warning") else None
            ),
        )
        page.goto(path)
        return page

    open_page.complaints = complaints
    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
