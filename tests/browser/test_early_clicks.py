"""A person who goes on while the server still computes for the page before."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.app import ROOT, App, serve
from playwright.sync_api import Browser, expect
from studio import until

from digitcore.datasets import Dataset

# Presses Photo when the canvas's hint is there, which is when the search of the nearest images begins.
PRESS = """() => {
    const look = () => {
        const photo = [...document.querySelectorAll('button, label')]
            .find(button => button.innerText === 'Photo');
        if (!photo || !document.querySelector('.explanation')) return requestAnimationFrame(look);
        photo.click();
    };
    look();
}"""


@pytest.fixture
def fresh(mnist: Dataset, tmp_path: Path) -> Iterator[App]:
    shutil.copytree(ROOT / "models" / "reader", tmp_path / "reader")
    with serve(tmp_path) as app:
        yield app


def test_a_page_left_while_it_computes_leaves_the_next_one_alive(
    browser: Browser, fresh: App
) -> None:
    page = browser.new_page()
    page.add_init_script(f"({PRESS})()")
    page.goto(f"{fresh.url}/draw?run=reader")
    expect(page.get_by_text("Upload", exact=True).first).to_be_visible(timeout=30_000)
    until(lambda: fresh.process.cpu_percent(0.5) < 15)
    page.get_by_text("Camera", exact=True).click()
    expect(page.get_by_test_id("stCameraInput")).to_be_visible(timeout=30_000)
    page.close()
