"""What axe finds wrong with a page: WCAG 2.1 A and AA and its own best practices, nothing left out."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

AXE = Axe()
OPTIONS = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
    # Nothing here is from another host, so there is no style sheet to fetch again.
    "preload": False,
}
KNOWN = "typeof window.axe === 'object'"
RUN = "([context, options]) => axe.run(context, options).then((found) => found.violations)"
# One template draws all rows of a table alike: the first of each are looked at.
FEW_ROWS = """([within, most]) => document.querySelectorAll(`${within} tbody`).forEach(
    (body) => [...body.rows].slice(most).forEach((row) => row.remove()))"""
MOST_ROWS = 12


def find(page: Page, within: str = "html", *besides: str) -> list[str]:
    """Return each flaw of what a selector names, as its rule, the element, and what is wrong with it.

    `besides` names what was looked at elsewhere.
    """
    if not page.evaluate(KNOWN):
        page.evaluate(AXE.axe_script)
    page.evaluate(FEW_ROWS, [within, MOST_ROWS])
    context = {"include": [within], "exclude": [[each] for each in besides]}
    found = page.evaluate(RUN, [context, OPTIONS])
    return [f"{flaw['id']} {node['target']} {node['failureSummary']}" for flaw in found for node in flaw["nodes"]]
