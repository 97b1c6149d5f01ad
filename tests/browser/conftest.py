"""A real browser on a live server. Tests of a page sign in once and watch every request that the page makes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Page, expect, sync_playwright

from dashboard.queries import shared
from launch import browser as finder
from settings import env
from tests import people
from tests.browser import flaws
from tests.everything import known
from tests.waiting import PATIENCE_SECONDS
from workflows.intake import refresher

__all__ = ["known"]

PHONE = {"width": 390, "height": 844}
TABLET = {"width": 768, "height": 1024}
DESK = {"width": 1440, "height": 900}
# Hides the tab, or shows it again.
HIDE = """hidden => {
    Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
    document.dispatchEvent(new Event("visibilitychange"));
}"""
# How much wider than its place the page is, or a dialog, or, where each row is a card, a table.
OVERFLOW = """() => Math.max(...["html", "dialog[open]", innerWidth < 1024 ? ".mo-scroll:not(.mo-matrix)" : "html"]
    .flatMap((each) => [...document.querySelectorAll(each)])
    .map((each) => each.scrollWidth - each.clientWidth))"""
FORMS = [(DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")]

expect.set_options(timeout=1000 * PATIENCE_SECONDS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start the system's Chromium, else Playwright's own."""
    # Playwright's synchronous API runs a loop in this thread, which Django takes for an async caller.
    patch = pytest.MonkeyPatch()
    patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        path = finder.on_path() or playwright.chromium.executable_path
        if not Path(path).exists():
            message = "no browser: install Debian's chromium, or run `playwright install chromium`"
            (pytest.fail if env.flag("CI", default=False) else pytest.skip)(message)
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()
    patch.undo()


@dataclass
class Visit:
    """A signed-in page with what it asked for and what went wrong in it."""

    page: Page
    host: str
    asked: list[str] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        self.page.goto(self.host + path)
        return self.page

    @property
    def elsewhere(self) -> list[str]:
        """Requests that left the host."""
        return [url for url in self.asked if not url.startswith((self.host, "data:", "blob:"))]

    @property
    def flaws(self) -> list[str]:
        """What axe finds wrong with the page as it stands."""
        return flaws.find(self.page)

    @property
    def overflow(self) -> int:
        """How many pixels the page is wider than the window, or a table or dialog in it than its place."""
        return int(self.page.evaluate(OVERFLOW))

    def look(self, window: dict[str, int], scheme: str) -> None:
        """Look at the page as it stands in another window or light."""
        self.page.set_viewport_size(window)
        self.page.emulate_media(color_scheme=scheme)
        expect(self.page.locator("html.dark")).to_have_count(int(scheme == "dark"))


@pytest.fixture
def visit(browser: Browser, live_server, settings) -> Iterator[Callable[..., Visit]]:
    """Sign somebody in: visit(person, **options of the browser's context)."""
    settings.WORKFLOWS = {**settings.WORKFLOWS, "SNAPSHOT_REFRESH_MS": 1000}
    settings.ALLOWED_HOSTS = ["*"]
    shared.forget()
    contexts = []

    def sign_in(person: User, **options: object) -> Visit:
        context = browser.new_context(**({"viewport": DESK} | options))
        contexts.append(context)
        client = Client()
        client.force_login(person)
        (cookie,) = client.cookies.values()
        context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
        made = Visit(context.new_page(), live_server.url)
        made.page.on("request", lambda request: made.asked.append(request.url))
        made.page.on("pageerror", lambda error: made.trouble.append(str(error)))
        made.page.on("console", lambda said: made.trouble.append(said.text) if said.type == "error" else None)
        return made

    yield sign_in
    for context in contexts:
        context.close()
    refresher.forget()


@pytest.fixture
def oscar(transactional_db) -> User:
    return people.make("oscar", "Operator")


@pytest.fixture
def ada(transactional_db) -> User:
    return people.make("ada", "Admin")
