"""What axe finds wrong with a page: WCAG 2.1 A and AA and its own best practices, nothing left out."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

AXE = Axe()
OPTIONS = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
}


def find(page: Page) -> list[str]:
    """Return each flaw as its rule, the element, and what is wrong with it."""
    found = AXE.run(page, options=OPTIONS).response["violations"]
    return [f"{flaw['id']} {node['target']} {node['failureSummary']}" for flaw in found for node in flaw["nodes"]]
