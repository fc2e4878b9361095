"""The folder of a run, written by training and read by export and evaluation.

recipe.json                   what the command was asked for; the same recipe goes on with the run
config.json                   everything that defines the run
metrics.csv                   one row an epoch
samples/epoch-010.png         samples of every label
checkpoints/last.ckpt         resumes bit for bit
model.pt                      the weights, and the facts of `Run`
"""

import hashlib
import json
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch

from glyphvae_training.errors import RunError
from glyphvae_training.files import replacing
from glyphvae_training.models.families import Model, ModelKind, build_model

RECIPE = "recipe.json"


@dataclass(frozen=True)
class Run:
    """Trained model with the settings and data it was trained with.

    Attributes:
        model: Its architecture is `model.config`.
        labels: The character of each label of the data; a conditional model's own.
        beta: Weight of the KL.
        seed: Of weights, order and noise.
        epochs: Trained.
        data_sha256: Of the data set.
        sources: Of the data set.
        training: Batch size, learning rate and the like.
    """

    model: Model
    labels: tuple[str, ...]
    beta: float
    seed: int
    epochs: int
    data_sha256: str
    sources: tuple[str, ...]
    training: dict[str, Any]

    @property
    def kind(self) -> ModelKind:
        """Kind of the model: "vae", "cvae" or "pen"."""
        return self.model.kind

    @property
    def series(self) -> str:
        """Fingerprint of everything that the training was given but beta, so that a series differs in beta alone."""
        training = {name: value for name, value in self.training.items() if name != "beta"}
        given = [self.kind, self.model.config.to_dict(), self.data_sha256, training]
        return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()[:12]

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the weights."""
        facts = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "model"}
        return {"kind": self.kind, "config": self.model.config.to_dict()} | facts


def check_folder(folder: Path, *, resume: bool) -> None:
    """Check that a new run does not overwrite another one.

    Raises:
        RunError: `folder` is not empty, and `resume` is not set.
    """
    if not resume and folder.exists() and any(folder.iterdir()):
        raise RunError(f"{folder} holds a run already; resume it, or choose another folder")


def claim_folder(folder: Path, recipe: Mapping[str, Any], *, resume: bool) -> None:
    """Reserve the folder of a run for a recipe, or check that the run in it is of the same recipe and may go on.

    Args:
        folder: Of the run.
        recipe: Everything that decides what is trained, as JSON values.
        resume: There has to be a run; one without a recipe, of an earlier version, may go on too.

    Raises:
        RunError: There is a run of another recipe, or with `resume` none.
    """
    path = folder / RECIPE
    if path.exists():
        stored = json.loads(path.read_text(encoding="utf-8"))
        names = sorted({*stored, *recipe})
        changes = [
            f"{name} {stored.get(name)}, not {recipe.get(name)}"
            for name in names
            if stored.get(name) != recipe.get(name)
        ]
        if changes:
            raise RunError(f"{folder} holds a run with {'; '.join(changes)}; choose another folder with --out")
        return
    there = folder.exists() and any(folder.iterdir())
    if there and not resume:
        raise RunError(f"{folder} holds a run already; resume it, or choose another folder")
    if resume and not there:
        raise RunError(f"{folder} holds no run, so there is nothing to resume")
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(recipe, indent=2) + "\n", encoding="utf-8")


def save_run(folder: Path, run: Run) -> None:
    """Write model.pt and config.json."""
    state = {name: tensor.detach().cpu() for name, tensor in run.model.state_dict().items()}
    with replacing(folder / "model.pt") as temporary:
        torch.save(run.to_dict() | {"state": state}, temporary)
    (folder / "config.json").write_text(json.dumps(run.to_dict(), indent=2) + "\n", encoding="utf-8")


def load_run(folder: Path) -> Run:
    """Read model.pt; the model is in evaluation mode.

    Raises:
        RunError: There is none, or it is not one of ours.
    """
    path = folder / "model.pt"
    try:
        # Weights only: a run from elsewhere may not bring code.
        content = torch.load(path, map_location="cpu", weights_only=True)
        model = build_model(content.pop("kind"), content.pop("config"))
        model.load_state_dict(content.pop("state"))
        return Run(model.eval(), **content)
    except FileNotFoundError:
        raise RunError(f"{path}: no such file; has the run finished?") from None
    except (KeyError, TypeError, RuntimeError, pickle.UnpicklingError) as error:
        raise RunError(f"{path}: not a run of this version: {error}") from None


def finished(folder: Path, train: Callable[[], Run]) -> Run:
    """Load the run in `folder`, or train it now."""
    if not (folder / "model.pt").exists():
        run = train()
        folder.mkdir(parents=True, exist_ok=True)
        save_run(folder, run)
    return load_run(folder)
