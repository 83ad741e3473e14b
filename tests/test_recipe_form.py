"""The sidebar's form: what the address and a recipe put there, and what Start makes of it."""

from __future__ import annotations

import pytest
from pages_of_runs import bars, said, visit

from digitcore import runs
from digitcore.datasets import registry
from digitcore.recipes import EARLIER_NAMES, Recipe, hyperparameters

pytestmark = pytest.mark.usefixtures("fresh_pages")


def test_start_queues_what_the_sidebar_says() -> None:
    app = visit("train", recipe="two-conv", epochs="3", optimizer="sgd")
    app.button[[b.label for b in app.button].index("Start")].click().run()
    (run,) = runs.list_runs()
    assert run.recipe == Recipe.load("two-conv").changed(epochs=3, optimizer="sgd")
    assert app.query_params["run"] in (run.id, [run.id])
    assert "Starting" in bars(app)


def test_every_hyperparameter_that_matters_has_a_widget() -> None:
    app = visit("train", recipe="two-conv", optimizer="sgd", schedule="step")
    keys = {
        w.key
        for kind in (app.selectbox, app.slider, app.select_slider, app.number_input)
        for w in kind
    }
    silent = {"warmup_ratio"}  # belongs to another schedule
    assert {p.name for p in hyperparameters()} - silent <= keys


def test_changes_are_counted_and_reset_brings_the_recipe_back() -> None:
    app = visit("train", recipe="two-conv", epochs="3")
    assert "1 changed" in said(app)
    app.button[[b.label for b in app.button].index("Reset")].click().run()
    assert "As in the recipe" in said(app)


def test_the_address_takes_plain_numbers_even_where_the_slider_has_no_stop() -> None:
    app = visit("train", recipe="two-conv", training_images="2000", batch_size="100", epochs="12")
    app.button[[b.label for b in app.button].index("Start")].click().run()
    (run,) = runs.list_runs()
    asked = {"training_images": 2000, "batch_size": 100, "epochs": 12}
    assert run.recipe == Recipe.load("two-conv").changed(**asked)


def test_the_sidebar_writes_thousands_and_titles_as_the_pages_do() -> None:
    app = visit("train", recipe="two-conv", training_images="2000", dataset="fashion-mnist")
    (images,) = [slider for slider in app.select_slider if slider.key == "training_images"]
    assert images.proto.options[-3:] == ["240,000", "500,000", "1,000,000"]
    assert images.value == 2000
    assert images.label == "Training images · recipe: 60,000"
    assert "MNIST" in app.sidebar.selectbox(key="dataset").options
    run = runs.create(Recipe.load("two-conv").changed(training_images=2000))
    run.update(status="failed")
    assert "training images 2,000" in said(visit("train", run=run.id))


@pytest.mark.parametrize("written", ["2000", "2,000"])
@pytest.mark.parametrize("dataset", ["fashion-mnist", "Fashion-MNIST"])
def test_the_address_takes_numbers_and_datasets_as_pages_and_as_commands_write_them(
    written: str, dataset: str
) -> None:
    app = visit("train", recipe="two-conv", training_images=written, dataset=dataset)
    app.button[[b.label for b in app.button].index("Start")].click().run()
    (run,) = runs.list_runs()
    fashion = Recipe.load("two-conv").for_dataset("fashion-mnist")
    assert run.recipe == fashion.changed(training_images=2000)


@pytest.mark.parametrize(("earlier", "name"), EARLIER_NAMES.items())
def test_the_address_takes_earlier_names(earlier: str, name: str) -> None:
    (field,) = [p for p in hyperparameters() if p.name == name]
    value = field.stops[1] if field.stops else 0.2
    app = visit("train", recipe="two-conv", schedule="cosine", **{earlier: str(value)})
    widgets = {w.key: w for kind in (app.slider, app.select_slider) for w in kind}
    assert widgets[name].value == value


@pytest.mark.parametrize("value", ["0", "-4", "abc", "1e400", "", "<b>"])
def test_the_address_cannot_break_the_form(value: str) -> None:
    app = visit("train", recipe="two-conv", epochs=value, optimizer=value, rotation=value)
    assert not app.exception
    assert "As in the recipe" in said(app)


def test_what_the_address_changes_is_marked_at_once() -> None:
    app = visit("train", recipe="two-conv", epochs="3")
    (epochs,) = [slider for slider in app.select_slider if slider.key == "epochs"]
    assert epochs.label == "Epochs · recipe: 5"


def test_a_runs_settings_are_shown_and_can_be_used_again() -> None:
    run = runs.create(Recipe.load("two-conv").changed(epochs=3, optimizer="sgd"))
    run.update(status="failed")
    app = visit("train", run=run.id)
    assert "epochs 3 · optimizer sgd" in said(app)
    app.button[[b.label for b in app.button].index("Use these settings")].click().run()
    assert not app.exception
    assert "2 changed" in said(app)


def test_settings_of_a_network_that_is_no_longer_shipped_are_not_offered() -> None:
    layers = [{"kind": "flatten"}, {"kind": "dense", "units": 9}]
    run = runs.create(Recipe.load("two-conv").changed(layers=layers))
    run.update(status="failed")
    labels = [button.label for button in visit("train", run=run.id).button]
    assert "Use these settings" not in labels
    assert "Resume" in labels


def test_the_steps_of_an_epoch_are_those_of_the_images_that_it_takes() -> None:
    assert "190 training and 10 validation images · 2 steps an epoch" in said(visit("train"))
    some = said(visit("train", epoch_images="150", batch_size="50"))
    assert "190 training and 10 validation images · 150 images in 3 steps an epoch" in some


def test_every_slider_ends_at_the_bounds_of_its_field() -> None:
    stopped = [p for p in hyperparameters() if p.stops]
    assert len(stopped) > 5
    for p in stopped:
        assert max(p.stops) == p.high, p.name
        assert p.above or min(p.stops) >= p.low, p.name


def test_without_mnist_train_says_before_start_what_is_trained_on_and_what_to_expect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DIGITCORE_DATA_DIR")
    told = said(visit("train", recipe="fast"))
    assert "Start works all the same: it trains on scikit-learn's digits, 1,397" in told
    assert registry.get("digits").expected in told
    # 5 % of 1,397 validate, and an epoch of `fast` takes all others.
    assert "1,327 training and 70 validation images of scikit-learn's digits · 11 steps" in told
    assert "57,000" not in told


def test_with_the_images_here_train_counts_them_alone() -> None:
    told = said(visit("train", recipe="fast"))
    assert "190 training and 10 validation images" in told
    assert "scikit-learn" not in told


def test_a_recipe_made_for_another_dataset_brings_it_along_and_others_keep_what_was_chosen() -> (
    None
):
    app = visit("train")
    app.sidebar.selectbox(key="recipe").select("small-digits").run()
    assert app.sidebar.selectbox(key="dataset").value == "digits"
    app.sidebar.selectbox(key="recipe").select("fast").run()
    assert app.sidebar.selectbox(key="dataset").value == "digits"
    assert visit("train", recipe="small-digits").sidebar.selectbox(key="dataset").value == "digits"
    given = visit("train", recipe="small-digits", dataset="fashion-mnist")
    assert given.sidebar.selectbox(key="dataset").value == "fashion-mnist"
