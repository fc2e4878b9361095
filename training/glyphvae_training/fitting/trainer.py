"""The training loop, on Lightning: checkpoints, logs, devices, precision and strategies are its own."""

import csv
import json
import logging
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor

from glyphvae_training.data.augment import warp
from glyphvae_training.data.batches import Batch, Batches
from glyphvae_training.data.dataset import Dataset, Split
from glyphvae_training.errors import RunError
from glyphvae_training.fitting.objective import Loss, loss, reparameterise
from glyphvae_training.fitting.runs import Run, save_run
from glyphvae_training.measures.pictures import sample, save_grid
from glyphvae_training.models.families import Model, ModelKind, build_model
from glyphvae_training.progress import Progress, no_progress

SAMPLES_PER_LABEL = 12


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of the training of a model.

    Attributes:
        beta: Weight of the KL.
        epochs: Passes over as many images as the training split has.
        batch_size: Images in a batch, over all devices.
        learning_rate: Adam's, at its highest.
        warmup: Share of the steps over which the learning rate rises from 0; a cosine then takes it back to 0.
        balanced: Draw every class equally often.
        seed: Of weights, order and noise.
        augment: Share of the images that are warped (`glyphvae_training.data.augment.warp`), drawn anew every time.
        average: Decay of an exponential mean of the weights, which is what is measured and kept; 0 for none.
        weight_decay: Adam's, decoupled from the gradient (Loshchilov & Hutter, arXiv:1711.05101).
        kl_warmup: Share of the steps over which the KL's weight rises from 0 (Bowman et al., arXiv:1511.06349).
        free_nats: KL of each latent below which it costs nothing (Kingma et al., arXiv:1606.04934, section 4.2).
    """

    beta: float = 1.0
    epochs: int = 20
    batch_size: int = 256
    learning_rate: float = 2e-3
    warmup: float = 0.02
    balanced: bool = True
    seed: int = 0
    augment: float = 0.0
    average: float = 0.0
    weight_decay: float = 0.0
    kl_warmup: float = 0.0
    free_nats: float = 0.0


@dataclass(frozen=True)
class Hardware:
    """Settings of the hardware; anything that Lightning's Trainer takes.

    Attributes:
        accelerator: "auto", "cpu" or "gpu".
        devices: Of each node.
        nodes: Machines.
        strategy: "auto", "ddp" and the like.
        precision: "32-true", "bf16-mixed" and the like.
        threads: PyTorch's, on the CPU.

    Raises:
        RunError: A GPU is asked for, and there is none.
    """

    accelerator: str = "auto"
    devices: int = 1
    nodes: int = 1
    strategy: str = "auto"
    precision: Any = "32-true"
    threads: int = 2

    def __post_init__(self) -> None:
        if self.accelerator in {"gpu", "cuda"} and not torch.accelerator.is_available():
            raise RunError(f"--accelerator {self.accelerator}: PyTorch finds no GPU here; auto and cpu need none")


class Autoencoder(lightning.LightningModule):
    """Training and validation step of a VAE or a conditional VAE.

    Args:
        model: What is trained.
        data: What it is trained on.
        config: How.
    """

    def __init__(self, model: Model, data: Dataset, config: TrainingConfig) -> None:
        super().__init__()
        self.model = model
        self.data = data
        self.config = config
        self.noise = torch.Generator()
        self.warp_noise = self.noise
        self.sums: dict[str, Tensor] = {}

    def on_train_epoch_start(self) -> None:
        """Derive order and noise of the epoch from seed, epoch and process, so that nothing needs restoring."""
        cast("Batches", self.trainer.train_dataloader).set_epoch(self.current_epoch)
        self.sums = {}
        self._seed(self.current_epoch + 1)

    def on_validation_epoch_start(self) -> None:
        """Measure every epoch under the same noise."""
        self._seed(0)

    def _seed(self, stream: int) -> None:
        # All processes draw the same latents' noise, and each keeps that of its own rows.
        self.noise = self._generator(stream, 0)
        self.warp_noise = self.noise if self.trainer.world_size == 1 else self._generator(stream, self.global_rank + 1)

    def _latents(self, mu: Tensor, logvar: Tensor) -> Tensor:
        return reparameterise(mu, logvar, self.noise, self.global_rank, self.trainer.world_size)

    def _generator(self, stream: int, process: int) -> torch.Generator:
        words = np.random.SeedSequence([self.config.seed, stream, process]).generate_state(1, np.uint64)
        return torch.Generator(self.device).manual_seed(int(words[0] >> np.uint64(1)))

    def forward(self, batch: Batch) -> tuple[Loss, Tensor]:
        """Compute the loss of a batch, and the logits (n, 28, 28) it was computed from."""
        if self.model.kind == "vae":
            mu, logvar = self.model.encode(batch.x)
            logits = self.model.decode(self._latents(mu, logvar))
        else:
            mu, logvar = self.model.encode(batch.x, batch.label)
            logits = self.model.decode(self._latents(mu, logvar), batch.label)
        beta, free = (self._beta(), self.config.free_nats) if self.training else (self.config.beta, 0.0)
        # Sums over 784 pixels need float32, also where the layers ran in less.
        return loss(logits.float(), batch.x, mu.float(), logvar.float(), beta, free_nats=free), logits

    def _beta(self) -> float:
        rise = self.config.kl_warmup * int(self.trainer.estimated_stepping_batches)
        return self.config.beta * min(1.0, (self.global_step + 1) / rise) if rise else self.config.beta

    def training_step(self, batch: Batch) -> Tensor:
        """Compute the loss of a training batch and log the means of the epoch after its last batch."""
        if self.config.augment:
            batch = batch._replace(x=warp(batch.x, self.config.augment, self.warp_noise))
        result, _ = self.forward(batch)
        metrics = {"train/loss": result.total.detach()} | terms("train", result)
        self.sums = {name: value + self.sums.get(name, 0) for name, value in metrics.items()}
        if self.trainer.is_last_batch:
            # Once an epoch, because Lightning takes a fifth of the time of a step to log one.
            means = {name: value / self.trainer.num_training_batches for name, value in self.sums.items()}
            self.log_dict(means, on_step=False, on_epoch=True, batch_size=len(batch.x), sync_dist=True)
        return result.total

    def validation_step(self, batch: Batch) -> None:
        """Measure a batch of the validation split."""
        if not len(batch.x):  # the last rows are those of other processes
            return
        result, logits = self.forward(batch)
        metrics = terms("validation", result)
        metrics["validation/mse"] = (torch.sigmoid(logits.float()) - batch.x).square().mean()
        metrics |= {f"validation/kl_{i}": unit for i, unit in enumerate(result.kl_per_unit.mean(dim=0))}
        self.log_dict(metrics, on_epoch=True, batch_size=len(batch.x), sync_dist=True)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Build AdamW under a linear warm-up and a cosine."""
        steps = int(self.trainer.estimated_stepping_batches)
        rise = max(1, round(self.config.warmup * steps))

        def factor(step: int) -> float:
            if step < rise:
                return (step + 1) / rise
            return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))

        c = self.config
        optimiser = torch.optim.AdamW(self.model.parameters(), c.learning_rate, weight_decay=c.weight_decay, fused=True)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def train_dataloader(self) -> Batches:
        """Return the training batches, every class equally often unless configured otherwise."""
        c = self.config
        return self._batches(self.data.train, seed=c.seed, balanced=c.balanced)

    def val_dataloader(self) -> Batches:
        """Return the batches of the validation split in order."""
        return self._batches(self.data.validation)

    def _batches(self, split: Split, **order: Any) -> Batches:  # noqa: ANN401 (passed on)
        rank, world = self.trainer.global_rank, self.trainer.world_size
        return Batches(split, self.config.batch_size, self.device, rank=rank, world=world, **order)

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:  # noqa: ARG002
        """Return the batch unchanged: it is on the device already."""
        return batch


def terms(split: str, result: Loss) -> dict[str, Tensor]:
    """Return the bound and its two terms, in nats per image, under the names they are logged by."""
    distortion, rate = result.reconstruction.detach().mean(), result.kl.detach().mean()
    return {
        f"{split}/negative_elbo": distortion + rate,
        f"{split}/reconstruction": distortion,
        f"{split}/kl": rate,
    }


class EpochRecord(Callback):
    """Callback that adds a row to metrics.csv and an image of samples after each epoch.

    Args:
        folder: Of the run.
        labels: Label indices, one row of the picture each.
    """

    def __init__(self, folder: Path, labels: int) -> None:
        self._folder = folder
        self._labels = labels

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Write both, in the first process only."""
        if trainer.is_global_zero:
            self._write_row(trainer)
            self._draw(trainer.current_epoch, pl_module)

    def _write_row(self, trainer: lightning.Trainer) -> None:
        row = {"epoch": str(trainer.current_epoch + 1)}
        row |= {name: f"{float(value):.6g}" for name, value in sorted(trainer.callback_metrics.items())}
        path = self._folder / "metrics.csv"
        # A resumed run repeats the epochs after its checkpoint; their old rows go.
        kept = [old for old in read_metrics(path) if int(old["epoch"]) <= trainer.current_epoch]
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(row))
            writer.writeheader()
            writer.writerows([*kept, row])

    def _draw(self, epoch: int, module: lightning.LightningModule) -> None:
        model: Model = module.model  # type: ignore[assignment]
        label = torch.arange(self._labels, device=module.device).repeat_interleave(SAMPLES_PER_LABEL)
        model.eval()
        # The same latents every epoch, so that the pictures can be compared.
        pixels = sample(model, label, torch.Generator().manual_seed(0))
        model.train()
        save_grid(self._folder / "samples" / f"epoch-{epoch + 1:03}.png", pixels, SAMPLES_PER_LABEL, scale=1)


class Steps(Callback):
    """Callback that reports the progress of the whole training, in the first process only.

    Args:
        progress: Called with the steps done and the steps in all.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._total = 0

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:  # noqa: ARG002
        """Count the steps."""
        self._total = int(trainer.estimated_stepping_batches)

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: object) -> None:
        """Report a step."""
        if trainer.is_global_zero:
            self._progress(trainer.global_step, self._total)


def read_metrics(path: Path) -> list[dict[str, str]]:
    """Read the rows of a metrics.csv, none where there is no file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def fit(  # noqa: PLR0917 (what, on what, where, how)
    kind: ModelKind,
    model_config: Mapping[str, Any],
    data: Dataset,
    folder: Path,
    config: TrainingConfig,
    hardware: Hardware = Hardware(),
    *,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
    loggers: Sequence[Logger] = (),
    progress: Progress = no_progress,
) -> Run:
    """Train a model and leave a run in `folder` (see `glyphvae_training.fitting.runs`).

    Args:
        kind: "vae" or "cvae".
        model_config: The fields of the model's config.
        data: What to train on.
        folder: Of the run.
        config: How to train.
        hardware: Where.
        resume: Continue after the last checkpoint in `folder`; the result equals that of a run never stopped.
        callbacks: More of Lightning's.
        loggers: Of Lightning's; metrics.csv is written without any.
        progress: Called with the steps done and the steps in all.

    Raises:
        RunError: `folder` holds a run already, or with `resume` none, or one of another configuration; or there are
            fewer images than a batch takes.
    """
    if len(data.train) < config.batch_size:
        raise RunError(
            f"a batch of {config.batch_size} images is more than the {len(data.train)} there are to train on"
        )
    checkpoint = _checkpoint(folder, resume)
    torch.set_num_threads(hardware.threads)
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        model = build_model(kind, model_config)
    run = Run(model, data.labels, config.beta, config.seed, config.epochs, data.sha256, data.sources, asdict(config))
    _record(folder, run, resume)
    # Without a monitored metric the newest checkpoint is the one kept. `save_last` would write it only after the last
    # epoch, when there is nothing left to resume.
    save = ModelCheckpoint(
        folder / "checkpoints",
        "last",
        save_top_k=1,
        every_n_epochs=1,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )
    with quiet():
        trainer = lightning.Trainer(
            accelerator=hardware.accelerator,
            devices=hardware.devices,
            num_nodes=hardware.nodes,
            strategy=hardware.strategy,
            precision=hardware.precision,
            max_epochs=config.epochs,
            callbacks=[save, EpochRecord(folder, len(data.labels)), Steps(progress), *averaging(config), *callbacks],
            logger=list(loggers) or False,
            log_every_n_steps=1,
            num_sanity_val_steps=0,
            enable_model_summary=False,
            enable_progress_bar=False,
            use_distributed_sampler=False,
        )
    module = Autoencoder(model, data, config)
    with quiet():
        trainer.fit(module, ckpt_path=checkpoint, weights_only=True)
    if trainer.is_global_zero:
        save_run(folder, run)
    return Run(**{**vars(run), "model": model.eval()})


def is_first_process() -> bool:
    """Return whether this is the process that writes the files of a distributed run, or the only one."""
    return int(getattr(rank_zero_only, "rank", 0)) == 0


def averaging(config: TrainingConfig) -> list[Callback]:
    """Return the callback that averages the weights, if configured."""
    return [EMAWeightAveraging(decay=config.average)] if config.average else []


def make_logger(name: Literal["csv", "tensorboard"], folder: Path) -> Logger:
    """Create one of Lightning's loggers, writing below the run's folder.

    Raises:
        ModuleNotFoundError: TensorBoard is asked for and not installed.
    """
    kind = CSVLogger if name == "csv" else TensorBoardLogger
    return kind(folder, name=name)


@contextmanager
def quiet() -> Iterator[None]:
    """Hide Lightning's output that nobody can act on: warnings, device list, advertisement."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            # Lightning 2.6 examines PyTorch's trees in a way that PyTorch 2.15 deprecates.
            warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning)
            # A run that is resumed has its checkpoint there.
            warnings.filterwarnings("ignore", "Checkpoint directory .* exists and is not empty", UserWarning)
            yield
    finally:
        logger.setLevel(level)


def _checkpoint(folder: Path, resume: bool) -> Path | None:
    path = folder / "checkpoints" / "last.ckpt"
    if resume and not path.exists():
        raise RunError(f"{path}: no such file, so there is nothing to resume")
    if not resume and path.exists():
        raise RunError(f"{folder} holds a run already; resume it, or choose another folder")
    return path if resume else None


def _record(folder: Path, run: Run, resume: bool) -> None:
    """Write config.json before the first step, or check that it has not changed."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.json"
    facts = json.dumps(run.to_dict(), indent=2) + "\n"
    if resume and path.read_text(encoding="utf-8") != facts:
        raise RunError(f"{path} differs from this configuration; resume with the one it was started with")
    path.write_text(facts, encoding="utf-8")
