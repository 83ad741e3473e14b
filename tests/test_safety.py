"""What comes from outside is text and numbers: it runs nothing, reaches nowhere, and has bounds."""

from __future__ import annotations

import ast
import gzip
import io
import json
import struct
import time
import tomllib
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from made_up import made_up_digits, write_idx, write_metrics, write_npz
from PIL import Image

from digitcore import drawing, files, runs
from digitcore.datasets import formats
from digitcore.datasets.catalogue import MNIST
from digitcore.datasets.formats import DataError
from digitcore.drawing import DrawingError, canvas
from digitcore.drawing import images as images_module
from digitcore.jobs import checkpoints, networks
from digitcore.recipes import Recipe, RecipeError
from digitcore.runs import Run, RunError, events
from digitcore.runs.predictor import Predictor
from digitcore.training import network
from ui import text

ROOT = Path(__file__).parents[1]
RECIPE = Recipe(name="small", layers=[{"kind": "flatten"}])
BLANK = np.zeros((1, 28, 28), np.uint8)


@pytest.fixture
def run() -> Run:
    return runs.create(RECIPE)


@pytest.fixture(scope="module")
def tflite(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An untrained network."""
    path = tmp_path_factory.mktemp("network") / "model.tflite"
    network.build(RECIPE).export(path, format="litert", verbose=False)
    return path.read_bytes()


@pytest.fixture
def answering(run: Run, tflite: bytes) -> Run:
    (run.path / "model.tflite").write_bytes(tflite)
    write_metrics(run.path)
    run.update(status="finished")
    return run


# --- model.tflite --------------------------------------------------------------


def test_a_network_with_one_changed_byte_is_not_given_to_litert(answering: Run) -> None:
    assert Predictor(answering).probabilities(BLANK).shape == (1, 10)
    path = answering.path / "model.tflite"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(RunError, match="not the file that its training wrote"):
        Predictor(answering)


def test_a_network_that_no_metrics_vouch_for_is_not_asked(answering: Run) -> None:
    (answering.path / "metrics.json").unlink()
    with pytest.raises(RunError, match=r"metrics\.json of run .* is missing"):
        Predictor(answering)
    write_metrics(answering.path, network_checksum=None)
    with pytest.raises(RunError, match="not the file that its training wrote"):
        Predictor(answering)


def test_a_network_of_gigabytes_is_not_read(run: Run) -> None:
    with open(run.path / "model.tflite", "wb") as file:
        file.truncate(5_000_000_000)  # a hole, which takes no room on the disk
    with pytest.raises(RunError, match="longer than 250,000,000 bytes"):
        Predictor(run)


def test_another_network_named_by_its_path_is_told_of(tmp_path: Path) -> None:
    inputs = keras.Input((28, 28), dtype="uint8")
    outputs = keras.layers.Rescaling(1.0)(inputs)
    path = tmp_path / "other.tflite"
    keras.Model(inputs, outputs).export(path, format="litert", verbose=False)
    with pytest.raises(RunError, match=r"a probability a class. .*gives \[28, 28\]"):
        Predictor(path)


# --- model.keras ---------------------------------------------------------------


def trained(run: Run) -> keras.Model:
    model = network.build(run.recipe)
    model.save(run.path / "model.keras")
    return model


def test_a_notebook_loads_the_network_of_a_run(run: Run) -> None:
    model = trained(run)
    for got, expected in zip(networks.load(run).get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)


def lambda_layer(path: Path, trap: Path) -> None:
    # Python code in the file, as `keras.layers.Lambda` writes it.
    made = f"lambda x: [__import__('os').makedirs({str(trap)!r}, exist_ok=True), x][1]"
    inputs = keras.Input((28, 28))
    keras.Model(inputs, keras.layers.Lambda(eval(made))(inputs)).save(path)
    trap.rmdir()  # It ran when the layer was made, and would again.


def changed_config(path: Path, trap: Path) -> None:
    # A class and a function of any module, which a loader would import and call.
    with zipfile.ZipFile(path) as archive:
        pieces = {name: archive.read(name) for name in archive.namelist()}
    call = {"module": "os", "class_name": "function", "config": "mkdir", "registered_name": "mkdir"}
    config = {"module": "os", "class_name": "mkdir", "config": {"path": str(trap)}, "fn": call}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**pieces, "config.json": json.dumps(config)}.items():
            archive.writestr(name, content)


def pickled(path: Path, trap: Path) -> None:
    path.write_bytes(b"cos\nmkdir\n(V" + str(trap).encode() + b"\ntR.")


def pickled_weights(path: Path, trap: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.weights.h5", b"cos\nmkdir\n(V" + str(trap).encode() + b"\ntR.")


@pytest.mark.parametrize("write", [lambda_layer, changed_config, pickled, pickled_weights])
def test_code_in_a_keras_file_never_runs(
    write: Callable[[Path, Path], None], run: Run, tmp_path: Path
) -> None:
    trained(run)
    trap = tmp_path / "sprung"
    write(run.path / "model.keras", trap)
    if write is changed_config:  # Only numbers are taken, and these are sound.
        assert networks.load(run).count_params() == run.recipe.parameters
    else:
        with pytest.raises(RunError, match="is damaged, or not of the run's recipe"):
            networks.load(run)
    assert not trap.exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:3000]),
        lambda path: network.build(Recipe.load("two-conv")).save(path),
    ],
    ids=["missing", "empty", "cut short", "of another recipe"],
)
def test_a_keras_file_that_is_not_the_runs_is_told_of_in_a_sentence(
    change: Callable[[Path], Any], run: Run
) -> None:
    trained(run)
    change(run.path / "model.keras")
    with pytest.raises(RunError) as caught:
        networks.load(run)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_keras_file_is_not_unpacked_beyond_its_bound(run: Run) -> None:
    bomb(run.path / "model.keras", "model.weights.h5")
    with pytest.raises(RunError, match="would take 300,000,000 bytes, more than 250,000,000"):
        networks.load(run)


# --- arrays --------------------------------------------------------------------


def bomb(path: Path, name: str, size: int = 300_000_000) -> None:
    """A zip file of some hundred kilobytes that unpacks to `size`."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(name, "w") as part,
    ):
        for _ in range(size // 10_000_000):
            part.write(bytes(10_000_000))


def claim(path: Path, names: tuple[str, ...], shape: tuple[int, ...], descr: str = "<f4") -> None:
    """An npz file whose headers claim arrays of that shape, with nothing behind them."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": descr, "fortran_order": False, "shape": shape}
    )
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(f"{name}.npy", header.getvalue() + bytes(100))


def refused_tables(run: Run) -> str:
    with pytest.raises(RunError, match=r"probabilities\.npz") as caught:
        run.probabilities()
    return str(caught.value)


def refused_checkpoint(run: Run) -> str:
    with pytest.raises(RunError, match="checkpoint") as caught:
        checkpoints.read(run)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "refused", "names"),
    [
        ("probabilities.npz", refused_tables, ("test", "validation")),
        ("checkpoint/last.npz", refused_checkpoint, ("meta", "variables/0")),
    ],
)
def test_arrays_that_claim_more_than_they_hold_are_refused(
    name: str, refused: Callable[[Run], str], names: tuple[str, ...], run: Run
) -> None:
    (run.path / name).parent.mkdir(exist_ok=True)
    claim(run.path / name, names, (10**6, 1000))
    assert "claims more than it holds" in refused(run)
    claim(run.path / name, names, (1,), "|O")
    assert "Python objects, which are not opened" in refused(run)


def test_arrays_are_not_unpacked_beyond_their_bound(run: Run) -> None:
    bomb(run.path / "probabilities.npz", "test.npy")
    begun = time.process_time()
    assert "would take 300,000,000 bytes" in refused_tables(run)
    assert time.process_time() - begun < 0.1


def test_digits_that_claim_more_than_they_hold_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim(tmp_path / "mnist.npz", formats.NPZ_KEYS, (10**12, 28, 28), "|u1")
    with pytest.raises(DataError, match="broken, or is not an npz file of plain arrays"):
        formats.read(formats.find(tmp_path, MNIST), MNIST)
    monkeypatch.setattr(formats, "MOST_BYTES", 1000)
    write_npz(tmp_path / "mnist.npz", made_up_digits())
    with pytest.raises(DataError, match="broken, or is not an npz file of plain arrays"):
        formats.read(formats.find(tmp_path, MNIST), MNIST)


def test_a_gzip_file_is_not_unpacked_beyond_its_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_idx(tmp_path, made_up_digits(), gz=True)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(50_000_000)))
    monkeypatch.setattr(formats, "MOST_BYTES", 1_000_000)
    tracemalloc.start()
    with pytest.raises(DataError, match="holds more than 1,000,000 bytes"):
        formats.read(formats.find(tmp_path, MNIST), MNIST)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


def test_nothing_of_ours_opens_a_pickle_or_makes_code_of_text() -> None:
    for path in sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", "") or ""}
                assert not names & {"pickle", "cPickle", "marshal", "shelve", "joblib", "dill"}
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            options = {option.arg: ast.unparse(option.value) for option in node.keywords}
            where = f"{path.name}:{node.lineno}"
            assert called not in {"eval", "exec", "os.system", "keras.models.load_model"}, where
            assert options.get("shell") != "True", where
            assert options.get("unsafe_allow_html") != "True", where
            assert options.get("unsafe_allow_javascript") != "True", where
            if called.endswith((".load", ".read_array")) and called.startswith("np."):
                assert options["allow_pickle"] == "False", where


def sources() -> Iterator[Path]:
    yield ROOT / "streamlit_app.py"
    for folder in ("digitcore", "pages", "ui"):
        yield from (ROOT / folder).rglob("*.py")


# --- small files of a run --------------------------------------------------------


def test_nested_beyond_measure_is_a_fault_of_that_file_alone(run: Run) -> None:
    deep = "[" * 100_000
    assert list(events.parse(f'{{"kind": {deep}\n'.encode())) == []
    (run.path / "metrics.json").write_text(deep)
    with pytest.raises(RunError, match=r"metrics\.json"):
        run.metrics  # noqa: B018
    (run.path / "state.json").write_text(deep)
    assert run.status == "broken"


@pytest.mark.parametrize("name", ["state.json", "recipe.toml"])
def test_a_file_of_gigabytes_makes_a_run_broken_and_is_not_read(name: str, run: Run) -> None:
    with open(run.path / name, "r+b") as file:
        file.truncate(5_000_000_000)
    assert run.status == "broken"
    assert "longer than" in run.state.message


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert files.read(path, 5) == b"12345"
    with pytest.raises(ValueError, match="longer than 4 bytes"):
        files.read(path, 4)


FLATTEN = '[[layers]]\nkind = "flatten"\n'


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        (FLATTEN * 1_000_000, "longer than 20,000 bytes"),
        (FLATTEN * 65, "at most 64 items"),
        (
            FLATTEN + '[[layers]]\nkind = "dense"\nunits = 4096\n' * 10,
            "up to 50,000,000 parameters",
        ),
        (FLATTEN + '[[layers]]\nkind = "dense"\nunits = 99999999999\n', "4096"),
        (
            '[[layers]]\nkind = "conv"\nfilters = 1024\nkernel = 1\npadding = "same"\n' * 12
            + FLATTEN,
            "values: choose fewer filters",
        ),
        ("layers = " + "[" * 9000, "nested too deeply"),
        ("a." * 2000 + "b = 1\n" + FLATTEN, "Extra inputs are not permitted"),
        ("seed = " + "9" * 5000 + "\n" + FLATTEN, "not valid"),
        ("".join(f"k{i} = 1\n" for i in range(1000)) + FLATTEN, "k0: Extra inputs"),
    ],
    ids=[
        "million_layers",
        "65_layers",
        "wide",
        "units",
        "convolutions",
        "deep",
        "dotted",
        "digits",
        "unknown",
    ],
)
def test_a_hostile_recipe_is_refused_in_a_sentence(toml: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(f'name = "evil"\n{toml}')
    with pytest.raises(RecipeError) as caught:
        Recipe.load(path)
    assert told in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_every_shipped_recipe_takes_the_largest_batch() -> None:
    for name in Recipe.names():
        assert Recipe.load(name).changed(batch_size=4096).parameters


# --- ids -------------------------------------------------------------------------

OUTSIDE = [
    "../outside",
    "../../etc",
    "/etc",
    "..",
    ".",
    "",
    ".locks",
    "a/../../outside",
    "..\\outside",
    "%2e%2e%2foutside",
    "run\0",
    "\0",
    "x" * 100_000,
    "ｒｕｎ",
    "r\u0131n",
    "\u202enur",
    "run\n",
]


@pytest.mark.parametrize("given", OUTSIDE, ids=lambda given: ascii(given)[:30])
def test_an_id_reaches_only_into_the_models_folder(given: str, run: Run) -> None:
    outside = runs.models_dir().parent / "outside"
    run.path.rename(runs.models_dir() / "run")
    (runs.models_dir() / "run").rename(outside)
    with pytest.raises(RunError, match="There is no run of that name") as caught:
        runs.load(given)
    assert len(str(caught.value)) < 400
    assert (outside / "recipe.toml").exists()


def test_an_id_with_a_line_break_is_none(run: Run) -> None:
    with pytest.raises(RunError, match="There is no run of that name"):
        runs.load(run.id + "\n")


def test_a_link_in_the_models_folder_is_no_run(run: Run, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    run.path.rename(outside)
    link = runs.models_dir() / run.id
    link.symlink_to(outside)
    assert runs.list_runs() == []
    with pytest.raises(RunError, match="There is no run of that name"):
        runs.load(run.id)
    with pytest.raises(RunError, match="is a link"):
        Run(link).delete()
    assert link.is_symlink()
    assert (outside / "recipe.toml").exists()


def test_links_in_a_run_are_neither_followed_by_delete_nor_packed(run: Run, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("secret")
    (run.path / "worker.log").unlink(missing_ok=True)
    (run.path / "worker.log").symlink_to(secret / "key")
    (run.path / "checkpoint").symlink_to(secret)
    packed = io.BytesIO()
    runs.write_zip([run], packed)
    assert b"secret" not in packed.getvalue()
    assert "worker.log" not in str(zipfile.ZipFile(packed).namelist())
    run.update(status="finished")
    run.delete()
    assert (secret / "key").read_text() == "secret"


# --- pictures --------------------------------------------------------------------


def png(width: int, height: int) -> bytes:
    """A PNG of zeros, a thousandth of its pixels in length."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + width)) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pieces = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + pieces


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def many_scans() -> bytes:
    """A JPEG that is small, and would be decoded over and over."""
    whole = saved(Image.new("L", (64, 64), 255), "JPEG", progressive=True)
    last = whole[whole.rfind(b"\xff\xda") : -2]
    return whole[:-2] + last * 100 + whole[-2:]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (png(300, 300)[:33] + bytes(100), "PNG, JPEG, WebP, BMP or GIF"),
        (png(9_000, 3_000), "up to 25 million pixels"),
        (bytes(20_000_001), "up to 20 MB"),
        (many_scans(), "up to 100 scans"),
        (saved(Image.new("L", (90, 90)), "TIFF"), "PNG, JPEG, WebP, BMP or GIF"),
        (saved(Image.new("L", (90, 90)), "PPM"), "PNG, JPEG, WebP, BMP or GIF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PNG, JPEG, WebP, BMP or GIF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "PNG, JPEG, WebP, BMP or GIF"),
        (saved(Image.new("L", (900, 900)), "PNG")[:-200], None),
        (b"", "PNG, JPEG, WebP, BMP or GIF"),
    ],
    ids=["garbled", "pixels", "bytes", "scans", "tiff", "ppm", "postscript", "svg", "cut", "empty"],
)
def test_a_hostile_picture_is_refused_in_a_sentence(content: bytes, told: str | None) -> None:
    with pytest.raises(DrawingError) as caught:
        drawing.read_image(content)
    assert (told or "damaged") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_too_many_pixels_are_told_from_the_header(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(opened: Image.Image) -> None:
        raise AssertionError("it was decoded")

    monkeypatch.setattr(images_module, "_decoded", decode)
    for side in (6_000, 10_000, 30_000):
        header = png(1, 1)
        size = struct.pack(">II", side, side)
        chunk = b"IHDR" + size + header[24:29]
        whole = header[:12] + chunk + struct.pack(">I", zlib.crc32(chunk)) + header[33:]
        with pytest.raises(DrawingError, match="million pixels"):
            drawing.read_image(whole)


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_of_a_file_with_many_pictures_the_first_is_read(kind: str) -> None:
    frames = [Image.new("L", (50, 40), value) for value in range(0, 250, 50)]
    content = saved(frames[0], kind, save_all=True, append_images=frames[1:])
    image = drawing.read_image(content)
    assert image.shape[:2] == (40, 50)
    assert image.reshape(40, 50, -1)[..., 0].max() < 10


def test_a_large_photo_is_decoded_small() -> None:
    content = saved(Image.new("RGB", (6000, 8000), "white"), "JPEG", quality=20)
    assert drawing.read_image(content).size < 10_000_000


# --- drawings --------------------------------------------------------------------


def path(commands: list[Any], **others: Any) -> dict[str, Any]:
    return {"type": "path", "path": commands, "left": 0, "top": 0, **others}


def deep(levels: int = 100_000) -> list[Any]:
    nested: list[Any] = []
    for _ in range(levels):
        nested = [nested]
    return nested


HOSTILE: dict[str, Callable[[], Any]] = {
    "a million points": lambda: [path([["M", 0, 0], *[["L", 9, 9]] * 1_000_000])],
    "curves": lambda: [path([["M", 0, 0], *[["C", 9e9, 9e9, 0, 0, 9e9, 0]] * 19_999])],
    "100,000 strokes": lambda: [path([["M", 0, 0], ["L", 9, 9]])] * 100_000,
    "strokes in one path": lambda: [path([["M", 0, 0], ["M", 1, 1]] * 9_000)],
    "numbers": lambda: [path([["M", *range(1_000_000)]])],
    "not numbers": lambda: [path([["M", float("nan"), 0], ["L", float("inf"), 9]])],
    "huge": lambda: [path([["M", 1e308, -1e308], ["L", -1e308, 1e308]], left=1e308, scaleX=1e308)],
    "huge integers": lambda: [path([["M", 10**400, 0], ["L", 0, 9]])],
    "tiny": lambda: [path([["M", 0, 0], ["L", 1, 1e-320]], scaleX=1e-310)],
    "deep": lambda: [path(deep())],
    "deep objects": lambda: [deep()],
    "no objects": deep,
    "long text": lambda: [path("M" * 10_000_000)],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_drawing_ends_soon_with_an_image_or_a_sentence(name: str) -> None:
    sent = {"objects": HOSTILE[name]()}
    begun = time.process_time()
    # Warnings are errors here, so no number overflows on the way either.
    try:
        answer = drawing.from_strokes(canvas.strokes(sent)).tobytes()
    except DrawingError as error:
        answer = str(error).encode()
    assert 0 < len(answer) <= 28 * 28
    assert time.process_time() - begun < 3, "a second on a quiet machine"


def test_a_drawing_of_minutes_is_still_read() -> None:
    commands = [["M", 0, 0], *(["Q", x % 300, x % 7, x % 300 + 1, x % 5] for x in range(10_000))]
    strokes = canvas.strokes({"objects": [path(commands)]})
    assert drawing.from_strokes(strokes).max() == 255


# --- text and the server -----------------------------------------------------------


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t=", " @"])
def test_a_name_in_a_saved_table_is_never_a_formula(sign: str) -> None:
    assert text.cell(f'{sign}HYPERLINK("http://evil")').startswith("'")
    assert text.cell("two-conv = good") == "two-conv = good"


def test_the_server_listens_to_this_computer_only_and_keeps_its_guards() -> None:
    server = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())["server"]
    assert server["address"] == "localhost"
    assert set(server["allowedHosts"]) <= {"localhost", "127.0.0.1", "::1"}
    assert server["enableCORS"] is server["enableXsrfProtection"] is True
    assert server["enableStaticServing"] is False
    assert server["maxUploadSize"] * 1_000_000 <= drawing.images.MAX_FILE_BYTES
    assert server["maxMessageSize"] <= 50
