"""The row of runs that differ only in their seed opens to them, and takes and leaves them together."""

from __future__ import annotations

import re
import shutil

from browser.app import App, settled
from playwright.sync_api import Page, expect

from digitcore.runs import Run


def test_a_row_of_seeds_opens_and_is_marked_as_its_runs_are(
    page: Page, app: App, reader: str
) -> None:
    copies = [app.models / f"20990101-00000{seed}-seeded-{seed:04x}" for seed in (1, 2)]
    try:
        for seed, copy in enumerate(copies, start=1):
            shutil.copytree(app.models / reader, copy)
            run = Run(copy)
            (copy / "recipe.toml").write_text(run.recipe.changed(seed=seed).to_toml())
            run.update(number=900 + seed)
        page.goto(f"{app.url}/runs?selected=&filter=seeded")
        expect(page.get_by_text("Select rows to open, compare")).to_be_visible()
        settled(page)
        table = page.get_by_test_id("stDataFrameResizable").bounding_box()
        assert table
        both = "selected=" + "%2C".join(copy.name for copy in reversed(copies))
        # The row itself; one of its runs; and the row again, which is marked no more.
        for row, address in ((0, both), (1, f"selected={copies[0].name}(&|$)"), (0, both)):
            page.mouse.click(table["x"] + 14, table["y"] + 35 + 35 * row + 17)
            expect(page).to_have_url(re.compile(address))
            settled(page)
        expect(page.get_by_text(re.compile(r"2 seeds\): \d\d"))).to_be_visible()
    finally:
        for copy in copies:
            shutil.rmtree(copy)
