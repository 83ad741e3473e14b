"""`python -m digitcore compare`."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from runs_that_err import run_that_errs

from digitcore.__main__ import main
from digitcore.analysis import comparison, seeds
from digitcore.runs import Run

Like = Callable[..., Run]
CHOICES = {"test": 40, "validation": 20}


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert main(["compare", *arguments, "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    return dict(json.loads(line))


@pytest.fixture
def like(finished: str, small_data: Path) -> Like:
    return functools.partial(run_that_errs, finished, small_data)


def test_two_runs_are_compared_on_validation_unless_test_is_named(
    like: Like, capsys: pytest.CaptureFixture[str]
) -> None:
    first, other = like("aaaa", 12), like("bbbb", 2)
    for split, images in CHOICES.items():
        flags = () if split == "validation" else ("--split", "test")
        result = told(capsys, first.id, other.id, *flags)
        assert (result["runs"], result["split"]) == ([first.id, other.id], split)
        assert result["accuracy"] == [1 - 12 / images, 1 - 2 / images]
        assert result["difference"] == pytest.approx(10 / images)
        assert result["interval"] == list(comparison.paired_interval(0, 10, images))
        assert result["mcnemar_p"] == comparison.mcnemar(0, 10)
        assert result["verdict"].startswith(f"{other.id} is {1000 / images:.2f} points")
        assert result["groups"] == []
    assert main(["compare", first.id, other.id]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("on 20 validation images (McNemar p = 0.002).")
    assert [line.split()[0] for line in lines[2:]] == ["run", first.id, other.id]


def test_more_runs_are_each_compared_with_the_first_and_corrected(
    like: Like, capsys: pytest.CaptureFixture[str]
) -> None:
    first, near, far = like("aaaa", 9), like("bbbb", 8, epochs=3), like("cccc", 0, epochs=4)
    result = told(capsys, first.id, near.id, far.id)
    assert result["difference"] == pytest.approx([1 / 20, 9 / 20])
    ps = [comparison.mcnemar(0, 1), comparison.mcnemar(0, 9)]
    assert result["mcnemar_p"] == comparison.holm(ps)
    assert len(result["interval"]) == len(result["verdict"]) == 2
    assert main(["compare", first.id, near.id, far.id]) == 0
    assert "Of 2 compared with x-aaaa: 1 more accurate, 1 cannot be" in capsys.readouterr().out


def test_runs_that_differ_only_in_their_seed_are_also_compared_as_groups(
    like: Like, capsys: pytest.CaptureFixture[str]
) -> None:
    before = [like(f"a{seed}aa", 8 + seed, seed=seed) for seed in range(3)]
    after = [like(f"b{seed}bb", seed, seed=seed, epochs=3) for seed in range(3)]
    ids = [run.id for run in (*before, *after)]
    result = told(capsys, *ids)
    assert len(result["difference"]) == 5
    first, other = result["groups"]
    assert (first["runs"], other["runs"]) == (ids[:3], ids[3:])
    accuracies = [[1 - (8 + i) / 20 for i in range(3)], [1 - i / 20 for i in range(3)]]
    expected = seeds.difference_of_groups(*accuracies)
    assert (first["mean"], first["number"]) == (pytest.approx(0.55), 3)
    assert first["deviation"] == pytest.approx(0.05)
    assert "verdict" not in first
    assert other["p"] == pytest.approx(expected.p)
    assert other["interval"] == pytest.approx(list(expected.interval or ()))
    assert other["verdict"].startswith(f"{ids[3]} (3 seeds) is 40.00 points")
    assert main(["compare", *ids]) == 0
    assert "55.00 ± 5.00 % (n = 3)" in capsys.readouterr().out
    (group,) = told(capsys, *ids[:3])["groups"]
    assert (group["runs"], group["number"]) == (ids[:3], 3)


def test_other_fractions_are_compared_on_what_validated_all(
    like: Like, capsys: pytest.CaptureFixture[str]
) -> None:
    first, other = (
        like("aaaa", 12),
        like("bbbb", 12, validation_split=0.05),
    )  # on its first two of ten
    for pair in ((first.id, other.id), (other.id, first.id)):
        result = told(capsys, *pair)
        assert (result["images"], result["accuracy"]) == (10, [0.8, 0.8])


def test_runs_that_cannot_be_compared_are_refused_in_one_line(
    like: Like, capsys: pytest.CaptureFixture[str]
) -> None:
    first, other = like("aaaa", 3), like("bbbb", 2, training_images=150)
    for arguments, rule in (
        ([first.id], "A comparison takes 2 to 20 runs. Received: 1"),
        ([first.id, first.id], "A comparison has each run once"),
        ([first.id, other.id], "validated on the same images"),
    ):
        assert main(["compare", *arguments, "--json"]) == 1
        out, err = capsys.readouterr()
        assert rule in json.loads(out)["error"]
        assert len(err.splitlines()) == 1
    assert main(["compare", first.id, other.id, "--split", "test"]) == 0
