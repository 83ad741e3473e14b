"""What is said of several networks against the first, and which runs may be compared at all."""

from __future__ import annotations

import json

import numpy as np
import pytest
from made_up import SMALLEST, metrics

from digitcore import runs
from digitcore.analysis import comparable, comparison, verdicts
from digitcore.analysis.verdicts import Contender
from digitcore.recipes import Recipe
from digitcore.runs import Run, RunError

LABELS = np.zeros(10_000, int)


def contender(name: str, *wrong: range | list[int]) -> Contender:
    """A network that errs on these of 10,000 images, one range a seed."""
    return Contender(name, [np.isin(np.arange(10_000), list(one)).astype(int) for one in wrong])


def sentence(*contenders: Contender) -> str:
    (one,) = verdicts.against_first(contenders, LABELS, "test")
    return one.sentence


def test_a_difference_that_is_real_names_the_better_one_first() -> None:
    worse, better = contender("fast", range(98)), contender("tiny", range(90, 140))
    expected = "tiny is 0.48 points (0.26 to 0.71) more accurate than fast on 10,000 test images (McNemar p < 0.001)."
    assert sentence(worse, better) == expected
    assert sentence(better, worse) == expected


def test_what_cannot_be_told_apart_says_how_many_images_it_would_take() -> None:
    told = sentence(contender("fast", range(60)), contender("tiny", range(30, 80)))
    assert told == (
        "fast and tiny cannot be told apart on 10,000 test images; that would take about 39,000 "
        "(difference 0.10 points, −0.04 to 0.24; McNemar p = 0.20)."
    )


def test_two_that_are_alike_are_told_so() -> None:
    assert sentence(contender("a", range(5)), contender("b", range(5))) == (
        "a and b predict the same of 10,000 test images correctly."
    )
    assert sentence(contender("a", [1]), contender("b", [2])) == (
        "a and b cannot be told apart on 10,000 test images: each predicts 1 image correctly that the "
        "other does not."
    )


def test_groups_are_compared_over_their_seeds() -> None:
    first = contender("fast", range(97), range(100), range(103))
    other = contender("tiny", range(50), range(52), range(49))
    assert sentence(first, other).startswith("tiny (3 seeds) is 0.50 points (")
    assert sentence(first, other).endswith(
        "accurate than fast (3 seeds) on 10,000 test images (over seeds p < 0.001)."
    )
    near = contender("near", range(98), range(101))
    assert "cannot be told apart by these seeds on 10,000 test images" in sentence(first, near)
    same = contender("same", range(98), range(98))
    assert "the seeds do not show how far they spread" in sentence(contender("a", [1]), same)


def test_several_are_each_held_against_the_first_and_corrected_together() -> None:
    everyone = [
        contender("first", range(100)),
        contender("near", range(88)),
        contender("better", range(60)),
        contender("worse", range(160)),
    ]
    told = verdicts.against_first(everyone, LABELS, "validation")
    alone = [comparison.mcnemar(12, 0), comparison.mcnemar(0, 40), comparison.mcnemar(60, 0)]
    assert [one.p for one in told] == comparison.holm(alone)
    assert [one.name for one in told] == ["near", "better", "worse"]
    assert all("Holm over 3" in one.sentence for one in told)
    assert (
        verdicts.summary(told, "first")
        == "Of 3 compared with first: 2 more accurate, 1 less accurate."
    )
    twins = verdicts.against_first([everyone[0]] * 3, LABELS, "test")
    assert verdicts.summary(twins, "first") == (
        "Of 2 compared with first: 2 cannot be told apart from it."
    )
    assert verdicts.summary(told[:1], "first") == told[0].sentence


def test_what_only_the_correction_keeps_together_needs_no_further_images() -> None:
    first, near = contender("first", range(100)), contender("near", range(91))
    alone = verdicts.against_first([first, near], LABELS, "test")[0]
    assert alone.told_apart
    among = verdicts.against_first([first, near, *[first] * 29], LABELS, "test")[0]
    assert not among.told_apart
    assert "cannot be told apart on 10,000 test images (difference" in among.sentence


def test_most_of_the_seeds_decide_what_a_group_predicts_correctly() -> None:
    group = contender("fast", [0, 1], [1, 2], [1, 3])
    assert np.flatnonzero(~group.is_right(LABELS)).tolist() == [1]
    tie = contender("fast", [0], [1])
    assert np.flatnonzero(~tie.is_right(LABELS)).tolist() == [0, 1]


def test_one_network_has_nothing_to_be_held_against() -> None:
    assert verdicts.against_first([contender("a", [1])], LABELS, "test") == []
    with pytest.raises(ValueError, match="Received: none"):
        verdicts.against_first([], LABELS, "test")


def test_how_numbers_are_written() -> None:
    assert verdicts.interval((-0.0003, 0.0013)) == "−0.03 to 0.13"
    assert [verdicts.p_value(p) for p in (0.0004, 0.0493, 0.21)] == [
        "p < 0.001",
        "p = 0.049",
        "p = 0.21",
    ]
    group = contender("fast", range(97), range(100), range(103))
    told = verdicts.seeds.group(group.accuracies(LABELS))
    assert verdicts.group_accuracy(told) == "99.00 ± 0.03 % (n = 3)"
    assert verdicts.group_accuracy(verdicts.seeds.group([0.9902])) == "99.02 %"


# --- which runs ----------------------------------------------------------------


def ended(recipe: Recipe = SMALLEST, status: str = "finished", **values: object) -> Run:
    run = runs.create(recipe)
    told = metrics(data_checksum="a" * 64) | values
    (run.path / "metrics.json").write_text(json.dumps(told))
    run.update(status=status)
    return run


def test_runs_of_other_data_are_refused_in_a_sentence() -> None:
    run = ended()
    for other, rule in (
        (ended(SMALLEST.for_dataset("kmnist")), "one dataset. Received: .*MNIST.*, .*Kuzushiji"),
        (ended(data_checksum="b" * 64), "the same images. Received: .*aaaaaaaa.*bbbbbbbb"),
        (run, "each run once"),
        (runs.create(SMALLEST), "that have ended .* is queued"),
    ):
        for split in ("test", "validation"):
            with pytest.raises(RunError, match=rule):
                comparable.check([run, other], split)
    with pytest.raises(RunError, match="2 to 20 runs"):
        comparable.check([run] * 21, "test")


def test_runs_with_other_validation_images_are_compared_on_test_alone() -> None:
    run, fewer = ended(), ended(SMALLEST.changed(training_images=12_000))
    assert comparable.splits([run, ended()]) == ["validation", "test"]
    assert comparable.splits([run, fewer]) == ["test"]
    with pytest.raises(RunError, match=r"same images\. Received: .*60,000.*12,000"):
        comparable.check([run, fewer], "validation")


def test_of_other_fractions_the_last_images_validated_all() -> None:
    assert (
        comparable.splits([ended(), ended(SMALLEST.changed(validation_split=0.2))])[0]
        == "validation"
    )
    arrays = [np.arange(6, dtype=np.uint8), np.arange(2, 6, dtype=np.uint8)]
    assert [one.tolist() for one in comparable.in_common(arrays)] == [[2, 3, 4, 5]] * 2


def test_a_run_whose_predictions_are_of_other_images_is_broken() -> None:
    run = ended(test_images=5, validation_images=4)
    tables = {
        "test": np.full((5, 10), 0.1, np.float32),
        "validation": np.eye(5, 10, dtype=np.float32),
    }
    np.savez(run.path / "probabilities.npz", **tables)
    assert comparable.predicted(run, "test").tolist() == [0] * 5
    with pytest.raises(RunError, match="other images than its"):
        comparable.predicted(run, "validation")


def test_runs_that_differ_only_in_their_seed_are_a_group() -> None:
    first, second, third = (ended(SMALLEST.changed(seed=seed)) for seed in (0, 1, 2))
    again = ended(SMALLEST.changed(seed=1))
    longer = ended(SMALLEST.changed(seed=3, epochs=9))
    renamed = ended(SMALLEST.changed(seed=4, name="other"))
    stopped = ended(SMALLEST.changed(seed=5), status="stopped")
    tuned = dict.fromkeys(("samples", "held_out", "correct_before", "correct_after"), 1)
    fine_tuned = ended(SMALLEST.changed(seed=6), fine_tuning={**tuned, "test_accuracy_before": 0.5})
    groups = comparable.by_seed([longer, first, second, again, stopped, third, fine_tuned, renamed])
    assert groups == [[longer], [first, second, third, renamed], [again], [stopped], [fine_tuned]]
