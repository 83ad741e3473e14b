"""The plain scripts that the trainer is timed beside: what a notebook does with the same network.

python benchmarks/plain.py keras RECIPE     # prints seconds and test accuracy as JSON
python benchmarks/plain.py torch RECIPE     # needs `pip install torch`
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from digitcore import Recipe, load_dataset  # noqa: E402
from digitcore.datasets import Split  # noqa: E402
from digitcore.recipes.layers import (  # noqa: E402
    BatchNorm,
    Conv,
    DepthwiseConv,
    Dropout,
    Flatten,
    GlobalPool,
    Pool,
)


def main() -> None:
    scripts = {"keras": plain_keras, "torch": plain_torch}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("script", choices=scripts)
    parser.add_argument("recipe", help="a name, or a TOML file")
    options = parser.parse_args()
    print(json.dumps(scripts[options.script](Recipe.load(options.recipe))))


def plain_keras(recipe: Recipe) -> dict[str, float]:
    """What a notebook does: a Keras model, `compile` and `fit`."""
    import keras

    from digitcore.training import network, optimizers

    data = load_dataset(validation_split=recipe.validation_split)
    keras.utils.set_random_seed(recipe.seed)
    model = network.build(recipe, "float32")
    steps = -(-len(data.train) // recipe.batch_size)
    model.compile(
        optimizers.optimizer(recipe, steps), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    begun = time.perf_counter()
    model.fit(
        data.train.images,
        data.train.labels,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        validation_data=(data.validation.images, data.validation.labels),
        verbose=0,
    )
    seconds = time.perf_counter() - begun
    _, accuracy = model.evaluate(data.test.images, data.test.labels, batch_size=1000, verbose=0)
    return {"fit_seconds": seconds, "test_accuracy": accuracy}


def plain_torch(recipe: Recipe) -> dict[str, float]:
    """What a notebook does: modules in a row, an optimizer and a loop."""
    import torch
    from torch.nn import functional

    data = load_dataset(validation_split=recipe.validation_split)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(recipe.seed)
    model = torch_network(recipe).to(device)
    optimizer, schedule = torch_optimizer(recipe, model, -(-len(data.train) // recipe.batch_size))

    def on_device(split: Split) -> tuple[torch.Tensor, torch.Tensor]:
        images = torch.tensor(split.images, device=device)[:, None].float() / 255
        return images, torch.tensor(split.labels, device=device).long()

    @torch.no_grad()
    def accuracy(images: torch.Tensor, labels: torch.Tensor) -> float:
        model.eval()
        answers = torch.cat([model(batch) for batch in images.split(1000)])
        model.train()
        return (answers.argmax(dim=1) == labels).float().mean().item()

    validation, test = on_device(data.validation), on_device(data.test)
    images, labels = on_device(data.train)
    begun = time.perf_counter()
    for _ in range(recipe.epochs):
        for chosen in torch.randperm(len(labels), device=device).split(recipe.batch_size):
            optimizer.zero_grad()
            functional.cross_entropy(model(images[chosen]), labels[chosen]).backward()
            optimizer.step()
            if schedule:
                schedule.step()
        accuracy(*validation)
    return {"fit_seconds": time.perf_counter() - begun, "test_accuracy": accuracy(*test)}


def torch_network(recipe: Recipe) -> Any:
    """The recipe's layers, without the softmax at the end, which is part of PyTorch's loss."""
    from torch import nn

    activations = {
        "relu": nn.ReLU,
        "leaky_relu": functools.partial(nn.LeakyReLU, 0.2),  # Keras's slope
        "gelu": nn.GELU,
        "silu": nn.SiLU,
        "tanh": nn.Tanh,
        "softmax": functools.partial(nn.Softmax, dim=1),
    }
    modules: list[nn.Module] = []
    shape: tuple[int, ...] = (28, 28, 1)
    for layer, row in zip(recipe.layers, recipe.summary(), strict=False):
        if isinstance(layer, Conv | DepthwiseConv):
            groups = shape[2] if isinstance(layer, DepthwiseConv) else 1
            if layer.padding == "same" and layer.stride > 1:
                raise ValueError("PyTorch pads no convolution with strides as Keras does.")
            modules.append(
                nn.Conv2d(
                    shape[2],
                    row.shape[2],
                    layer.kernel,
                    layer.stride,
                    padding=layer.padding,
                    groups=groups,
                    bias=layer.bias,
                )
            )
        elif isinstance(layer, Pool):
            modules.append((nn.MaxPool2d if layer.method == "max" else nn.AvgPool2d)(layer.size))
        elif isinstance(layer, GlobalPool):
            modules += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        elif isinstance(layer, BatchNorm):
            kind = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
            modules.append(kind(shape[-1], eps=1e-3, momentum=1 - layer.momentum))
        elif isinstance(layer, Dropout):
            modules.append(nn.Dropout(layer.rate))
        elif isinstance(layer, Flatten):
            modules.append(nn.Flatten())
        else:
            modules.append(nn.Linear(shape[0], layer.units))
        activation = getattr(layer, "activation", "linear")
        if activation != "linear":
            modules.append(activations[activation]())
        shape = row.shape
    return nn.Sequential(*modules, nn.Linear(shape[0], 10))


def torch_optimizer(recipe: Recipe, model: Any, steps: int) -> tuple[Any, Any]:
    """The recipe's optimizer and its schedule, if it has one, where an epoch has so many steps."""
    from torch import optim

    weights, rate = model.parameters(), recipe.learning_rate
    optimizer: Any
    if recipe.optimizer == "sgd":
        momentum = recipe.momentum
        optimizer = optim.SGD(weights, rate, momentum, nesterov=momentum > 0)
    elif recipe.optimizer == "rmsprop":
        optimizer = optim.RMSprop(weights, rate, alpha=0.9, eps=1e-7)
    else:
        optimizer = optim.Adam(weights, rate, eps=1e-7)
    total = steps * recipe.epochs
    warmup = round(total * recipe.warmup_ratio)

    def fraction(step: int) -> float:
        if recipe.schedule == "step":
            return float(recipe.step_factor ** (max(step - 1, 0) // (steps * recipe.step_epochs)))
        if step < warmup:
            return step / warmup
        return (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup))) / 2

    if recipe.schedule == "constant":
        return optimizer, None
    return optimizer, optim.lr_scheduler.LambdaLR(optimizer, fraction)


if __name__ == "__main__":
    main()
