"""Train a small network to read handwritten digits; the example simulation of hpsearch.

An ordinary training script: it knows nothing of hpsearch. The 1797 images of 8x8 pixels come with scikit-learn; the
network itself, a softmax regression or a network with one hidden layer, is plain numpy. One run takes a second or two.
It saves its state after each epoch, and goes on from there with ``--resume_from``.
"""

import os

# Several runs share one machine, and matrices this small gain nothing from threads. Numpy reads these when imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

import argparse
import itertools
import math
import pickle
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

SUMMARY_FILENAME = "performance_overview.txt"
CONFIG_FILENAME = "config.pickle"
CHECKPOINT_FILENAME = "checkpoint.pickle"
NUM_PIXELS, NUM_CLASSES = 64, 10
NUM_VAL = NUM_TEST = 400


@dataclass(frozen=True)
class Part:
    """Some images, shape (images, pixels), and the digit on each, shape (images,)."""

    images: np.ndarray
    digits: np.ndarray


@dataclass
class Summary:
    """What a run reports. Accuracies are percentages; what is not known yet is NaN."""

    acc_test: float = math.nan
    acc_val: float = math.nan
    loss_train: float = math.nan
    acc_val_per_epoch: list[float] = field(default_factory=list)
    num_epochs: int = 0
    time_s: float = 0.0
    finished: int = 0


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train a small network to read handwritten digits.")
    parser.add_argument("--out_dir", default="./out/run", help="folder for the results; must not exist (%(default)s)")
    parser.add_argument("--resume_from", help="folder of an earlier, interrupted run: go on from its checkpoint")
    parser.add_argument("--optimizer", choices=["sgd", "adam"], default="sgd", help="(%(default)s)")
    parser.add_argument("--lr", type=at_least(0.0), default=0.1, help="learning rate (%(default)s)")
    parser.add_argument("--momentum", type=at_least(0.0), default=0.0, help="of sgd (%(default)s)")
    parser.add_argument("--weight_decay", type=at_least(0.0), default=0.0, help="L2 penalty on weights (%(default)s)")
    parser.add_argument("--hidden_units", type=at_least(0), default=32, help="0: softmax regression (%(default)s)")
    parser.add_argument("--batch_size", type=at_least(1), default=32, help="(%(default)s)")
    parser.add_argument("--num_epochs", type=at_least(1), default=10, help="(%(default)s)")
    parser.add_argument("--standardize", action="store_true", help="scale each pixel to mean 0 and deviation 1")
    parser.add_argument("--random_seed", type=at_least(0), default=42, help="of weights and batches (%(default)s)")
    parser.add_argument("--data_random_seed", type=at_least(0), default=42, help="of the data split (%(default)s)")
    return parser.parse_args(argv)


def at_least(lowest: int | float) -> Callable[[str], int | float]:
    """Return a type for argparse: a number of the type of `lowest`, not smaller than it."""

    def number(text: str) -> int | float:
        value = type(lowest)(text)
        if not lowest <= value < math.inf:
            raise argparse.ArgumentTypeError(f"expected a number from {lowest} on, found {text}")
        return value

    return number


def load_parts(data_random_seed: int, standardize: bool) -> tuple[Part, Part, Part]:
    """Return training, validation and test images: 997, 400 and 400, no image in two of them.

    Validation serves to choose between runs; the test images are looked at only once, after training.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        sys.exit(f"train.py needs scikit-learn ({error}). Install it with: pip install scikit-learn")
    images, digits = load_digits(return_X_y=True)
    order = np.random.default_rng(data_random_seed).permutation(len(digits))
    images = images[order] / 16.0
    digits = digits[order]
    if standardize:
        images = standardized(images, measured_on=images[NUM_VAL + NUM_TEST :])
    bounds = [0, NUM_TEST, NUM_TEST + NUM_VAL, len(digits)]
    test, val, train = (Part(images[a:b], digits[a:b]) for a, b in itertools.pairwise(bounds))
    return train, val, test


def standardized(images: np.ndarray, measured_on: np.ndarray) -> np.ndarray:
    """Scale each pixel by the mean and the deviation it has in `measured_on`: the training images, never the others."""
    deviation = measured_on.std(axis=0)
    # Some pixels at the edge are white in every image; others are so in nearly every one.
    return (images - measured_on.mean(axis=0)) / np.maximum(deviation, 0.02)


class Network:
    """Layers of weights and biases, ReLU between them."""

    def __init__(self, sizes: Sequence[int], random: np.random.Generator) -> None:
        """sizes: of the input, of each hidden layer, of the output."""
        pairs = list(itertools.pairwise(sizes))
        self.weights = [random.normal(0.0, math.sqrt(2.0 / ins), (ins, outs)) for ins, outs in pairs]
        self.biases = [np.zeros(outs) for _, outs in pairs]

    @property
    def parameters(self) -> list[np.ndarray]:
        return self.weights + self.biases

    def layers(self, images: np.ndarray) -> list[np.ndarray]:
        """Return the input of each layer, and the logits last."""
        values = [images]
        for weight, bias in zip(self.weights, self.biases, strict=True):
            is_first = len(values) == 1
            values.append((values[-1] if is_first else np.maximum(values[-1], 0.0)) @ weight + bias)
        return values

    def loss(self, part: Part) -> float:
        """Return the mean cross-entropy."""
        log_share = log_softmax(self.layers(part.images)[-1])
        return float(-log_share[np.arange(len(part.digits)), part.digits].mean())

    def accuracy(self, part: Part) -> float:
        """Return the share of images read correctly, in percent."""
        answers = self.layers(part.images)[-1].argmax(axis=1)
        return float(100.0 * (answers == part.digits).mean())

    def gradients(self, part: Part, weight_decay: float) -> list[np.ndarray]:
        """Return the gradient of the loss for each of `parameters`."""
        values = self.layers(part.images)
        error = np.exp(log_softmax(values[-1]))
        error[np.arange(len(part.digits)), part.digits] -= 1.0
        error /= len(part.digits)
        of_weights, of_biases = [], []
        for layer in reversed(range(len(self.weights))):
            entered = values[layer] if layer == 0 else np.maximum(values[layer], 0.0)
            of_weights.insert(0, entered.T @ error + weight_decay * self.weights[layer])
            of_biases.insert(0, error.sum(axis=0))
            if layer > 0:
                error = (error @ self.weights[layer].T) * (values[layer] > 0.0)
        return of_weights + of_biases


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


class Sgd:
    """Gradient descent with momentum."""

    def __init__(self, parameters: list[np.ndarray], lr: float, momentum: float) -> None:
        self.parameters, self.lr, self.momentum = parameters, lr, momentum
        self.velocities = [np.zeros_like(parameter) for parameter in parameters]

    def step(self, gradients: list[np.ndarray]) -> None:
        for parameter, velocity, gradient in zip(self.parameters, self.velocities, gradients, strict=True):
            velocity *= self.momentum
            velocity += gradient
            parameter -= self.lr * velocity


class Adam:
    """Adam with its usual constants."""

    def __init__(self, parameters: list[np.ndarray], lr: float) -> None:
        self.parameters, self.lr = parameters, lr
        self.means = [np.zeros_like(parameter) for parameter in parameters]
        self.squares = [np.zeros_like(parameter) for parameter in parameters]
        self.num_steps = 0

    def step(self, gradients: list[np.ndarray]) -> None:
        self.num_steps += 1
        of_mean, of_square = 1.0 - 0.9**self.num_steps, 1.0 - 0.999**self.num_steps
        moments = zip(self.parameters, self.means, self.squares, gradients, strict=True)
        for parameter, mean, square, gradient in moments:
            mean += 0.1 * (gradient - mean)
            square += 0.001 * (gradient**2 - square)
            parameter -= self.lr * (mean / of_mean) / (np.sqrt(square / of_square) + 1e-8)


def train_epoch(
    network: Network, optimizer: Sgd | Adam, train: Part, config: argparse.Namespace, random: np.random.Generator
) -> None:
    """Show the network each training image once, in random order."""
    order = random.permutation(len(train.digits))
    for start in range(0, len(order), config.batch_size):
        batch = order[start : start + config.batch_size]
        optimizer.step(network.gradients(Part(train.images[batch], train.digits[batch]), config.weight_decay))


def write_summary(out_dir: Path, summary: Summary) -> None:
    """Write a line `keyword value...` for each result; a reader never sees half a file."""
    lines = []
    for keyword, value in asdict(summary).items():
        numbers = value if isinstance(value, list) else [value]
        lines.append(f"{keyword} {' '.join(f'{number:.6g}' for number in numbers or [math.nan])}\n")
    unfinished = out_dir / f"{SUMMARY_FILENAME}.new"
    unfinished.write_text("".join(lines), encoding="utf-8")
    unfinished.replace(out_dir / SUMMARY_FILENAME)


@dataclass
class Training:
    """All that an epoch changes: what a checkpoint has to hold, the random generator included."""

    network: Network
    optimizer: Sgd | Adam
    random: np.random.Generator
    summary: Summary

    def save(self, out_dir: Path) -> None:
        """Write the checkpoint whole: a run that is killed now leaves the one before."""
        unfinished = out_dir / f"{CHECKPOINT_FILENAME}.new"
        unfinished.write_bytes(pickle.dumps(self))
        unfinished.replace(out_dir / CHECKPOINT_FILENAME)


def start_training(config: argparse.Namespace) -> Training:
    """Return the training that an earlier run has left, or a new one."""
    checkpoint = Path(config.resume_from or "") / CHECKPOINT_FILENAME
    if config.resume_from and checkpoint.exists():
        earlier: Training = pickle.loads(checkpoint.read_bytes())
        print(f"going on behind epoch {earlier.summary.num_epochs} of {config.resume_from}", flush=True)
        return earlier
    random = np.random.default_rng(config.random_seed)
    hidden = [config.hidden_units] if config.hidden_units else []
    network = Network([NUM_PIXELS, *hidden, NUM_CLASSES], random)
    is_adam = config.optimizer == "adam"
    optimizer = Adam(network.parameters, config.lr) if is_adam else Sgd(network.parameters, config.lr, config.momentum)
    return Training(network, optimizer, random, Summary())


def prepare_out_dir(config: argparse.Namespace, training: Training) -> Path:
    """Create the folder for the results, with checkpoint and options in it; stop if it exists already."""
    out_dir = Path(config.out_dir)
    try:
        out_dir.mkdir(parents=True)
    except FileExistsError:
        sys.exit(f"train.py: {out_dir} exists already; name another folder with --out_dir, or move it away")
    # First of all: should this run be ended soon, the next one goes on from its folder.
    training.save(out_dir)
    with (out_dir / CONFIG_FILENAME).open("wb") as file:
        pickle.dump(config, file)
    return out_dir


def run(config: argparse.Namespace, out_dir: Path, training: Training) -> Summary:
    """Train and test one network; the summary is written before, after each epoch and at the end."""
    network, summary = training.network, training.summary
    started_at = time.perf_counter() - summary.time_s
    write_summary(out_dir, summary)  # says "finished 0": a run that is killed can be told from one that ended
    train, val, test = load_parts(config.data_random_seed, config.standardize)
    told_to_stop: list[int] = []
    signal.signal(signal.SIGUSR1, lambda number, _: told_to_stop.append(number))
    for epoch in range(summary.num_epochs + 1, config.num_epochs + 1):
        train_epoch(network, training.optimizer, train, config, training.random)
        summary.loss_train, summary.acc_val = network.loss(train), network.accuracy(val)
        summary.acc_val_per_epoch.append(summary.acc_val)
        summary.num_epochs, summary.time_s = epoch, time.perf_counter() - started_at
        write_summary(out_dir, summary)
        print(f"epoch {epoch}: loss_train {summary.loss_train:.4f}, acc_val {summary.acc_val:.2f}", flush=True)
        if not math.isfinite(summary.loss_train):
            sys.exit(f"train.py: training diverged in epoch {epoch}; try a smaller --lr")
        training.save(out_dir)
        if told_to_stop:
            sys.exit(f"train.py: told to stop; epoch {epoch} is saved")
    summary.acc_test, summary.finished = network.accuracy(test), 1
    summary.time_s = time.perf_counter() - started_at
    write_summary(out_dir, summary)
    print(f"done in {summary.time_s:.1f} s: acc_test {summary.acc_test:.2f}", flush=True)
    return summary


def main() -> None:
    config = parse_arguments()
    training = start_training(config)
    out_dir = prepare_out_dir(config, training)
    with np.errstate(over="ignore", invalid="ignore"):  # `run` looks for divergence itself
        run(config, out_dir, training)


if __name__ == "__main__":
    main()
