"""The command `glyphvae train`."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from glyphvae_training.commands.options import DATA, DataFolder, errors_reported

if TYPE_CHECKING:
    from glyphvae_training.data.dataset import Dataset
    from glyphvae_training.fitting.runs import Run
    from glyphvae_training.fitting.trainer import Hardware
    from glyphvae_training.progress import StageProgress

ModelKind = Literal["cvae", "vae"]
EncoderName = Literal["dense", "narrow", "paper", "pooling", "resnet"]
DecoderName = Literal["dense", "residual", "upsample", "unpooling", "conv", "resnet"]
DatasetName = Literal["alphanumeric", "byclass", "mnist"]
PresetName = Literal["cvae", "vae-binarised", "pen"]
LoggerName = Literal["csv", "tensorboard"]

# What trains a model on a data set, in a folder.
Trainer = Callable[["Dataset", Path, "Hardware", "StageProgress"], "Run"]


@errors_reported()
def train(
    kind: Annotated[
        ModelKind | None,
        typer.Argument(help="The paper's conditional VAE, or its plain one.", show_default="cvae"),
    ] = None,
    preset: Annotated[
        PresetName | None,
        typer.Option(help="Model of docs/training.md; further options change its settings."),
    ] = None,
    data: DataFolder = DATA,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run.", show_default="runs/<preset>, or runs/<kind>")
    ] = None,
    models: Annotated[Path, typer.Option(help="Folder of exported models, to which this one is added.")] = Path(
        "models"
    ),
    name: Annotated[
        str | None, typer.Option(help="Name of the exported model.", show_default="the run folder's")
    ] = None,
    export: Annotated[bool, typer.Option(help="Export the trained model, with a classifier of labels.")] = True,
    quantise: Annotated[bool, typer.Option(help="Export in 8-bit integers for CPUs, too.")] = True,
    classifier_images: Annotated[
        int | None,
        typer.Option(min=512, help="Images to train the classifier on.", show_default="what its accuracy needs"),
    ] = None,
    dataset: Annotated[
        DatasetName | None,
        typer.Option(
            help="36 characters, those and small letters, or MNIST's digits.",
            show_default="alphanumeric for cvae, mnist for vae",
        ),
    ] = None,
    fetch: Annotated[bool, typer.Option("--fetch", help="Download missing source files.")] = False,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Passes over as many images as the split has.",
            show_default="15 for cvae, 20 for vae, or the preset's",
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Images in a batch, over all devices.",
            show_default="128 for cvae, 256 for vae, or the preset's",
        ),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            "--learning-rate", "--lr", help="Peak learning rate of Adam.", show_default="0.002, or the preset's"
        ),
    ] = None,
    beta: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Weight of the KL; the reconstruction is a sum over pixels.",
            show_default="1, or the preset's",
        ),
    ] = None,
    latent_size: Annotated[
        int | None,
        typer.Option(min=1, help="Number of latents.", show_default="6 for cvae, 2 for vae, or the preset's"),
    ] = None,
    encoder: Annotated[
        EncoderName | None,
        typer.Option(help="See docs/training.md.", show_default="pooling for cvae, paper for vae, or the preset's"),
    ] = None,
    decoder: Annotated[
        DecoderName | None,
        typer.Option(help="See docs/training.md.", show_default="unpooling for cvae, conv for vae, or the preset's"),
    ] = None,
    balanced: Annotated[
        bool | None,
        typer.Option("--balanced/--no-balanced", help="Draw every class equally often.", show_default="balanced"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of weights, order and noise.")] = 0,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Fail if there is no run to go on with; the same settings go on by themselves."),
    ] = False,
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
        LoggerName | None,
        typer.Option(help="Additional logger in the run's folder; tensorboard has to be installed."),
    ] = None,
) -> None:
    """Train a model, export it and add a classifier, ready to be served; goes on where it was interrupted."""
    import torch  # noqa: PLC0415 (see the package)

    from glyphvae_training.evaluation.axis_names import publish_axes  # noqa: PLC0415
    from glyphvae_training.evaluation.likeness import publish_quantiles  # noqa: PLC0415
    from glyphvae_training.export.complete import export_complete  # noqa: PLC0415
    from glyphvae_training.fitting.runs import claim_folder  # noqa: PLC0415
    from glyphvae_training.fitting.trainer import Hardware, is_first_process  # noqa: PLC0415
    from glyphvae_training.progress import progress_bars  # noqa: PLC0415

    chosen = preset or kind or "cvae"
    folder = (out or Path("runs") / chosen).expanduser()
    models = models.expanduser()
    name = name or folder.resolve().name
    architecture = given(latent_size=latent_size, encoder=encoder, decoder=decoder)
    training = given(
        epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, beta=beta, balanced=balanced, seed=seed
    )
    if preset is not None and kind not in {None, preset.partition("-")[0]}:
        raise typer.BadParameter(f"{preset} is no {kind}", param_hint="--preset")
    hardware = Hardware(accelerator, devices, nodes, strategy, precision, threads or os.cpu_count() or 1)
    torch.set_num_threads(hardware.threads)
    dataset_name: DatasetName | Literal["pen"]
    if chosen == "vae-binarised":
        refuse(chosen, beta=beta, balanced=balanced, dataset=dataset, logger=logger)
        dataset_name, recipe, trainer = binarised_recipe(architecture, training)
    elif chosen == "pen":
        refuse(chosen, dataset=dataset, logger=logger, balanced=balanced, beta=beta, encoder=encoder, decoder=decoder)
        refuse(chosen, epochs=epochs, batch_size=batch_size, latent_size=latent_size)
        dataset_name, recipe, trainer = pen_recipe(training, data)
    else:
        dataset_name, recipe, trainer = plain_recipe(chosen, architecture, training, dataset, logger)
    with progress_bars() as progress:
        loaded = load(dataset_name, data, fetch=fetch, progress=progress)
        claim_folder(folder, flat({"trained": chosen, "data_sha256": loaded.sha256} | recipe), resume=resume)
        run = trainer(loaded, folder, hardware, progress)
        if not is_first_process():
            return
        report = [f"{folder / 'model.pt'} is trained."]
        if export:
            report += export_complete(
                run,
                loaded,
                data,
                models,
                name,
                kept=folder.parent / "judges",
                quantise=quantise,
                classifier_images=classifier_images,
                seed=seed,
                classifier_precision="bf16-mixed" if precision == "bf16-mixed" else "32-true",
                progress=progress,
            )
            if chosen == "pen":
                report.append(f"Its sliders: {'; '.join(publish_axes(models, name, loaded.validation)[:4])}.")
            if run.kind != "vae":
                publish_quantiles(models, name, loaded)
                report.append("What real characters look like to it is measured, for `doubt` in responses.")
            report.append(f"Serve it: {serve_command(models, name)}")
        else:
            report.append(f"`{program()} export {folder}` makes it ONNX.")
    typer.echo("\n".join(report))


def given(**options: object) -> dict[str, Any]:
    """Return the options that are not None."""
    return {name: value for name, value in options.items() if value is not None}


def refuse(preset: str, **options: object) -> None:
    """Refuse options that a preset cannot be changed by.

    Raises:
        typer.BadParameter: one is given.
    """
    for name in given(**options):
        raise typer.BadParameter(f"the preset {preset} has no such setting", param_hint=f"--{name}")


def flat(recipe: dict[str, Any]) -> dict[str, Any]:
    """Return the recipe with the names of inner settings joined by dots."""
    return {
        full: inner
        for name, value in recipe.items()
        for full, inner in (
            {f"{name}.{key}": item for key, item in flat(value).items()} if isinstance(value, dict) else {name: value}
        ).items()
    }


def load(name: DatasetName | Literal["pen"], folder: Path, *, fetch: bool, progress: "StageProgress") -> "Dataset":
    """Load a data set, and download missing source files first if `fetch` is set."""
    from glyphvae_training.data.fetch import fetch as download  # noqa: PLC0415
    from glyphvae_training.data.fetch import originals_of  # noqa: PLC0415
    from glyphvae_training.data.named import load_named  # noqa: PLC0415 (see the package)

    if fetch:
        download(folder, originals_of(name, folder))
    return load_named(name, folder, progress=progress)


def plain_recipe(
    chosen: str,
    architecture: dict[str, Any],
    training: dict[str, Any],
    dataset: DatasetName | None,
    logger: LoggerName | None,
) -> tuple[DatasetName, dict[str, Any], Trainer]:
    """Return data set, settings and training of a model that is trained in one stage."""
    from glyphvae_training.fitting.plain import PLAIN, train_plain  # noqa: PLC0415 (see the package)
    from glyphvae_training.fitting.trainer import make_logger  # noqa: PLC0415

    plain = PLAIN[chosen]
    plain = replace(
        plain,
        model=plain.model | architecture,
        training=replace(plain.training, **training),
        dataset=dataset or plain.dataset,
    )

    def run(data: "Dataset", folder: Path, hardware: "Hardware", progress: "StageProgress") -> "Run":
        loggers = [] if logger is None else [make_logger(logger, folder)]
        return train_plain(
            plain,
            data,
            folder,
            hardware,
            progress=partial(progress, "training"),
            loggers=loggers,
        )

    return plain.dataset, asdict(plain), run


def pen_recipe(training: dict[str, Any], sources: Path) -> tuple[Literal["pen"], dict[str, Any], Trainer]:
    """Return data set, settings and training of the pen, which is trained on the CPU."""
    from glyphvae_training.fitting.pen_stages import PenPreset, train_pen_preset  # noqa: PLC0415 (see the package)

    preset, seed = PenPreset(), training["seed"]
    preset = replace(
        preset,
        training=replace(preset.training, **training),
        prior=replace(preset.prior, seed=seed),
    )

    def run(data: "Dataset", folder: Path, hardware: "Hardware", progress: "StageProgress") -> "Run":
        return train_pen_preset(preset, data, sources, folder, hardware, progress=progress)

    return "pen", asdict(preset), run


def binarised_recipe(
    architecture: dict[str, Any], training: dict[str, Any]
) -> tuple[DatasetName, dict[str, Any], Trainer]:
    """Return data set, settings and training of the VAE of binarised MNIST, which is trained on the CPU."""
    from glyphvae_training.fitting.binarised import MODEL, TRAINING, fit_binarised  # noqa: PLC0415 (see the package)

    model, config = replace(MODEL, **architecture), replace(TRAINING, **training)

    def run(data: "Dataset", folder: Path, _: "Hardware", progress: "StageProgress") -> "Run":
        return fit_binarised(
            model,
            data,
            folder,
            config,
            resume=True,
            progress=partial(progress, "training"),
        )

    return "mnist", {"model": asdict(model), "training": asdict(config)}, run


def serve_command(models: Path, name: str) -> str:
    """Return the command that serves a model repository with this model as the default."""
    # A single model is the default.
    default = f" --default-model {name}" if len(list(models.glob("*.json"))) > 1 else ""
    return f"{program()} serve --models {shlex.quote(str(models))}{default}"


def program() -> str:
    """Return how `glyphvae` can be called as it was now, by its name if that is enough."""
    if shutil.which("glyphvae"):
        return "glyphvae"
    script = sys.argv[0]
    return shlex.quote(script) if Path(script).stem == "glyphvae" else f"{shlex.quote(sys.executable)} -m glyphvae"
