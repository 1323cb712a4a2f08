"""The door to torch for classifiers (the ``train`` extra): fit the weights of a small network, and of a plain regression."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from detectors.models.classifiers.learning.design import Design, Weights
from detectors.runtimes.base import scale_values
from schemas.errors import FatalFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from detectors.runtimes.metadata import Scaling

#: Share of the old average that is kept with each step: the network that is filed is the mean of the last few epochs' weights.
_KEPT = 0.98
_REGRESSION_STEPS = 300


class Inputs(Protocol):
    """Pictures as the network takes them: an array, or what reads them when they are asked for."""

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def __getitem__(self, places: slice, /) -> NDArray[np.uint8]:
        """Return some of them, uint8 (n, height, width, channels)."""
        ...


@dataclass(frozen=True)
class Lesson:
    """One run of training.

    Attributes
    ----------
    design
        The network.
    draw
        From places among the pictures to learn from, and a generator, to inputs: uint8 (places, height, width, channels),
        augmented anew each time.
    truth
        int64 (n,): classes of the pictures to learn from.
    watched, watched_truth
        What says when to stop: ``m`` pictures, and int64 (m,).
    scaling
        What is done to the values.
    class_weights
        float32 (classes,): how much a mistake in each class costs.
    epochs, patience
        Most epochs; how many in a row may bring nothing.
    """

    design: Design
    draw: Callable[[NDArray[np.int64], np.random.Generator], NDArray[np.uint8]]
    truth: NDArray[np.int64]
    watched: Inputs
    watched_truth: NDArray[np.int64]
    scaling: Scaling
    class_weights: NDArray[np.float32]
    epochs: int = 60
    patience: int = 15
    batch: int = 32
    rate: float = 2e-3
    decay: float = 1e-3
    smoothing: float = 0.05
    dropout: float = 0.2
    seed: int = 0
    threads: int = 1


@dataclass(frozen=True)
class Learned:
    """The weights of the best epoch.

    Attributes
    ----------
    logits
        float64 (m, classes) of the watched pictures.
    epoch, epochs
        Which epoch it was, from 1, and after how many training ended.
    """

    weights: Weights
    logits: NDArray[np.float64]
    epoch: int
    epochs: int


def load_torch() -> Any:  # noqa: ANN401 - a vendor without types
    """Import torch.

    Raises
    ------
    FatalFault
        If the ``train`` extra is not installed.
    """
    try:
        import torch  # noqa: PLC0415 - seconds and gigabytes: only when asked for
    except ImportError as error:
        message = "Training needs the train extra: pip install observatory-streams[train]."
        raise FatalFault(message) from error
    return torch


@contextmanager
def translate(doing: str) -> Iterator[None]:
    """Turn whatever torch raises into ours, and drop its warnings; it has no exception tree of its own.

    Raises
    ------
    FatalFault
        Always: weights that cannot be fitted are no input's fault.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (FatalFault, KeyboardInterrupt, MemoryError):
        raise
    except Exception as error:
        message = f"Torch could not {doing}: {str(error)[:200] or type(error).__name__}"
        raise FatalFault(message) from error


def learn(lesson: Lesson, *, progress: Callable[[int, int, float], bool]) -> Learned:
    """Fit the weights and return those of the epoch that was best on the watched pictures.

    The measure is the mean over classes of the surprise (negative log likelihood) at their pictures, so that a rare class says as
    much as a common one. Equal lessons on one machine with one thread give equal weights.

    Parameters
    ----------
    progress
        Called after each epoch with (epoch from 1, most epochs, surprise); returns whether to go on.

    Raises
    ------
    FatalFault
        If the extra is missing or training fails.
    """
    torch = load_torch()
    with translate("train"):
        torch.set_num_threads(lesson.threads)
        torch.manual_seed(lesson.seed)
        course = _Course(torch, lesson)
        best: tuple[float, int, Any] | None = None
        epoch = 0
        for epoch in range(1, lesson.epochs + 1):
            course.run_epoch()
            surprise = course.watch()
            if best is None or surprise < best[0]:
                best = surprise, epoch, course.copy_average()
            if not progress(epoch, lesson.epochs, surprise) or epoch - best[1] >= lesson.patience:
                break
        if best is None:
            message = "No epoch was trained."
            raise FatalFault(message)
        course.average.load_state_dict(best[2])
        return Learned(course.fold(), course.answer(lesson.watched), epoch=best[1], epochs=epoch)


class _Course:
    """The network under training, its average, and the optimiser."""

    def __init__(self, torch: Any, lesson: Lesson) -> None:  # noqa: ANN401
        self._torch, self._lesson = torch, lesson
        self._random = np.random.default_rng(lesson.seed)
        self._network = _build(torch, lesson.design, lesson.dropout)
        self.average = _build(torch, lesson.design, lesson.dropout)
        self.average.load_state_dict(self._network.state_dict())
        self.average.eval()
        self._loss = torch.nn.CrossEntropyLoss(
            weight=torch.from_numpy(lesson.class_weights), label_smoothing=lesson.smoothing
        )
        self._steps = max(len(lesson.truth) // lesson.batch, 1)
        self._optimiser = torch.optim.AdamW(self._network.parameters(), lr=lesson.rate, weight_decay=lesson.decay)
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimiser, max_lr=lesson.rate, total_steps=self._steps * lesson.epochs, pct_start=0.15
        )
        self._done = 0

    def run_epoch(self) -> None:
        """Learn from every picture once, in an order of its own; a last step that would be too short is left out."""
        torch, lesson = self._torch, self._lesson
        self._network.train()
        order = self._random.permutation(len(lesson.truth))
        for step in range(self._steps):
            places = order[step * lesson.batch : (step + 1) * lesson.batch]
            values = self._to_values(lesson.draw(places, self._random))
            loss = self._loss(self._network(values), torch.from_numpy(lesson.truth[places]))
            self._optimiser.zero_grad()
            loss.backward()
            self._optimiser.step()
            self._schedule.step()
            self._follow()

    def watch(self) -> float:
        """Return the mean over classes of the surprise at the watched pictures."""
        logits, truth = self.answer(self._lesson.watched), self._lesson.watched_truth
        shifted = logits - logits.max(axis=1, keepdims=True)
        costs = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(truth)), truth]
        return float(np.mean([costs[truth == place].mean() for place in np.unique(truth)]))

    def answer(self, pictures: Inputs) -> NDArray[np.float64]:
        """Return the logits of the average network, float64 (n, classes)."""
        torch, batch = self._torch, 256
        with torch.inference_mode():
            parts = [
                self.average(self._to_values(pictures[place : place + batch])).numpy()
                for place in range(0, len(pictures), batch)
            ]
        return np.concatenate(parts).astype(np.float64)

    def copy_average(self) -> dict[str, Any]:
        """Return the numbers of the average network as they are now."""
        return {name: value.clone() for name, value in self.average.state_dict().items()}

    def fold(self) -> Weights:
        """Return the average network with normalisation folded into the convolutions."""
        kernels, offsets = [], []
        layers = list(self.average.features)
        for convolution, norm in zip(layers[0::3], layers[1::3], strict=True):
            factor = (norm.weight / self._torch.sqrt(norm.running_var + norm.eps)).detach().double()
            kernel = convolution.weight.detach().double() * factor[:, None, None, None]
            offset = norm.bias.detach().double() - norm.running_mean.double() * factor
            kernels.append(kernel.numpy().astype(np.float32))
            offsets.append(offset.numpy().astype(np.float32))
        matrix, bias = (value.detach().numpy().copy() for value in (self.average.head.weight, self.average.head.bias))
        return Weights(tuple(kernels), tuple(offsets), matrix, bias)

    def _to_values(self, pictures: NDArray[np.uint8]) -> Any:  # noqa: ANN401 - a tensor
        scaled = scale_values(pictures, self._lesson.scaling)
        return self._torch.from_numpy(np.ascontiguousarray(scaled.transpose(0, 3, 1, 2)))

    def _follow(self) -> None:
        """Let the average follow the network; its memory is short at the beginning."""
        self._done += 1
        kept = min(_KEPT, self._done / (self._done + 10))
        with self._torch.no_grad():
            mine, theirs = self.average.state_dict(), self._network.state_dict()
            for name, value in mine.items():
                if value.dtype.is_floating_point:
                    value.mul_(kept).add_(theirs[name], alpha=1 - kept)
                else:
                    value.copy_(theirs[name])


def _build(torch: Any, design: Design, dropout: float) -> Any:  # noqa: ANN401
    layers, taken = [], design.channels
    for made, stride in design.stages:
        layers += [
            torch.nn.Conv2d(taken, made, 3, stride=stride, padding=1, bias=False),
            torch.nn.BatchNorm2d(made),
            torch.nn.ReLU(),
        ]
        taken = made

    class _Network(torch.nn.Module):  # type: ignore[misc]  # a vendor without types
        def __init__(self) -> None:
            super().__init__()
            self.features = torch.nn.Sequential(*layers)
            self.dropout = torch.nn.Dropout(dropout)
            self.head = torch.nn.Linear(design.features, design.classes)

        def forward(self, values: Any) -> Any:  # noqa: ANN401
            planes = self.features(values)
            pooled = torch.cat([planes.mean(dim=(2, 3)), planes.amax(dim=(2, 3))], dim=1)
            return self.head(self.dropout(pooled))

    return _Network()


def fit_regression(
    numbers: NDArray[np.float64], truth: NDArray[np.int64], classes: int
) -> Callable[[NDArray[np.float64]], NDArray[np.int64]]:
    """Return a logistic regression on standardised numbers: what a network must beat to be worth its trouble.

    Multinomial, with an L2 penalty of weight 1 (as scikit-learn's default, C = 1), each class weighing alike.

    Parameters
    ----------
    numbers
        float64 (n, measures), finite.
    truth
        int64 (n,).

    Returns
    -------
    From numbers of other pictures to their classes.
    """
    torch = load_torch()
    middle, spread = numbers.mean(axis=0), numbers.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    counts = np.maximum(np.bincount(truth, minlength=classes), 1)
    with translate("fit a regression"):
        values = torch.from_numpy((numbers - middle) / spread)
        target, weights = torch.from_numpy(truth), torch.from_numpy(len(truth) / (classes * counts))
        matrix = torch.zeros((classes, numbers.shape[1]), dtype=torch.float64, requires_grad=True)
        bias = torch.zeros(classes, dtype=torch.float64, requires_grad=True)
        optimiser = torch.optim.LBFGS(
            [matrix, bias], max_iter=_REGRESSION_STEPS, tolerance_grad=1e-7, line_search_fn="strong_wolfe"
        )

        def close() -> Any:  # noqa: ANN401
            optimiser.zero_grad()
            logits = values @ matrix.T + bias
            costs = torch.nn.functional.cross_entropy(logits, target, weight=weights, reduction="sum")
            loss = costs + (matrix**2).sum() / 2
            loss.backward()
            return loss

        optimiser.step(close)
        fitted, offset = matrix.detach().numpy(), bias.detach().numpy()

    def say(others: NDArray[np.float64]) -> NDArray[np.int64]:
        logits = ((others - middle) / spread) @ fitted.T + offset
        return np.asarray(logits.argmax(axis=1), dtype=np.int64)

    return say
