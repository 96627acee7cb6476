"""The report of a real stack: its files, its growth, and its page in a real browser at the width of a desk and of a phone."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.support.browser import Browser, installed_browser
from tests.support.operated import OperatedStack
from tests.support.postgres_shop import Shop
from tests.support.stacks import unique_name

DESK, PHONE = (1280, 900), (390, 844)
SECRET = "correct-horse-battery"


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """A stack with something to report on, and the run that reported."""
    directory = tmp_path_factory.mktemp("pg-report")
    shop = Shop(directory, unique_name("pg-report"), stack_report_dir=str(directory / "reports"))
    try:
        shop.must("deploy/install", version="v1")
        shop.sql(
            "CREATE TABLE customers (id int PRIMARY KEY, note text) WITH (autovacuum_enabled = off)",
            "INSERT INTO customers SELECT g, md5(g::text) FROM generate_series(1, 50000) AS g",
            "CREATE INDEX customers_note_that_nobody_reads_because_it_is_only_here ON customers (note)",
            "DELETE FROM customers WHERE id <= 25000",
            f"SELECT count(*) FROM customers WHERE note = '{SECRET}'",
            "ANALYZE customers",
        )
        _remember(shop)
        yield shop, shop.must("postgres/report", interval=2)
    finally:
        shop.remove()


def _remember(shop: OperatedStack) -> None:
    """Looks of the days before, as if the report were made every day."""
    history = shop.project.state_dir / shop.name / "history"
    history.mkdir(mode=0o700)
    today = datetime.now(timezone.utc)
    days = {day: today - timedelta(days=30 - day) for day in range(1, 29)}
    looks = [
        {"at": f"{at:%Y-%m-%d}T03:00:00Z", "database_bytes": (7 + day) * 2**20, "disk_free_bytes": (900 - day) * 2**30, "connections": 3 + day % 4}
        for day, at in days.items()
    ]
    (history / "postgres-shop.ndjson").write_text("".join(f"{json.dumps(look)}\n" for look in looks))


@pytest.fixture(scope="module")
def page(reported) -> str:
    return Path(reported[1].told["result"]["page"]).read_text()


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Browser:
    return installed_browser(tmp_path_factory.mktemp("browser"))


def test_page_and_json_are_private_and_say_the_same(reported, page):
    shop, played = reported
    result = played.told["result"]
    files = sorted((shop.directory / "reports").iterdir())
    assert [str(file) for file in files] == [result["page"], result["json"]]
    assert [file.stat().st_mode & 0o777 for file in [*files, shop.directory / "reports"]] == [0o600, 0o600, 0o700]
    report = json.loads(Path(result["json"]).read_text())
    assert (report["report"]["database"], report["growth"]["growth"]) == ("shop", result["growth"])
    assert result["growth"]["looks"] == 29 and result["growth"]["certainty"] == "high"
    within = re.search(r"<h2>Within (\d\S*) s</h2>", page)
    assert within and 2 <= float(within.group(1)) < 900 and report["report"]["change"]["valid"]
    assert "customers_note_that_nobody_reads_because_it_is_only_here" in page
    for text in (page, json.dumps(report), played.output, json.dumps(played.record)):
        assert SECRET not in text and "demo-only-postgres" not in text


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_the_page_fits_and_every_plot_shows_something(browser, page, size):
    measured = browser.measure(page, *size)
    assert measured["width"] == size[0]
    assert measured["needed"] <= measured["width"] and measured["outside"] == []
    assert measured["fetched"] == []
    assert measured["cut"] == []
    assert len(measured["plots"]) >= 7
    assert [plot for plot in measured["plots"] if not plot["marks"] or plot["width"] < 250] == []


def test_the_page_is_drawn_in_light_and_in_dark(browser, page, tmp_path):
    light = browser.picture(page, DESK, tmp_path / "light.png")
    dark = browser.picture(page, DESK, tmp_path / "dark.png", "--blink-settings=preferredColorScheme=0")
    assert min(len(light), len(dark)) > 20_000 and light != dark


def test_check_mode_looks_and_leaves_nothing(reported):
    shop = reported[0]
    before = sorted((shop.directory / "reports").iterdir()), (shop.project.state_dir / shop.name / "history" / "postgres-shop.ndjson").read_text()
    started = shop.start("postgres/report", check=True)
    output = started.communicate(timeout=900)[0]
    assert started.returncode == 0, output[-2000:]
    assert before == (
        sorted((shop.directory / "reports").iterdir()),
        (shop.project.state_dir / shop.name / "history" / "postgres-shop.ndjson").read_text(),
    )
