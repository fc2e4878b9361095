"""Records of every epoch of a study: the latents of some held-out characters, and the time taken."""

import csv
import time
from pathlib import Path

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback

from glyphvae_training.data.dataset import Split
from glyphvae_training.export.exported import Floats
from glyphvae_training.models.families import Model


class LatentRecord(Callback):
    """Callback that writes `mu` and `logvar` of fixed characters after every epoch, and before the first as epoch 0.

    Args:
        folder: of the run; the files are `latents/epoch-001.npz` and so on.
        characters: n held-out characters.
    """

    def __init__(self, folder: Path, characters: Split) -> None:
        self._folder = folder
        self._characters = characters

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Write the latents of the untrained model."""
        if trainer.is_global_zero and trainer.current_epoch == 0:
            self._write(0, pl_module)

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Write the latents of this epoch."""
        if trainer.is_global_zero:
            self._write(trainer.current_epoch + 1, pl_module)

    def _write(self, epoch: int, module: lightning.LightningModule) -> None:
        model: Model = module.model  # type: ignore[assignment]
        model.eval()
        with torch.inference_mode():
            x = torch.from_numpy(self._characters.images).to(module.device).float() / 255  # (n, 28, 28)
            label = torch.from_numpy(self._characters.labels).to(module.device)
            mu, logvar = model.encode(x) if model.kind == "vae" else model.encode(x, label)
        model.train()
        path = latents_path(self._folder, epoch)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, mu=mu.float().cpu().numpy(), logvar=logvar.float().cpu().numpy())


def latents_path(folder: Path, epoch: int) -> Path:
    """Return the path of an epoch's latents in the run's folder."""
    return folder / "latents" / f"epoch-{epoch:03}.npz"


def read_latents(folder: Path, epoch: int) -> tuple[Floats, Floats]:
    """Read `mu` and `logvar`, float32 (n, latent), after an epoch."""
    with np.load(latents_path(folder, epoch)) as stored:
        return stored["mu"], stored["logvar"]


class Clock(Callback):
    """Callback that appends wall and processor time of every epoch to times.csv.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "times.csv"
        self._wall = self._processor = 0.0

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:  # noqa: ARG002 (Lightning's signature)
        """Start both clocks."""
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:  # noqa: ARG002 (Lightning's signature)
        """Write the times since the start of the epoch, the validation included."""
        if not trainer.is_global_zero:
            return
        new = not self._path.exists()
        with self._path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(["epoch", "seconds", "processor_seconds"])
            wall, processor = time.perf_counter() - self._wall, time.process_time() - self._processor
            writer.writerow([trainer.current_epoch + 1, f"{wall:.3f}", f"{processor:.3f}"])


def seconds_trained(folder: Path) -> tuple[float, float]:
    """Sum wall and processor seconds of all epochs of a run, including those that a resumed run repeated."""
    with (folder / "times.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return sum(float(row["seconds"]) for row in rows), sum(float(row["processor_seconds"]) for row in rows)
