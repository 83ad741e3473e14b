"""The datasets that digitcore knows, and where their files are.

Checksums, and what each was verified against:

mnist            bytes: the uncompressed files are LeCun's (MD5 of `train-images-idx3-ubyte`
                 6bbc9ace898e44ae57da46a324031adb), and `checksum` was computed from them. Those
                 of the packed files are torchvision's and the `mnists` package's, which agree.
fashion-mnist    bytes: both label files as they are, the images uncompressed (MD5 of train
                 f4a8712d7a061bf5bd6d2ca38dc4d50a, of test 8181f5470baa50b63fa0f6fddb340f0a).
                 Those of the packed images: TensorFlow Datasets and torchvision agree.
kmnist           test split: bytes, uncompressed (MD5 of the images, as datasets-mila publishes it,
                 bf305b8cd328700fbc17f5acbc2856d2). Training files: not seen; TensorFlow Datasets
                 and torchvision agree.
emnist-*         not seen. Of the single files, the Git LFS pointers of aurelienduarte/emnist and
                 the table of the package `mnists` (C. Olding) agree; of NIST's archive,
                 TensorFlow Datasets and MLDatasets.jl.
qmnist           not seen. torchvision's SHA-256 is the only published one that we found beside
                 copies of it; sizes and MD5 (1394631089c404de565df7b7aeaf9412 for the images) are
                 the same in torchvision and datasets-mila.

An address on web.archive.org is a second try for files that only one server has. Whether a copy
is there could not be tried; the checksum decides what is taken.
"""

from __future__ import annotations

import string

from digitcore.datasets.info import DIGITS, DatasetInfo, RemoteFile, Source
from digitcore.drawing.input_image import DrawingInput

_KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"
_ARCHIVE = "https://web.archive.org/web/2022id_"
_FOUR = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def _files(hosts: tuple[str, ...], names: tuple[str, ...], *known: tuple[int, str]) -> Source:
    """Files that each of these folders has, with the size and the SHA-256 of each."""
    return tuple(
        RemoteFile(name, size, f"sha256:{digest}", tuple(f"{host}/{name}" for host in hosts))
        for name, (size, digest) in zip(names, known, strict=True)
    )


MNIST = DatasetInfo(
    name="mnist",
    title="MNIST",
    classes=DIGITS,
    image_shape=(28, 28),
    train_images=60_000,
    test_images=10_000,
    sources=(
        _files(
            (_KERAS,),
            ("mnist.npz",),
            (11_490_434, "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"),
        ),
        _files(
            ("https://ossci-datasets.s3.amazonaws.com/mnist",),
            _FOUR,
            (9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
            (28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
            (1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
            (4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        ),
    ),
    licence="CC BY-SA 3.0",
    homepage="http://yann.lecun.com/exdb/mnist/",
    about="Handwritten digits (LeCun, Cortes and Burges, 1998).",
    drawing=DrawingInput(),
    synthetic_handwriting=True,
    teacher=True,
    checksum="06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16",
    exam="qmnist",
    substitute="digits",
)

FASHION_MNIST = DatasetInfo(
    name="fashion-mnist",
    title="Fashion-MNIST",
    classes=(
        *("T-shirt", "Trousers", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
    image_shape=(28, 28),
    train_images=60_000,
    test_images=10_000,
    sources=(
        _files(
            (
                _KERAS,
                "https://fashion-mnist.s3.eu-central-1.amazonaws.com",
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
            ),
            _FOUR,
            (26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
            (29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
            (4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
            (5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
        ),
    ),
    licence="MIT",
    homepage="https://github.com/zalandoresearch/fashion-mnist",
    about="Photographs of clothes from a shop (Xiao, Rasul and Vollgraf, 2017).",
    checksum="ca3ab2a37f845e1b8ae23cab1b51749a3011ba3bf1d9016176d75cbaabac376f",
)

KMNIST = DatasetInfo(
    name="kmnist",
    title="Kuzushiji-MNIST",
    classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    image_shape=(28, 28),
    train_images=60_000,
    test_images=10_000,
    sources=(
        _files(
            (
                "https://codh.rois.ac.jp/kmnist/dataset/kmnist",
                f"{_ARCHIVE}/http://codh.rois.ac.jp/kmnist/dataset/kmnist",
            ),
            _FOUR,
            (18_165_135, "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"),
            (29_497, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"),
            (3_041_136, "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"),
            (5_120, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"),
        ),
    ),
    licence="CC BY-SA 4.0",
    homepage="https://codh.rois.ac.jp/kmnist/",
    about="Cursive Japanese characters from old books (Clanuwat et al., 2018).",
    # Scans of brush strokes, thick and thin, cut from pages and fitted to no box; and these old forms
    # of the characters are not how people write them today. So none that is drawn is like them.
    drawing=None,
)


def _emnist(name: str, *known: tuple[int, str]) -> tuple[Source, ...]:
    stems = ("train-images-idx3", "train-labels-idx1", "test-images-idx3", "test-labels-idx1")
    files = tuple(f"{name}-{stem}-ubyte.gz" for stem in stems)
    # The mirror has 34 MB of what NIST has in an archive of 562 MB with five other datasets.
    mirror = "https://media.githubusercontent.com/media/aurelienduarte/emnist/master/gzip"
    archive = RemoteFile(
        "gzip.zip",
        561_753_746,
        "sha256:fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
        (
            "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
            "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/gzip.zip",
        ),
        tuple(f"gzip/{file}" for file in files),
    )
    return _files((mirror,), files, *known), (archive,)


def _emnist_drawing(item: str) -> DrawingInput:
    """As EMNIST's authors describe it; not measured, because no image of it was at hand.

    They blur NIST's 128×128 pixels a little, cut out the ink, centre it in a square with its aspect
    ratio kept and a border of 2 pixels, and reduce that to 28×28 (Cohen et al., 2017, section II).
    The border is taken here for one of the reduced image, so that 24 pixels are left for the ink.
    With this pen, digits have about as much ink as others publish of EMNIST's images (mean of the
    letters 0.172, of MNIST 0.131), and its lines are thicker than MNIST's.
    """
    return DrawingInput(item=item, box=24, centring="box", pen_width=2.7)


_EMNIST_HOMEPAGE = "https://www.nist.gov/itl/products-and-services/emnist-dataset"

EMNIST_LETTERS = DatasetInfo(
    name="emnist-letters",
    title="EMNIST letters",
    classes=tuple(string.ascii_uppercase),
    image_shape=(28, 28),
    train_images=124_800,
    test_images=20_800,
    sources=_emnist(
        "emnist-letters",
        (30_804_864, "6288f418a917e007bf5fddb823a2dc7a5c6a35031401b93292a539cb12bd881f"),
        (79_283, "9759af91ea6bccdf07a6040fd085861f2ec88e37f7c3f5760f6feb57106fbe5c"),
        (5_039_157, "50f0e93d75b99b463e9760b8345866f22587fa2c2fba472730a5ba09c693412d"),
        (144, "924955c31fe7fd809b7303b5c0141282955f4b8390c74cdfd5d80435e0f4b4cb"),
    ),
    licence="public domain",
    homepage=_EMNIST_HOMEPAGE,
    about="Handwritten letters, capital and small ones of a letter in one class (Cohen et al., 2017).",
    drawing=_emnist_drawing("letter"),
    idx_stems=("emnist-letters-train", "emnist-letters-test"),
    first_label=1,
    transposed=True,
)

EMNIST_BALANCED = DatasetInfo(
    name="emnist-balanced",
    title="EMNIST balanced",
    # Small letters that look like their capitals are in one class with them.
    classes=(*DIGITS, *string.ascii_uppercase, *"abdefghnqrt"),
    image_shape=(28, 28),
    train_images=112_800,
    test_images=18_800,
    sources=_emnist(
        "emnist-balanced",
        (28_207_740, "74295e75e4e9fa2c102147460ee7eb763653d5132d883a84fb88932bfb8d2db4"),
        (80_618, "b46d41e5156a0a8aaaa4d18979fdd1588850fa8571018acffd5d93b325a7d6ed"),
        (4_714_707, "117fc12b015e37ea98bfb2cbba3f77c3782c056cdbd219b87abfc8661d7135db"),
        (13_504, "a67cac948379b67270b9a4d0a01c8ec661598accf2f2b1964340b7c83cb175cd"),
    ),
    licence="public domain",
    homepage=_EMNIST_HOMEPAGE,
    about="Handwritten digits and letters in 47 classes, each as often (Cohen et al., 2017).",
    drawing=_emnist_drawing("character"),
    idx_stems=("emnist-balanced-train", "emnist-balanced-test"),
    transposed=True,
)

QMNIST = DatasetInfo(
    name="qmnist",
    title="QMNIST",
    classes=DIGITS,
    image_shape=(28, 28),
    train_images=60_000,
    test_images=10_000,
    exam_images=50_000,
    sources=(
        _files(
            (
                "https://raw.githubusercontent.com/facebookresearch/qmnist/master",
                f"{_ARCHIVE}/https://raw.githubusercontent.com/facebookresearch/qmnist/master",
            ),
            ("qmnist-test-images-idx3-ubyte.gz", "qmnist-test-labels-idx2-int.gz"),
            (9_742_279, "43fc22bf7498b8fc98de98369d72f752d0deabc280a43a7bcc364ab19e57b375"),
            (526_800, "9fbcbe594c3766fdf4f0b15c5165dc0d1e57ac604e01422608bb72c906030d06"),
        ),
    ),
    licence="BSD 3-Clause",
    homepage="https://github.com/facebookresearch/qmnist",
    about="MNIST, and the 50,000 test images that its authors left out (Yadav and Bottou, 2019).",
    drawing=DrawingInput(),
    synthetic_handwriting=True,
    teacher=True,
    checksum=MNIST.checksum,
    base="mnist",
    exam="qmnist",
    exam_files=("qmnist-test-images-idx3-ubyte", "qmnist-test-labels-idx2-int"),
    # The first 10,000 are MNIST's test images once more, pixels apart.
    exam_begins=10_000,
)

SMALL_DIGITS = DatasetInfo(
    name="digits",
    title="scikit-learn's digits",
    classes=DIGITS,
    image_shape=(28, 28),
    train_images=1_397,
    test_images=400,
    licence="CC BY 4.0",
    homepage="https://archive.ics.uci.edu/dataset/80",
    about="1,797 handwritten digits of 8×8 pixels, enlarged; they come with the installation "
    "(Alpaydin and Kaynak, 1998).",
    drawing=DrawingInput(),
    synthetic_handwriting=True,
    embedded=True,
    # Seeds 0 to 9, all on the same 400 test images: docs/results.md.
    expected="88 ± 3 % with `fast` and 97.2 ± 0.4 % with `small-digits` (mean ± SD of 10 seeds)",
)

# In the order in which a person is offered them.
DATASETS = (
    *(MNIST, FASHION_MNIST, KMNIST, EMNIST_LETTERS, EMNIST_BALANCED),
    *(QMNIST, SMALL_DIGITS),
)
