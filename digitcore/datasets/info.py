"""What a dataset is: its classes, its image shape, its splits, and where its files come from."""

from __future__ import annotations

import string
from dataclasses import dataclass
from urllib.parse import urlsplit

from digitcore.drawing.input_image import DrawingInput

DIGITS = tuple(string.digits)


@dataclass(frozen=True)
class RemoteFile:
    """One file on the internet, the same bytes at each address.

    Attributes:
        name: what it is called in the folder that it is downloaded to.
        size: length in bytes.
        digest: the algorithm and the checksum in hex, as in `sha256:440f…`.
        urls: where it is; the first that answers with the right bytes is taken.
        members: where it is a zip archive, the files in it that are kept, by their paths in the
            archive; each lands in the folder under its last part. Empty: the file itself is kept.
    """

    name: str
    size: int
    digest: str
    urls: tuple[str, ...]
    members: tuple[str, ...] = ()

    @property
    def hosts(self) -> tuple[str, ...]:
        """The servers of its addresses, as in `storage.googleapis.com`."""
        return tuple(urlsplit(url).netloc for url in self.urls)


# The files that together are a dataset.
Source = tuple[RemoteFile, ...]


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a dataset before any of its files is here.

    Attributes:
        name: what recipes, folders and the command line call it.
        title: what people call it.
        classes: a name for each label, in order; label k is `classes[k]`. Up to 255.
        image_shape: height and width in pixels; images are grey, 0 is the background.
        train_images: how many images the training files have; validation is cut from them.
        test_images: how many the test split has.
        exam_images: how many the extra split `exam` has; 0 for none.
        sources: each a way to get all of its files; they are tried in this order. Empty where
            nothing is to be downloaded.
        licence: the licence of the images.
        homepage: where its authors describe it.
        about: what it shows, in a sentence.
        drawing: how a drawing is made into an input image, of the same shape; None where none can be.
        synthetic_handwriting: whether synthetic digits and outliers may be learned beside it.
        teacher: whether the shipped teacher has learned its training images, for distillation.
        checksum: SHA-256 (hex) of all pixels and labels, train then test; empty if it is not known.
        base: the dataset whose training and test splits it has; empty if it has its own.
        exam: the dataset whose `exam` split a run of this one may be examined on; empty for none.
        idx_stems: how the names of its IDX files begin, train and test.
        first_label: the label of the first class in its IDX files.
        transposed: whether its IDX files hold each image with rows and columns exchanged.
        exam_files: the names of the IDX files of the `exam` split, images and labels.
        exam_begins: how many images at the start of these files are not of that split.
        substitute: the dataset that takes its place where it cannot be had; empty for none. Its images
            come with the installation.
        embedded: whether its images come with the installation, so that it has no files.
        expected: the test accuracy that a recipe reaches on it, mean ± SD over seeds, as a
            page says it; empty where it was not measured.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    image_shape: tuple[int, int]
    train_images: int
    test_images: int
    exam_images: int = 0
    sources: tuple[Source, ...] = ()
    licence: str = ""
    homepage: str = ""
    about: str = ""
    drawing: DrawingInput | None = None
    synthetic_handwriting: bool = False
    teacher: bool = False
    checksum: str = ""
    base: str = ""
    exam: str = ""
    idx_stems: tuple[str, str] = ("train", "t10k")
    first_label: int = 0
    transposed: bool = False
    exam_files: tuple[str, ...] = ()
    exam_begins: int = 0
    substitute: str = ""
    embedded: bool = False
    expected: str = ""

    @property
    def class_count(self) -> int:
        return len(self.classes)

    @property
    def is_of_digits(self) -> bool:
        """Whether its classes are the digits 0 to 9, in order."""
        return self.classes == DIGITS
