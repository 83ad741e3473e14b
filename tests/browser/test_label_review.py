"""Labels are reviewed with keys alone in a real browser, by two people at once."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from browser.app import App, settled
from browser.test_accessibility import violations
from playwright.sync_api import Browser, Page, expect

from digitcore import runs
from digitcore.datasets import Dataset
from digitcore.jobs import out_of_sample
from digitcore.jobs.out_of_sample import OutOfSample
from digitcore.recipes import Recipe
from digitcore.runs import Run, label_reviews


@pytest.fixture
def searched(
    app: App, reader: str, mnist: Dataset, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The checksum of MNIST, of which a search is there: what the shipped run says of test images."""
    monkeypatch.setenv("DIGITCORE_MODELS_DIR", str(app.models))
    test = Run(app.models / reader).probabilities()["test"]
    labels = out_of_sample.labels_of("training", mnist)
    training = np.full((len(labels), 10), 0.1, np.float32)
    qualities = [
        table[np.arange(len(table)), given].astype(np.float64)
        for table, given in ((training, labels), (test, mnist.test.labels))
    ]
    folds = out_of_sample.dealt(labels, 2, 0)
    run = runs.create(Recipe.load("fast"))
    run.update(status="finished")
    unseen = OutOfSample(mnist.checksum, 2, 2, 0, 9, folds, training, test, *qualities)
    out_of_sample.write(run, unseen)
    yield mnist.checksum
    run.delete()
    label_reviews.path_of("mnist").unlink(missing_ok=True)


def test_keys_review_labels_and_two_sessions_lose_no_verdict(
    page: Page, browser: Browser, app: App, reader: str, searched: str
) -> None:
    address = f"{app.url}/explore?run={reader}&explore_view=Labels"
    page.goto(address)
    expect(page.get_by_text("0 of 100 suspects reviewed")).to_be_visible()
    settled(page)
    first = page.get_by_text(re.compile("^Labelled")).inner_text()
    page.keyboard.press("s")
    expect(page.get_by_text("1 of 100 suspects reviewed")).to_be_visible()
    expect(page.get_by_text("Suspect 2 of 100")).to_be_visible()
    settled(page)
    page.keyboard.press("t")
    expect(page.get_by_text("2 of 100 suspects reviewed")).to_be_visible()
    settled(page)
    page.keyboard.press("k")
    expect(page.get_by_text("3 of 100 suspects reviewed")).to_be_visible()
    # Somebody else reviews the fifth meanwhile.
    other = browser.new_context().new_page()
    other.goto(address)
    expect(other.get_by_text("Suspect 4 of 100")).to_be_visible()
    settled(other)
    other.keyboard.press("ArrowRight")
    expect(other.get_by_text("Suspect 5 of 100")).to_be_visible()
    other.keyboard.press("k")
    expect(other.get_by_text("4 of 100 suspects reviewed")).to_be_visible()
    other.context.close()
    settled(page)
    page.keyboard.press("0")
    expect(page.get_by_text("5 of 100 suspects reviewed")).to_be_visible()
    expect(
        page.get_by_text("Suspect 6 of 100").or_(page.get_by_text("Suspect 5 of 100"))
    ).to_be_visible()
    settled(page)
    for _ in range(6):
        page.keyboard.press("ArrowLeft")
        settled(page)
    expect(page.get_by_text(re.compile("^Labelled"))).to_have_text(first)
    expect(page.get_by_text(re.compile("Changed to \\d, today"))).to_be_visible()
    page.keyboard.press("z")
    expect(page.get_by_text("Not reviewed yet")).to_be_visible()
    page.reload()
    expect(page.get_by_text("4 of 100 suspects reviewed")).to_be_visible()
    expect(page.get_by_text("Suspect 1 of 100")).to_be_visible()
    verdicts = [one.verdict for one in label_reviews.of("mnist", searched).values()]
    assert verdicts[:3] == ["cannot tell", "keep", "keep"]
    assert len(verdicts) == 4
    assert violations(page) == []
    # Keys can be turned off (WCAG 2.1.4).
    page.get_by_text("Keys", exact=True).click()
    settled(page)
    page.keyboard.press("k")
    settled(page)
    expect(page.get_by_text("4 of 100 suspects reviewed")).to_be_visible()
