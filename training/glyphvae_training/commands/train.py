"""The command `glyphvae train`."""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from glyphvae_training.commands.options import DATA, DataFolder, errors_reported

if TYPE_CHECKING:
    from rich.progress import TaskID

    from glyphvae_training.data.dataset import Dataset
    from glyphvae_training.fitting.trainer import Hardware

ModelKind = Literal["cvae", "vae"]
EncoderName = Literal["dense", "narrow", "paper", "pooling", "resnet"]
DecoderName = Literal["dense", "residual", "upsample", "unpooling", "conv", "resnet"]
DatasetName = Literal["alphanumeric", "byclass", "mnist"]
StagedName = Literal["cvae", "cvae-62", "cvae-hq"]
PresetName = Literal[StagedName, "vae-binarised"]


@errors_reported()
def train(
    kind: Annotated[ModelKind, typer.Argument(help="Conditional VAE, or plain one.")] = "cvae",
    preset: Annotated[
        PresetName | None,
        typer.Option(
            help="Train a model of docs/training.md in all its stages; ignores the options of model and training."
        ),
    ] = None,
    data: DataFolder = DATA,
    out: Annotated[Path | None, typer.Option(help="Folder of the run.", show_default="runs/<kind>")] = None,
    dataset: Annotated[
        DatasetName | None,
        typer.Option(
            help="36 characters, those and small letters, or MNIST's digits.",
            show_default="alphanumeric for cvae, mnist for vae",
        ),
    ] = None,
    fetch: Annotated[bool, typer.Option("--fetch", help="Download missing source files.")] = False,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over as many images as the split has.")] = 20,
    batch_size: Annotated[int, typer.Option(min=2, help="Images in a batch, over all devices.")] = 256,
    learning_rate: Annotated[float, typer.Option("--learning-rate", "--lr", help="Peak learning rate of Adam.")] = 2e-3,
    beta: Annotated[
        float, typer.Option(min=0, help="Weight of the KL; the reconstruction is a sum over pixels.")
    ] = 1.0,
    latent_size: Annotated[
        int | None, typer.Option(min=1, help="Number of latents.", show_default="6 for cvae, 2 for vae")
    ] = None,
    encoder: Annotated[
        EncoderName | None, typer.Option(help="See docs/training.md.", show_default="dense for cvae, paper for vae")
    ] = None,
    decoder: Annotated[
        DecoderName | None, typer.Option(help="See docs/training.md.", show_default="residual for cvae, conv for vae")
    ] = None,
    balanced: Annotated[bool, typer.Option(help="Draw every class equally often.")] = True,
    seed: Annotated[int, typer.Option(min=0, help="Seed of weights, order and noise.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint.")] = False,
    accelerator: Annotated[str, typer.Option(help="Accelerator of Lightning: auto, cpu or gpu.")] = "auto",
    devices: Annotated[int, typer.Option(min=1, help="Devices of each node.")] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="Number of machines.")] = 1,
    strategy: Annotated[str, typer.Option(help="Strategy of Lightning: auto, ddp, fsdp.")] = "auto",
    precision: Annotated[
        str, typer.Option(help="Precision of Lightning: 32-true, or bf16-mixed on a GPU.")
    ] = "32-true",
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads of PyTorch.", show_default="all cores")
    ] = None,
    logger: Annotated[
        Literal["csv", "tensorboard"] | None,
        typer.Option(help="Additional logger in the run's folder; tensorboard has to be installed."),
    ] = None,
) -> None:
    """Train a model; leaves its weights, metrics, checkpoints and sample images in a folder."""
    from glyphvae_training.fitting.trainer import Hardware, TrainingConfig, fit, make_logger  # noqa: PLC0415 (see the package)

    hardware = Hardware(accelerator, devices, nodes, strategy, precision, threads or os.cpu_count() or 1)
    folder = out or Path("runs") / (preset or kind)
    if preset == "vae-binarised":
        train_binarised(data, folder, hardware.threads, fetch=fetch, resume=resume)
    elif preset is not None:
        train_in_stages(preset, data, folder, hardware, fetch=fetch, resume=resume)
    else:
        loaded = load(dataset or ("alphanumeric" if kind == "cvae" else "mnist"), data, fetch=fetch)
        config = {"latent_size": latent_size, "encoder": encoder, "decoder": decoder}
        if kind == "cvae":
            config["label_count"] = len(loaded.labels)
        fit(
            kind,
            {name: value for name, value in config.items() if value is not None},
            loaded,
            folder,
            TrainingConfig(beta, epochs, batch_size, learning_rate, balanced=balanced, seed=seed),
            hardware,
            resume=resume,
            loggers=[] if logger is None else [make_logger(logger, folder)],
        )
    typer.echo(f"{folder / 'model.pt'} is trained; `glyphvae export {folder}` makes it ONNX.")


def load(name: DatasetName, folder: Path, *, fetch: bool) -> "Dataset":
    """Load a data set, and download missing source files first if `fetch` is set."""
    from glyphvae_training.data.dataset import load_named  # noqa: PLC0415 (see the package)
    from glyphvae_training.data.fetch import fetch as download  # noqa: PLC0415
    from glyphvae_training.data.fetch import originals_of  # noqa: PLC0415

    if fetch:
        download(folder, originals_of(name, folder))
    return load_named(name, folder)


def train_in_stages(
    preset: StagedName, data: Path, folder: Path, hardware: "Hardware", *, fetch: bool, resume: bool
) -> None:
    """Train a preset under a progress bar for each stage."""
    from rich.console import Console  # noqa: PLC0415 (see the package)
    from rich.progress import Progress  # noqa: PLC0415

    from glyphvae_training.fitting.stages import PRESETS, train_preset  # noqa: PLC0415

    chosen = PRESETS[preset]
    loaded = load(chosen.dataset, data, fetch=fetch)
    with Progress(console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done)

        where = replace(hardware, precision=chosen.precision)
        train_preset(chosen, loaded, data, folder, where, resume=resume, progress=show)


def train_binarised(data: Path, folder: Path, threads: int, *, fetch: bool, resume: bool) -> None:
    """Train the VAE of binarised MNIST, on the CPU, under a progress bar."""
    import torch  # noqa: PLC0415 (see the package)

    from glyphvae_training.fitting.binarised import MODEL, TRAINING, fit_binarised  # noqa: PLC0415
    from glyphvae_training.progress import progress_bar  # noqa: PLC0415

    torch.set_num_threads(threads)
    loaded = load("mnist", data, fetch=fetch)
    with progress_bar("training") as progress:
        fit_binarised(MODEL, loaded, folder, TRAINING, resume=resume, progress=progress)
