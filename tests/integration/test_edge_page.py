"""The page of a closed edge in a real browser."""

from __future__ import annotations

from ansible_collections.runbook.compose.plugins.module_utils._core import edge_page
from ansible_collections.runbook.compose.plugins.module_utils._core.edge_traffic import Maintenance
from tests.support.browser import installed_browser

PAGE = edge_page.page(
    Maintenance(
        "2026-11-22T22:30:00Z",
        title="A headline as long as it may be, with words that a phone has to break somewhere",
        notice="We move to a new database. " + "Donaudampfschifffahrtsgesellschaftskapitänsmützenverordnung " * 3 + "Thank you for your patience & <trust>.",
    )
)


# Words that are read from right to left begin at the right, whatever stands among them.
FOREIGN = edge_page.page(Maintenance("2026-11-22T22:30:00Z", title="نعود قريبًا", notice="نعمل على shop.example الآن."))


def test_the_page_fits_a_phone_and_fetches_nothing(tmp_path):
    browser = installed_browser(tmp_path)
    for width in (320, 390, 1200):
        seen = browser.measure(PAGE, width, 800)
        assert seen["width"] == width and seen["needed"] <= width and seen["outside"] == [] and seen["fetched"] == []
    light = browser.picture(PAGE, (390, 844), tmp_path / "light.png")
    dark = browser.picture(PAGE, (390, 844), tmp_path / "dark.png", "--force-dark-mode", "--blink-settings=preferredColorScheme=0")
    assert light != dark and len(light) > 5000
    seen = browser.measure(FOREIGN, 390, 800)
    assert seen["needed"] <= 390 and [one["text"] for one in seen["rightward"]] == ["نعود قريبًا", "نعمل على shop.example الآن."]
