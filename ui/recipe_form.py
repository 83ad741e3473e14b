"""The sidebar: a recipe and its hyperparameters, each widget made from its field."""

from __future__ import annotations

from typing import Any

import streamlit as st

from digitcore.recipe import Hyperparameter, Recipe, RecipeError, hyperparameters

_OPEN = "Training"


def recipe_form() -> Recipe:
    """Draws the form where it is called and returns what it says; the URL keeps every change."""
    names = Recipe.names()
    name = st.selectbox(
        "Recipe", names, key="recipe", bind="query-params", on_change=_follow_recipe
    )
    base = Recipe.load(name)
    st.caption(base.description)
    parameters = list(hyperparameters())
    values: dict[str, Any] = {}
    changed = st.container()
    for group in dict.fromkeys(p.group for p in parameters):
        members = [p for p in parameters if p.group == group]
        with st.container() if group == _OPEN else st.expander(_title(group, members, base)):
            for parameter in members:
                if _matters(parameter, values):
                    values[parameter.name] = _widget(parameter, getattr(base, parameter.name))
    recipe = _recipe(base, values)
    with changed:
        _changes(base, recipe)
    return recipe


def _widget(parameter: Hyperparameter, default: Any) -> Any:
    key = parameter.name
    changed = key in st.session_state and st.session_state[key] != default
    label = parameter.label + (f" ({parameter.unit})" if parameter.unit not in ("", key) else "")
    options: dict[str, Any] = {
        "label": f"**{label}** · recipe: {_text(default)}" if changed else label,
        "help": parameter.help,
        "key": key,
        "bind": "query-params",
    }
    if parameter.choices:
        choices = list(parameter.choices)
        return st.selectbox(options=choices, index=choices.index(default), **options)
    if parameter.stops:
        stops = sorted({*parameter.stops, default})
        return st.select_slider(options=stops, value=default, format_func=_text, **options)
    kind = parameter.type
    low, high = kind(parameter.low or 0), kind(parameter.high or 0)
    step = kind(parameter.step or 1)
    if high - low > 1000:
        return st.number_input(value=default, min_value=low, max_value=high, step=step, **options)
    return st.slider(value=default, min_value=low, max_value=high, step=step, **options)


def _recipe(base: Recipe, values: dict[str, Any]) -> Recipe:
    try:
        return base.changed(**values)
    except RecipeError as error:
        st.error(str(error))
        st.stop()


def _changes(base: Recipe, recipe: Recipe) -> None:
    count = len(recipe.differences(base))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{count} changed" if count else "As in the recipe")
        if count:
            st.button("Reset", type="tertiary", on_click=_follow_recipe, icon=":material/undo:")


def _follow_recipe() -> None:
    base = Recipe.load(st.session_state["recipe"])
    for parameter in hyperparameters():
        st.session_state[parameter.name] = getattr(base, parameter.name)


def _matters(parameter: Hyperparameter, values: dict[str, Any]) -> bool:
    return all(values.get(name) == value for name, value in parameter.only.items())


def _title(group: str, members: list[Hyperparameter], base: Recipe) -> str:
    count = sum(
        st.session_state.get(p.name, getattr(base, p.name)) != getattr(base, p.name)
        for p in members
    )
    return f"{group} · {count} changed" if count else group


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
