"""Each dataset says all that the rest of digitcore needs to know of it."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from digitcore.datasets import registry
from digitcore.datasets.catalogue import DATASETS

DOWNLOADED = {info.name: info for info in DATASETS if info.sources}


def test_the_registered_datasets() -> None:
    assert registry.names() == [info.name for info in DATASETS]
    counts = {name: registry.get(name).class_count for name in registry.names()}
    assert counts["emnist-letters"] == 26
    assert counts["emnist-balanced"] == 47
    assert counts["mnist"] == counts["fashion-mnist"] == counts["digits"] == 10
    for name in registry.names():
        info = registry.get(name)
        assert info.name == name
        assert len(set(info.classes)) == info.class_count
        assert info.title
        assert info.licence
        assert info.about.endswith(".")


def test_only_the_digits_of_scikit_learn_need_no_download() -> None:
    assert set(registry.names()) - set(DOWNLOADED) == {"digits"}


@pytest.mark.parametrize("name", DOWNLOADED)
def test_files_have_checksums_and_two_hosts(name: str) -> None:
    sources = DOWNLOADED[name].sources
    hosts = set()
    for source in sources:
        for file in source:
            assert re.fullmatch(r"sha256:[0-9a-f]{64}", file.digest)
            assert file.size > 100
            assert len(set(file.urls)) == len(file.urls) > 0
            assert all(url.endswith(f"/{file.name}") for url in file.urls)
        hosts |= {urlsplit(url).netloc for url in source[0].urls}
    assert len(hosts) >= 2


@pytest.mark.parametrize("name", DOWNLOADED)
def test_each_source_brings_all_files(name: str) -> None:
    info = DOWNLOADED[name]
    for source in info.sources:
        files = [m.rsplit("/", 1)[-1] for f in source for m in (f.members or (f.name,))]
        stems = info.idx_stems if not info.base else ("qmnist-test",)
        assert len(files) in (1, 2 * len(stems))
        if len(files) > 1:
            assert all(any(file.startswith(f"{stem}-") for stem in stems) for file in files)


def test_a_name_is_registered_once() -> None:
    info = replace(registry.get("mnist"), name="made-up", title="Made up")
    registry.register(info)
    try:
        assert registry.get("made-up") is registry.register(info)
        assert registry.names()[-1] == "made-up"
        with pytest.raises(ValueError, match="its own"):
            registry.register(replace(info, title="Another"))
    finally:
        registry.unregister("made-up")
    with pytest.raises(ValueError, match=r"one of mnist, fashion-mnist.* Received: made-up"):
        registry.get("made-up")


@pytest.mark.parametrize("count", [1, 256])
def test_how_many_classes_there_may_be(count: int) -> None:
    with pytest.raises(ValueError, match=f"2 to 255 classes. Received: {count}"):
        registry.register(
            replace(registry.get("mnist"), name="odd", classes=tuple(map(str, range(count))))
        )
    assert "odd" not in registry.names()
