"""Explore's view "Probabilities": whether they mean what they say, and what rejecting the least sure does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from digitcore.analysis import calibration, classification, rejection, written
from digitcore.analysis.calibration import Reliability
from digitcore.analysis.rejection import RiskCoverage
from digitcore.analysis.selection import EVERYTHING, RIGHT_OR_WRONG, Selection
from digitcore.drawing import synthetic
from digitcore.drawing.input_image import AS_MNIST
from digitcore.figures.calibration import reliability_diagram, risk_coverage_figure
from digitcore.runs import RunError
from ui import address, caching, image_filters, text
from ui.frame import heard, section
from ui.study import Study

MOST_REJECTED = 50  # percent
DRAWINGS, DRAWINGS_SEED = 1000, 20_000
_ECE = (
    "ECE, the expected calibration error (Guo et al., 2017): how far confidence and accuracy are apart "
    f"in {calibration.BINS} equally wide bins, in the mean over images. Its 95 % interval is by the "
    "bootstrap, and begins at 0 where that much may be chance."
)


@dataclass(frozen=True)
class Calibration:
    """What probabilities say and what is right, of one table on one set of images.

    Attributes:
        says: the mean confidence, 0 to 1.
        right, images: how many images are correct, of how many.
        reliability: by confidence.
        error_interval: of its calibration error.
        loss: mean cross-entropy in nats.
    """

    says: float
    right: int
    images: int
    reliability: Reliability
    error_interval: tuple[float, float]
    loss: float

    @property
    def error(self) -> str:
        """Its calibration error with the interval: `1.23 % (1.04–1.40)`."""
        return written.accuracy(self.reliability.error, self.error_interval)

    @property
    def sentence(self) -> str:
        low, high = classification.wilson(self.right, self.images)
        verdict = (
            "less sure than it may be"
            if self.says < low
            else "surer than it may be"
            if self.says > high
            else "as sure as it may be"
        )
        return (
            f"Says **{written.percent(self.says)}** on average and is right in "
            f"**{written.percent(self.right / self.images)}** ({written.interval((low, high))}): "
            f"{verdict}; ECE **{self.error}**."
        )


@dataclass(frozen=True)
class Trust:
    """A run's probabilities on a split, as they are and at the temperature that validation chose."""

    temperature: float
    before: Calibration
    after: Calibration
    curve: RiskCoverage
    auroc: float | None


def show(study: Study) -> None:
    """Draws the view."""
    narrowed = study.selection.without(RIGHT_OR_WRONG)
    some = narrowed.passes(study.images)
    heard("Calibration")
    if not some.any():
        st.markdown("No image is selected.")
        return
    if narrowed != EVERYTHING:
        st.caption(
            f"Of the {text.counted(int(some.sum()), 'image')} that the selection leaves whether right or "
            "wrong: “Only errors”, the true class and another run's answers do not narrow this view."
        )
    path = study.run.path
    when = caching.changed(path / "probabilities.npz")
    trust = _trust(path, when, study.split_name, narrowed, study, some)
    st.markdown(trust.before.sentence, help=_ECE)
    st.markdown(f"{_tempered(trust)} {_where(study.split_name)}")
    _diagrams(trust.before, trust.after, trust.temperature, "")
    st.caption(
        "Blue: how many of a bin are right, with the 95 % interval; the dashed line is where they would be "
        "if it said just that. Hatched: the gap. Above each bar: its images."
    )
    section("Rejection")
    reject(trust, study.split_name)
    if study.run.recipe.info.drawing == AS_MNIST and len(study.names) == 10:
        drawings(study, trust.temperature)


def _tempered(trust: Trust) -> str:
    """What the temperature is and does, in a sentence."""
    value = trust.temperature
    if value == calibration.COLDEST:
        return (
            f"No temperature can be fitted: on validation the lower the better, down to {value:g}, the "
            "lowest that is tried, as hardly an image there is wrong."
        )
    what = "more" if value < 1 else "less"
    limit = ", the highest that is tried," if value == calibration.HOTTEST else ","
    return (
        f"A temperature of **{value:.2f}**{limit} fitted on validation, makes it {what} sure: "
        f"says {written.percent(trust.after.says)}, ECE **{trust.after.error}**."
    )


def _where(split_name: str) -> str:
    if split_name == "validation":
        return "These are the images it was fitted on: see how it does on test."
    return ""


def _diagrams(before: Calibration, after: Calibration, temperature: float, of: str) -> None:
    """Both reliability diagrams; `of` names the images in their keys, and to who hears the page."""
    columns = st.columns(2, gap="medium")
    titles = ("As it predicts", f"At temperature {temperature:.2f}")
    for column, title, one in zip(columns, titles, (before, after), strict=True):
        with column:
            st.markdown(f"**{title}** · ECE {one.error} · loss {one.loss:.3f}")
            st.plotly_chart(
                reliability_diagram(one.reliability),
                key=f"reliability-{title[:2]}{of}",
                config={"displayModeBar": False},
                alt=f"Reliability diagram{of}, {title[0].lower()}{title[1:]}: accuracy by confidence. "
                f"Says {written.percent(one.says)}, right in {written.percent(one.right / one.images)}",
            )


# Of its own, so that the slider draws nothing else anew.
@st.fragment
def reject(trust: Trust, split_name: str) -> None:
    """A slider, what it does in a sentence, the curve, and a way to the images."""
    left, right = st.columns(2, gap="medium")
    with left:
        address.bring_back("rejected")
        percent = st.slider(
            "Reject the least sure",
            0.0,
            float(MOST_REJECTED),
            1.0,
            0.1,
            key="rejected",
            format="%.1f %%",
            bind="query-params",
        )
        address.remember("rejected", percent)
        chosen = trust.curve.rejecting(percent / 100)
        before, kept = trust.curve.rejecting(0), trust.before.images - chosen.images
        ends = [1 - end for end in classification.wilson(round(kept - chosen.errors), kept)][::-1]
        st.markdown(
            f"Rejecting the least sure **{percent:.1f} %**, {text.counted(chosen.images, 'image')}: "
            f"the error {_change(before.error, chosen.error)} ({written.interval(ends)}) on "
            f"{split_name}. Of {text.counted(round(before.errors), 'wrong image')} it catches "
            f"{chosen.caught:,.0f}."
        )
        # The filter of Errors counts in whole percents, and in the precision of the table.
        most = int(100 * chosen.threshold)
        count = int((trust.curve.confidence <= np.float32(most / 100)).sum())
        if st.button(
            f"Show the {text.counted(count, 'image')} at most {most} % sure",
            icon=":material/grid_view:",
            disabled=not count,
            on_click=_to_errors,
            args=(most,),
        ):
            st.rerun()
        st.caption(_ranking(trust))
    with right:
        st.plotly_chart(
            risk_coverage_figure(trust.curve, chosen, MOST_REJECTED / 100),
            key="risk-coverage",
            config={"displayModeBar": False},
            alt="Risk–coverage curve: the error of what is kept over the fraction that is kept",
        )


def _change(before: float, after: float) -> str:
    if abs(after - before) < 5e-5:  # nothing that would be seen
        return f"stays at **{written.percent(after)}**"
    verb = "falls" if after < before else "rises"
    return f"{verb} from {written.percent(before)} to **{written.percent(after)}**"


def _to_errors(most: int) -> None:
    # What narrows this view narrows the images, too.
    low, _ = st.session_state["confidence"]
    whoever = {name: image_filters.DEFAULTS[name] for name in ("true", "other")}
    image_filters.change(
        **whoever, confidence=(min(low, most), most), errors=False, sort="least confident"
    )
    st.session_state["explore_view"] = "Errors"


def _ranking(trust: Trust) -> str:
    """How well confidence tells correct images from wrong ones."""
    area = f"Area under the curve (AURC): {100 * trust.curve.area:.3f} %."
    if trust.auroc is None:
        return f"{area} The images are all correct or all wrong, so that there is nothing to tell apart."
    return (
        f"{area} AUROC {trust.auroc:.3f}: of a correct and a wrong image, the correct one is the surer "
        f"{100 * trust.auroc:.1f} times in 100."
    )


def drawings(study: Study, temperature: float) -> None:
    """The same on digits that the project draws itself, once somebody opens it."""
    box = st.expander("On synthetic drawings", key="explore_drawings", on_change="rerun")
    if not box.open:  # they take a second
        return
    with box:
        try:
            before, after = _on_drawings(
                study.run.path, caching.changed(study.run.path / "model.tflite"), temperature, study
            )
        except RunError as error:
            st.error(text.plain(str(error)))
            return
        st.markdown(before.sentence)
        st.caption(
            f"{DRAWINGS:,} digits that the project draws itself, with flags, bars and slashes: no person "
            "wrote them, and a recipe with synthetic digits has learned others of the same kind. "
            f"The temperature is that of validation, {temperature:.2f}."
        )
        _diagrams(before, after, temperature, " of synthetic drawings")


def _measured(probabilities: np.ndarray, labels: np.ndarray) -> Calibration:
    answers = calibration.answers(probabilities, labels)
    return Calibration(
        says=float(answers[0].mean()),
        right=int(answers[1].sum()),
        images=len(labels),
        reliability=calibration.reliability(*answers),
        error_interval=calibration.error_interval(*answers),
        loss=classification.log_loss(probabilities, labels),
    )


@st.cache_resource(max_entries=16, show_spinner=False)
def _trust(
    path: Path,
    changed: float,
    split_name: str,
    narrowed: Selection,
    _study: Study,
    _some: np.ndarray,
) -> Trust:
    table, labels = _study.probabilities[_some], _study.split.labels[_some]
    validation = _study.tables["validation"], _study.splits["validation"].labels
    temperature = calibration.temperature(*validation)
    answers = calibration.answers(table, labels)
    return Trust(
        temperature,
        _measured(table, labels),
        _measured(calibration.at_temperature(table, temperature), labels),
        rejection.risk_coverage(*answers),
        rejection.auroc(*answers),
    )


@st.cache_resource(max_entries=1, show_spinner="Drawing digits")
def _drawn() -> tuple[np.ndarray, np.ndarray]:
    images, labels, _ = synthetic.images(DRAWINGS, 0, DRAWINGS_SEED)
    return images, labels


@st.cache_resource(max_entries=16, show_spinner=False)
def _on_drawings(
    path: Path, changed: float, temperature: float, _study: Study
) -> tuple[Calibration, Calibration]:
    images, labels = _drawn()
    table = caching.predictor(_study.run).probabilities(images)
    mended = calibration.at_temperature(table, temperature)
    return _measured(table, labels), _measured(mended, labels)
