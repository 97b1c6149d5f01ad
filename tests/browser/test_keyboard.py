"""An org is flipped to shadow with the keyboard alone: every stop shows its focus, and the dialog holds it."""

from playwright.sync_api import Page, expect

from tests import tenants
from workflows.models import FlagChange

LIST = "/admin/workflows/organization/"
MOST_STOPS = 60
# What has the focus: its name, and whether that is seen, as a ring or a border that is not there without it.
FOCUS = """() => {
    const it = document.activeElement;
    const looks = () => [it, it.closest("label"), it.parentElement].filter(Boolean).map((each) => {
        const { outlineStyle, outlineWidth, outlineColor, boxShadow, borderColor } = getComputedStyle(each);
        const ring = outlineStyle !== "none" && parseFloat(outlineWidth) >= 1 ? outlineColor + outlineWidth : "";
        return ring + boxShadow + borderColor;
    }).join();
    const focused = looks();
    it.blur();
    const blurred = looks();
    it.focus();
    return {
        name: (it.getAttribute("aria-label") || it.labels?.[0]?.textContent || it.textContent || it.name).trim(),
        inside: Boolean(it.closest("dialog")),
        seen: focused !== blurred,
        box: it.outerHTML.slice(0, 300),
    };
}"""


def tab_to(page: Page, name: str) -> None:
    """Press Tab until something of this name has the focus; what is passed on the way shows its focus too."""
    passed = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS)
        assert focus["seen"], focus
        passed.append(focus["name"])
        if focus["name"].startswith(name):
            return
    raise AssertionError(passed)


def test_an_org_is_flipped_to_shadow_with_the_keyboard_alone(visit, oscar) -> None:
    tenants.make_env("acme")
    tenants.make_env("globex")
    seen = visit(oscar)
    page = seen.go(LIST)
    tab_to(page, "Change the rollout of globex")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Rollout of globex")
    expect(dialog.get_by_role("radio", name="Off")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(dialog.get_by_role("radio", name="Shadow")).to_be_checked()
    tab_to(page, "Reason")
    page.keyboard.type("see what would happen")
    tab_to(page, "Change rollout")
    page.keyboard.press("Enter")
    expect(page.get_by_text("mode off → shadow")).to_be_visible()
    expect(page.get_by_role("row", name="globex").locator("td.field-mode")).to_have_text("shadow")
    change = FlagChange.objects.get()
    assert (change.org.slug, change.after["mode"], change.reason) == ("globex", "shadow", "see what would happen")
    assert (seen.trouble, seen.elsewhere) == ([], [])


def test_the_dialog_holds_the_focus_until_escape_gives_it_back(visit, oscar) -> None:
    tenants.make_env("acme")
    page = visit(oscar).go(LIST)
    tab_to(page, "Change the rollout of acme")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("radio", name="Off")).to_be_focused()
    names = set()
    for key in ("Tab", "Shift+Tab"):
        for _ in range(20):
            page.keyboard.press(key)
            focus = page.evaluate(FOCUS)
            names.add(focus["name"])
            # Past the last stop the browser's own bar has its turn, and the page's body the focus.
            assert focus["inside"] or page.evaluate("document.activeElement === document.body"), focus
    assert {"Reason", "Back", "Change rollout"} <= names
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("link", name="Change the rollout of acme")).to_be_focused()


def test_filters_are_opened_with_the_keyboard(visit, oscar) -> None:
    page = visit(oscar).go(LIST)
    tab_to(page, "Filters")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Shadow")).to_be_visible()
