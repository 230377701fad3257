"""Devices that exist only in memory, a store, and phones that look at the pages, for every test."""

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin
from sample_reps import beat, living
from two_processes import CHROMIUM, PHONE, WAIT_MS, free_port, launch, served

from pi.settings import Settings
from pi.store import open_store
from web import create_app


def pytest_collection_modifyitems(items):
    if not CHROMIUM:
        without = pytest.mark.skip(reason="no chromium on the PATH (or set CHROMIUM)")
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(without)


@pytest.fixture
def pins():
    """A header of 40 pins that remember what was done to them."""
    factory = MockFactory(pin_class=MockPWMPin)
    yield factory
    factory.close()


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'trackstart.db'}"


@pytest.fixture
def store(url):
    """A new store, which no device has seen yet."""
    with open_store(url) as store:
        yield store


@pytest.fixture
def ready(store):
    """A device that lives."""
    beat(store)


@pytest.fixture
def three_lanes(store):
    """A camera that was set up with three lanes."""
    lanes = [{"name": str(k), "region": [[0, 0], [9, 0], [9, 9]]} for k in (1, 2, 3)]
    store.save_calibration(
        {"lanes": lanes, "cones": []}, source="taps", camera="simulated", mode="1280x720@120"
    )


@pytest.fixture
def app(store, tmp_path, monkeypatch):
    """The pages, without a server."""
    monkeypatch.setenv("TRACKSTART_HOME", str(tmp_path))
    return create_app(Settings(), store)


@pytest.fixture
def client(app):
    return app.test_client()


# --- Two processes, and a browser ----------------------------------------------------------------


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


@pytest.fixture
def watched(open_place):
    """The store that the pages show, with a device that lives; no rep and no session stay."""
    with living(open_place):
        yield open_place
    if rep := open_place.active_rep():
        open_place.change_rep(rep.id, state="failed", reason="the test is over")
    if session := open_place.running_session():
        open_place.end_session(session.id)
    open_place.set_station(screen="now")


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
