"""Every field of a recipe: the only home of a default, a bound, a unit and a help text.

The sidebar builds its widgets from these fields, the command line its flags, and the README its
table.
"""

from __future__ import annotations

import functools
from typing import Literal

from pydantic import Field

from digitcore.recipes.hyperparameter import Hyperparameter, described, field
from digitcore.recipes.layers import Frozen, Layer


class RecipeFields(Frozen):
    """What a recipe holds; `Recipe` adds what it can do."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", description="Short name of the recipe.")
    description: str = Field("", max_length=400, description="What it is, in a sentence.")
    dataset: str = Field("mnist", description="The registered dataset that it learns.")
    layers: tuple[Layer, ...] = Field(
        max_length=64,
        description="The network between the image and the softmax outputs, one per class, which are always added.",
    )

    epochs: int = field(
        5,
        "Passes over the training images.",
        "Training",
        unit="epochs",
        stops=(*range(1, 11), 12, 15, 20, 30, 50, 100, 200),
        ge=1,
        le=200,
    )
    batch_size: int = field(
        128,
        "Images in one step of the optimizer.",
        "Training",
        unit="images",
        stops=(8, 16, 32, 60, 64, 120, 128, 256, 512, 1024, 2048, 4096),
        ge=1,
        le=4096,
    )
    learning_rate: float = field(
        0.001,
        "Size of a step; with a schedule, the largest one.",
        "Training",
        stops=(
            1e-5,
            2e-5,
            5e-5,
            1e-4,
            2e-4,
            5e-4,
            1e-3,
            2e-3,
            5e-3,
            0.01,
            0.02,
            0.05,
            0.1,
            0.2,
            0.5,
            1,
            2,
            5,
            10,
        ),
        gt=0,
        le=10,
    )

    training_images: int = field(
        60_000,
        "How many of the dataset's training images to use, the first ones; the validation images are the "
        "last of these.",
        "Data",
        unit="images",
        stops=(
            *(100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000),
            *(60_000, 120_000, 240_000, 500_000, 1_000_000),
        ),
        ge=100,
        le=1_000_000,
    )
    validation_split: float = field(
        0.1,
        "Fraction of these that is set aside to choose the best epoch and never trained on.",
        "Data",
        step=0.001,
        ge=0.02,
        le=0.5,
    )
    epoch_images: int = field(
        0,
        "Training images per epoch, chosen at random each time; 0 uses all.",
        "Data",
        unit="images",
        stops=(
            *(0, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000),
            *(120_000, 240_000, 500_000, 1_000_000),
        ),
        ge=0,
        le=1_000_000,
    )
    synthetic_digits: int = field(
        0,
        "Digits that Digit Studio draws itself, to train on as well: ones with a flag and a foot, "
        "slashed zeros, crossed sevens, open fours.",
        "Data",
        unit="images",
        stops=(0, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000, 100_000),
        ge=0,
        le=100_000,
    )
    synthetic_outliers: int = field(
        0,
        "Letters, signs and scribbles that Digit Studio draws, to train the network to be unsure of them "
        "(Hendrycks et al., 2019).",
        "Data",
        unit="images",
        stops=(0, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000, 100_000),
        ge=0,
        le=100_000,
    )

    optimizer: Literal["adam", "adamw", "sgd", "rmsprop"] = field(
        "adam",
        "How gradients become steps. SGD uses Nesterov momentum.",
        "Optimizer and schedule",
    )
    momentum: float = field(
        0.9,
        "Fraction of the previous step that the next one keeps.",
        "Optimizer and schedule",
        step=0.01,
        only={"optimizer": "sgd"},
        ge=0,
        le=0.999,
    )
    schedule: Literal["constant", "cosine", "step"] = field(
        "constant",
        "How the learning rate changes: not at all, by a warm-up and then half a cosine to zero, or in "
        "steps.",
        "Optimizer and schedule",
    )
    warmup_ratio: float = field(
        0.1,
        "Fraction of the training during which the learning rate rises from zero.",
        "Optimizer and schedule",
        step=0.01,
        only={"schedule": "cosine"},
        ge=0,
        le=0.9,
    )
    step_epochs: int = field(
        2,
        "Epochs between two reductions of the learning rate.",
        "Optimizer and schedule",
        unit="epochs",
        only={"schedule": "step"},
        ge=1,
        le=100,
    )
    step_factor: float = field(
        0.5,
        "What each reduction multiplies the learning rate by.",
        "Optimizer and schedule",
        step=0.01,
        only={"schedule": "step"},
        ge=0.01,
        le=1,
    )
    ema_decay: float = field(
        0.0,
        "Decay per step of the weights' exponential moving average, which is then validated and kept; 0 "
        "turns it off (Polyak and Juditsky, 1992).",
        "Optimizer and schedule",
        label="EMA decay",
        stops=(0, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998, 0.9999),
        ge=0,
        le=0.9999,
    )

    rotation: float = field(
        0.0,
        "Largest rotation, in either direction.",
        "Augmentation",
        unit="°",
        step=1.0,
        ge=0,
        le=45,
    )
    shift: float = field(
        0.0,
        "Largest shift along each axis, in either direction.",
        "Augmentation",
        unit="px",
        step=0.5,
        ge=0,
        le=8,
    )
    scale: float = field(
        0.0,
        "Largest change of size, in either direction; 0.1 is from 90 % to 110 %.",
        "Augmentation",
        step=0.01,
        ge=0,
        le=0.5,
    )
    shear: float = field(
        0.0, "Largest slant, in either direction.", "Augmentation", unit="°", step=1.0, ge=0, le=45
    )
    elastic: float = field(
        0.0,
        "How far an elastic deformation shifts a point along each axis: the standard deviation (Simard et "
        "al., 2003).",
        "Augmentation",
        unit="px",
        step=0.1,
        ge=0,
        le=4,
    )
    epochs_without_augmentation: int = field(
        0,
        "Epochs at the end that train on the images as they are, without augmentation (He et al., 2019).",
        "Augmentation",
        unit="epochs",
        stops=(*range(6), 8, 10, 15, 20, 30, 50, 100),
        ge=0,
        le=100,
    )

    weight_decay: float = field(
        0.0,
        "Fraction of each weight that a step removes, times the learning rate (Loshchilov and Hutter, "
        "2019).",
        "Regularisation",
        stops=(0, 1e-5, 1e-4, 5e-4, 1e-3, 0.004, 0.01, 0.05, 0.1, 0.2, 0.5, 1),
        ge=0,
        le=1,
    )
    label_smoothing: float = field(
        0.0,
        "Fraction of each label that is spread over all classes (Szegedy et al., 2016).",
        "Regularisation",
        step=0.01,
        ge=0,
        le=0.5,
    )
    distillation: float = field(
        0.0,
        "Fraction of each label that comes from a larger network, a teacher (Hinton et al., 2015). It "
        "has learned MNIST but the last 8.3 %, which must validate: leave training_images at 60,000 "
        "and validation_split at 0.083 or less. The training loss is then above the validation loss.",
        "Regularisation",
        step=0.01,
        ge=0,
        le=0.5,
    )
    early_stopping: int = field(
        0,
        "Stop after this many epochs without improvement on validation; 0 never stops early.",
        "Regularisation",
        unit="epochs",
        ge=0,
        le=100,
    )

    seed: int = field(
        0,
        "Decides the first weights, which images come in which order, synthetic images, augmentation and "
        "dropout.",
        "Reproducibility",
        ge=0,
        le=2**31 - 1,
    )
    precision: Literal["float32", "mixed_bfloat16", "auto"] = field(
        "float32",
        "Number format that the training computes in. auto tries both for a few steps, for a longer "
        "training on a GPU also XLA, and takes the fastest: the weights then depend on the machine.",
        "Reproducibility",
    )


@functools.cache
def hyperparameters() -> tuple[Hyperparameter, ...]:
    """The fields above that a person sets, in order; `layers` and the names are not among them."""
    return described(RecipeFields)
