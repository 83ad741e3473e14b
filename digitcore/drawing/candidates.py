"""Candidates for a digit in a line of ink.

The line's pieces, cut where digits may touch, are its atoms. Each group of neighbouring atoms is a
candidate, as of strokes in `sequence`, and an atom that may be no writing is one to be left out.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from digitcore.drawing.images import from_ink, line_width
from digitcore.drawing.input_image import DrawingInput, Floats
from digitcore.drawing.pieces import TOO_SMALL, Lines, Piece, too_many
from digitcore.drawing.sequence import MAX_WIDTH, WEIGHTS, Candidate, Digit, Measures

_MAX_ATOMS = 4  # of a digit
_CUT_WIDTH = 0.9  # in units of the digits' height; a wider piece may be several digits
_MOST_CANDIDATES = 1200  # as many as 200 digits of one and a half pieces have
_SIDE = 160  # pixels; a larger candidate is averaged down to half of this or more
_NO_PROBABILITIES = np.ones(1, np.float32)


class _Atom(NamedTuple):
    """A piece, or the part of it between two cuts."""

    piece: Piece
    box: tuple[int, int, int, int]
    cut: bool  # whether it ends within its piece


@dataclass
class Effort:
    """What it has cost to read a picture so far, in candidates for a digit."""

    spent: int = 0

    @property
    def is_spent(self) -> bool:
        """Whether that is as much as a full sheet costs."""
        return self.spent >= _MOST_CANDIDATES

    def spend(self, written: Lines) -> None:
        """Adds about what it costs to read these lines.

        Raises:
            DrawingError: with it the picture would cost more than a full sheet does.
        """
        cost = _MAX_ATOMS * sum(map(len, written.lines))
        if self.spent + cost > _MOST_CANDIDATES:
            raise too_many(sum(map(len, written.lines)))
        self.spent += cost


class Group(NamedTuple):
    """Neighbouring atoms that may be one digit; without images, an atom that may be left out."""

    first: int
    last: int
    box: tuple[int, int, int, int]
    images: tuple[NDArray[np.uint8], ...]
    measures: Measures
    suspicion: str
    pieces: tuple[int, ...]

    def candidate(self, rows: NDArray[np.float32]) -> Candidate:
        if not self.images:
            empty = np.empty((0, 0), np.uint8)
            digit = Digit(self.pieces, self.box, empty, _NO_PROBABILITIES)
            return Candidate(self.first, self.last, digit, self.measures)
        digit = Digit(self.pieces, self.box, self.images[0], rows[0])
        unsure = -math.log(max(digit.confidence, 1e-9))
        return Candidate(self.first, self.last, digit, self.measures._replace(unsure=unsure))


def suspicion_of(digit: Digit, groups: list[Group]) -> str:
    """Why a digit of the best number may be no digit; "" where nothing speaks against it."""
    return next(
        g.suspicion
        for g in groups
        if g.box == digit.box and bool(g.images) == (digit.image.size > 0)
    )


def groups_of(line: list[Piece], ink: Floats, written: Lines, like: DrawingInput) -> list[Group]:
    """All groups of a line's atoms that may be a digit or left out."""
    labels = written.labels
    atoms = [atom for piece in line for atom in _cut(piece, ink, labels, written.height)]
    atoms.sort(key=lambda atom: atom.box[0] + atom.box[2])
    # Of the pieces, as what a cut leaves may be lower than any digit.
    heights = [piece.height for piece in line]
    height = float(np.median([h for h in heights if h >= max(heights) / 2]))
    mass = max(float(np.median([p.mass for p in line])), 1e-9)
    rights = np.maximum.accumulate([atom.box[2] for atom in atoms])
    lefts = np.minimum.accumulate([atom.box[0] for atom in atoms][::-1])[::-1]
    gaps = np.append((lefts[1:] - rights[:-1]) / height, 0.0)
    groups: list[Group] = []
    # Where all of a line is suspect, there is nothing to compare it with.
    suspect = {piece.number: piece.suspicion for piece in line}
    if all(suspect.values()):
        suspect = dict.fromkeys(suspect, "")
    for first, atom in enumerate(atoms):
        if suspicion := suspect[atom.piece.number]:
            # Scores 0 where it is a whole digit; the smaller, the more it is a speck.
            small = suspicion == TOO_SMALL
            each = -(0.5 + 15 * atom.piece.mass / mass) / WEIGHTS.each if small else 0.0
            skipped = Measures(0, 0, 0, 0, 0, 0, each)
            groups.append(
                Group(first, first + 1, atom.box, (), skipped, suspicion, (atom.piece.number,))
            )
        for last in range(first + 1, min(len(atoms), first + _MAX_ATOMS) + 1):
            group = atoms[first:last]
            left, top, right, bottom = box = _around(group)
            if right - left > MAX_WIDTH * height and last - first not in (1, len(atoms)):
                break
            cut = group[-1].cut and last < len(atoms)
            measures = Measures(
                unsure=0.0,
                small=max(0.0, 1 - (bottom - top) / height) ** 2,
                wide=max(0.0, (right - left) / height - 1),
                gap=float(gaps[first : last - 1].clip(min=0).sum()),
                overlap=max(0.0, -float(gaps[last - 1])),
                cut=float(cut),
            )
            own = np.pad(_reduced(_ink_of(group, box, ink, labels)), 2)
            suspicions = {suspect[a.piece.number] for a in group}
            suspicion = "" if "" in suspicions else suspicions.pop()
            groups.append(
                Group(
                    first,
                    last,
                    box,
                    (from_ink(own, like),),
                    measures,
                    suspicion,
                    tuple(a.piece.number for a in group),
                )
            )
    return groups


def _around(atoms: list[_Atom]) -> tuple[int, int, int, int]:
    lefts, tops, rights, bottoms = zip(*(atom.box for atom in atoms), strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _ink_of(
    atoms: list[_Atom], box: tuple[int, int, int, int], ink: Floats, labels: NDArray[np.int32]
) -> Floats:
    """The ink of the atoms alone, within their box."""
    left, top, right, bottom = box
    own = np.zeros((bottom - top, right - left))
    for atom in atoms:
        x0, y0, x1, y1 = atom.box
        mine = labels[y0:y1, x0:x1] == atom.piece.number
        own[y0 - top : y1 - top, x0 - left : x1 - left][mine] = ink[y0:y1, x0:x1][mine]
    # A pale digit beside dark ones is as black as they are in its own image.
    level = np.percentile(own[own > 0.2], 75) if (own > 0.2).any() else 1.0
    return np.clip(own / level, 0, 1)


def _reduced(ink: Floats) -> Floats:
    """The ink with as many pixels as its input image is made of, where it has far more."""
    times = max(ink.shape) // _SIDE + 1
    if times == 1:
        return ink
    height, width = (-(-side // times) * times for side in ink.shape)
    whole = np.pad(ink, ((0, height - ink.shape[0]), (0, width - ink.shape[1])))
    return np.asarray(whole.reshape(height // times, times, -1, times).mean(axis=(1, 3)))


def _cut(piece: Piece, ink: Floats, labels: NDArray[np.int32], height: float) -> list[_Atom]:
    """The piece in atoms: cut at thin columns where it is wide enough for several digits."""
    left, top, _, _ = piece.box
    if piece.width <= _CUT_WIDTH * min(height, piece.height):
        return [_Atom(piece, piece.box, False)]
    own = _ink_of([_Atom(piece, piece.box, False)], piece.box, ink, labels)
    profile = ndimage.gaussian_filter1d(own.sum(axis=0), 1)
    pen = line_width(own)
    # Digits touch in one place, while a column of a wide zero has two lines.
    reach = max(3, round(0.15 * height))
    lowest = ndimage.minimum_filter1d(profile, 2 * reach + 1)
    low = [
        x
        for x in np.flatnonzero((profile == lowest) & (profile < 1.25 * pen)).tolist()
        if 0.25 * height < x < piece.width - 0.25 * height
    ]
    at = [0]
    for x in low[:16]:
        if x - at[-1] > 0.25 * height:
            at.append(x)
    at.append(piece.width)
    atoms = []
    for first, last in itertools.pairwise(at):
        rows = np.flatnonzero(own[:, first:last].max(axis=1) > 0.2)
        if len(rows):
            box = (left + first, top + int(rows[0]), left + last, top + int(rows[-1]) + 1)
            atoms.append(_Atom(piece, box, last < piece.width))
    return atoms
