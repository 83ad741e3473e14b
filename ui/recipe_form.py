"""The sidebar: a dataset, a recipe and its hyperparameters, each widget made from its field."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import streamlit as st

from digitcore.datasets import registry
from digitcore.recipes import (
    EARLIER_NAMES,
    Hyperparameter,
    Recipe,
    RecipeError,
    hyperparameters,
    inapplicable,
)
from ui import text

_OPEN = "Training"


def recipe_form() -> Recipe:
    """Draws the form where it is called and returns what it says; the URL keeps every change."""
    if "dataset" not in st.session_state:
        _rewrite_address()
        if "dataset" not in st.query_params:
            _bring_dataset(st.query_params.get("recipe", ""))
    dataset = st.selectbox(
        "Dataset",
        registry.names(),
        format_func=text.title,
        key="dataset",
        bind="query-params",
        on_change=_follow_recipe,
    )
    st.caption(_about(dataset))
    names = Recipe.names()
    name = st.selectbox(
        "Recipe", names, key="recipe", bind="query-params", on_change=_choose_recipe
    )
    base = _base(name, dataset)
    st.caption(base.description)
    hidden = inapplicable(base.info)
    parameters = list(hyperparameters())
    values: dict[str, Any] = {}
    changed = st.container()
    for group in dict.fromkeys(p.group for p in parameters):
        members = [p for p in parameters if p.group == group]
        # A title that counted the changes would be a new group, closed while it is used.
        with st.container() if group == _OPEN else st.expander(group):
            for parameter in members:
                if parameter.name not in hidden and _matters(parameter, values):
                    values[parameter.name] = _widget(parameter, getattr(base, parameter.name))
    recipe = _recipe(base, values)
    with changed:
        _changes(base, recipe)
    return recipe


def _rewrite_address() -> None:
    """Puts what a person or an earlier version wrote into the address as the widgets write it.

    They read nothing else there: `60,000` and `Fashion-MNIST`, not `60000` and `fashion-mnist`.
    """
    stopped = {parameter.name: parameter for parameter in hyperparameters() if parameter.stops}
    before = st.query_params.to_dict()
    after = {}
    for name, written in before.items():
        now = EARLIER_NAMES.get(name, name)
        after.setdefault(now, written)
        if now == "dataset" and written in registry.names():
            after[now] = text.title(written)
        elif now in stopped:
            with suppress(ValueError):
                after[now] = text.value(stopped[now].type(written))
    if after != before:
        st.query_params.from_dict(after)
        st.rerun()


def _widget(parameter: Hyperparameter, default: Any) -> Any:
    key, asked = parameter.name, _chosen(parameter, default)
    label = parameter.label
    if parameter.unit and parameter.unit not in label.lower():
        label += f" ({parameter.unit})"
    options: dict[str, Any] = {
        "label": f"{label} · recipe: {text.value(default)}" if asked != default else label,
        "help": parameter.help,
        "key": key,
        "bind": "query-params",
    }
    if parameter.choices:
        choices = list(parameter.choices)
        return st.selectbox(options=choices, index=choices.index(default), **options)
    if parameter.stops:
        stops = sorted({*parameter.stops, default, asked})
        return st.select_slider(options=stops, value=default, format_func=text.value, **options)
    kind = parameter.type
    low, high = kind(parameter.low or 0), kind(parameter.high or 0)
    step = kind(parameter.step or 1)
    if high - low > 1000:
        return st.number_input(value=default, min_value=low, max_value=high, step=step, **options)
    if kind is float:  # with as many decimals as its steps have
        options["format"] = f"%.{len(str(step).partition('.')[2])}f"
    return st.slider(value=default, min_value=low, max_value=high, step=step, **options)


def _about(dataset: str) -> str:
    info = registry.get(dataset)
    start = (
        f" Start works without a network: it trains on {info.train_images:,} images, and "
        f"predicts {info.expected} of the {info.test_images:,} test images."
        if info.expected
        else ""
    )
    return f"**{info.title}**: {info.about} {info.class_count} classes, {info.licence}.{start}"


def _base(name: str, dataset: str) -> Recipe:
    try:
        return Recipe.load(name).for_dataset(dataset)
    except RecipeError as error:
        st.error(f"The recipe {name} does not fit {registry.get(dataset).title}: {error}")
        st.stop()


def _recipe(base: Recipe, values: dict[str, Any]) -> Recipe:
    try:
        return base.changed(**values)
    except RecipeError as error:
        st.error(str(error))
        st.stop()


def _changes(base: Recipe, recipe: Recipe) -> None:
    changed = [name.replace("_", " ") for name in recipe.differences(base)]
    with st.container(horizontal=True, vertical_alignment="center"):
        if not changed:
            st.caption("As in the recipe")
        else:
            st.caption(f"{len(changed)} changed: {', '.join(changed)}")
            st.button("Reset", type="tertiary", on_click=_follow_recipe, icon=":material/undo:")


def use(recipe: Recipe) -> None:
    """Sets the form to this recipe, which must be a shipped one but for its hyperparameters."""
    st.session_state["recipe"] = recipe.name
    st.session_state["dataset"] = recipe.dataset
    for parameter in hyperparameters():
        st.session_state[parameter.name] = getattr(recipe, parameter.name)


def _choose_recipe() -> None:
    _bring_dataset(st.session_state["recipe"])
    _follow_recipe()


def _bring_dataset(recipe: str) -> None:
    """A recipe that was made for another dataset than most brings it along."""
    if recipe in Recipe.names():
        own = Recipe.load(recipe).dataset
        if own != registry.names()[0]:
            st.session_state["dataset"] = own


def _follow_recipe() -> None:
    with suppress(RecipeError):  # the form says it
        use(Recipe.load(st.session_state["recipe"]).for_dataset(st.session_state["dataset"]))


def _chosen(parameter: Hyperparameter, default: Any) -> Any:
    """What the widget is about to say: its state, or in a fresh page what the URL asks for."""
    if parameter.name in st.session_state:
        return st.session_state[parameter.name]
    written = st.query_params.get(parameter.name)
    if written is None or (parameter.choices and written not in parameter.choices):
        return default
    try:
        value = parameter.type(written.replace(",", ""))
        Recipe.load(Recipe.names()[0]).changed(**{parameter.name: value})
    except ValueError:
        return default
    return value


def _matters(parameter: Hyperparameter, values: dict[str, Any]) -> bool:
    return all(values.get(name) == value for name, value in parameter.only.items())
