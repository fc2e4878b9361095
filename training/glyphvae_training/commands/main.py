"""The commands of training, which `glyphvae` finds by their entry points.

Each imports what it needs only when it runs: `glyphvae serve` starts without PyTorch.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from glyphvae_training.errors import TrainingError

if TYPE_CHECKING:
    from rich.progress import TaskID

    from glyphvae_training.fitting.trainer import Hardware

ModelKind = Literal["cvae", "vae"]
EncoderName = Literal["dense", "narrow", "paper", "resnet"]
DecoderName = Literal["dense", "residual", "upsample", "conv", "resnet"]
DatasetName = Literal["alphanumeric", "byclass", "mnist"]
StagedName = Literal["cvae", "cvae-62", "cvae-hq"]
PresetName = Literal[StagedName, "vae-binarised"]
JudgeName = Literal["convolutional", "dense"]
JUDGES: tuple[JudgeName, ...] = get_args(JudgeName)


@contextmanager
def reported() -> Iterator[None]:
    """Turns what a user can mend into one line and exit status 1."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise SystemExit(
            f"glyphvae: {error.name} is not installed; training needs `pip install glyphvae-training 'glyphvae[cpu]'`"
        ) from error
    except TrainingError as error:
        raise SystemExit(f"glyphvae: {error}") from error


def train(
    kind: Annotated[ModelKind, typer.Argument(help="A conditional VAE, or a plain one.")] = "cvae",
    preset: Annotated[
        PresetName | None,
        typer.Option(help="A model of docs/training.md in all its stages; options of model and training do not apply."),
    ] = None,
    data: Annotated[Path, typer.Option(help="Folder with the source files, at any depth.")] = Path("data"),
    out: Annotated[Path | None, typer.Option(help="Folder of the run.", show_default="runs/<kind>")] = None,
    dataset: Annotated[
        DatasetName | None,
        typer.Option(
            help="36 characters, those and small letters, or MNIST's digits.",
            show_default="alphanumeric for cvae, mnist for vae",
        ),
    ] = None,
    fetch: Annotated[bool, typer.Option("--fetch", help="Download source files that are not there.")] = False,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over as many images as the split has.")] = 20,
    batch_size: Annotated[int, typer.Option(min=2, help="Images in a batch, over all devices.")] = 256,
    learning_rate: Annotated[float, typer.Option("--learning-rate", "--lr", help="Adam's, at its highest.")] = 2e-3,
    beta: Annotated[float, typer.Option(min=0, help="Weight of the KL; the reconstruction is a sum.")] = 1.0,
    latent_size: Annotated[
        int | None, typer.Option(min=1, help="Latents.", show_default="6 for cvae, 2 for vae")
    ] = None,
    encoder: Annotated[
        EncoderName | None, typer.Option(help="See docs/training.md.", show_default="dense for cvae, paper for vae")
    ] = None,
    decoder: Annotated[
        DecoderName | None, typer.Option(help="See docs/training.md.", show_default="residual for cvae, conv for vae")
    ] = None,
    balanced: Annotated[bool, typer.Option(help="Draw every class equally often.")] = True,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, order and noise.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Continue after the last checkpoint.")] = False,
    accelerator: Annotated[str, typer.Option(help="auto, cpu or gpu.")] = "auto",
    devices: Annotated[int, typer.Option(min=1, help="Of each node.")] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="Machines.")] = 1,
    strategy: Annotated[str, typer.Option(help="Lightning's: auto, ddp, fsdp.")] = "auto",
    precision: Annotated[str, typer.Option(help="Lightning's: 32-true, or bf16-mixed on a GPU.")] = "32-true",
    threads: Annotated[int | None, typer.Option(min=1, help="PyTorch's, on the CPU.", show_default="all cores")] = None,
    logger: Annotated[
        Literal["csv", "tensorboard"] | None,
        typer.Option(help="Log to the run's folder by this too; tensorboard has to be installed."),
    ] = None,
) -> None:
    """Train a model; leaves its weights, metrics, checkpoints and sample pictures in a folder."""
    with reported():
        from glyphvae_training.data.dataset import load_named  # noqa: PLC0415 (see the top)
        from glyphvae_training.data.fetch import fetch as download  # noqa: PLC0415
        from glyphvae_training.data.fetch import originals_of  # noqa: PLC0415
        from glyphvae_training.fitting.trainer import Hardware, TrainingConfig, fit, make_logger  # noqa: PLC0415

        hardware = Hardware(accelerator, devices, nodes, strategy, precision, threads or os.cpu_count() or 1)
        if preset is not None:
            folder = out or Path("runs") / preset
            if preset == "vae-binarised":
                train_on_black_and_white(data, folder, hardware.threads, fetch=fetch, resume=resume)
            else:
                train_in_stages(preset, data, folder, hardware, fetch=fetch, resume=resume)
            typer.echo(f"{folder / 'model.pt'} is trained; `glyphvae export {folder}` makes it ONNX.")
            return
        chosen = dataset or ("alphanumeric" if kind == "cvae" else "mnist")
        if fetch:
            download(data, originals_of(chosen, data))
        loaded = load_named(chosen, data)
        config = {"latent_size": latent_size, "encoder": encoder, "decoder": decoder}
        if kind == "cvae":
            config["label_count"] = len(loaded.labels)
        folder = out or Path("runs") / kind
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


def train_in_stages(
    preset: StagedName, data: Path, folder: Path, hardware: "Hardware", *, fetch: bool, resume: bool
) -> None:
    """Train a preset under a progress bar for each stage."""
    from rich.console import Console  # noqa: PLC0415 (see the top)
    from rich.progress import Progress  # noqa: PLC0415

    from glyphvae_training.data.dataset import load_named  # noqa: PLC0415
    from glyphvae_training.data.fetch import fetch as download  # noqa: PLC0415
    from glyphvae_training.data.fetch import originals_of  # noqa: PLC0415
    from glyphvae_training.fitting.stages import PRESETS, train_preset  # noqa: PLC0415

    chosen = PRESETS[preset]
    if fetch:
        download(data, originals_of(chosen.dataset, data))
    with Progress(console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done)

        loaded = load_named(chosen.dataset, data)
        where = replace(hardware, precision=chosen.precision)
        train_preset(chosen, loaded, data, folder, where, resume=resume, progress=show)


def train_on_black_and_white(data: Path, folder: Path, threads: int, *, fetch: bool, resume: bool) -> None:
    """Train the VAE of binarised MNIST, on the CPU, under a progress bar."""
    import torch  # noqa: PLC0415 (see the top)
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    from glyphvae_training.data.dataset import load_mnist  # noqa: PLC0415
    from glyphvae_training.data.fetch import fetch as download  # noqa: PLC0415
    from glyphvae_training.data.fetch import originals_of  # noqa: PLC0415
    from glyphvae_training.fitting.binarised import MODEL, TRAINING, fit_binarised  # noqa: PLC0415

    if fetch:
        download(data, originals_of("mnist", data))
    torch.set_num_threads(threads)
    with Progress(console=Console(stderr=True)) as bars:
        task = bars.add_task("training", total=None)

        def show(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)

        fit_binarised(MODEL, load_mnist(data), folder, TRAINING, resume=resume, progress=show)


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    to: Annotated[Path, typer.Option(help="Folder of exported models.")] = Path("exported"),
    name: Annotated[str | None, typer.Option(help="Of the model.", show_default="the run folder's")] = None,
    version: Annotated[int, typer.Option(min=1, help="Of the export.")] = 1,
    data: Annotated[Path, typer.Option(help="Folder with the source files of the run.")] = Path("data"),
) -> None:
    """Export a run to ONNX; fails unless ONNX Runtime and PyTorch agree on a thousand real images."""
    with reported():
        from rich.console import Console  # noqa: PLC0415 (see the top)

        from glyphvae_training.data.dataset import load_named  # noqa: PLC0415
        from glyphvae_training.export.export import dataset_name, export_run  # noqa: PLC0415
        from glyphvae_training.fitting.runs import load_run  # noqa: PLC0415

        trained = load_run(run)
        with Console(stderr=True).status("exporting"):
            loaded = load_named(dataset_name(trained), data)
            manifest = export_run(trained, loaded, to, name or run.resolve().name, version)
        typer.echo(f"{manifest} and its two graphs are written; `glyphvae evaluate {manifest.stem}` measures them.")


def quantise(
    model: Annotated[str, typer.Argument(help="Name of an exported model.")],
    data: Annotated[Path, typer.Option(help="Folder with the source files of its run.")] = Path("data"),
    exported: Annotated[Path, typer.Option(help="Folder of exported models.")] = Path("exported"),
    part: Annotated[Literal["decoder", "encoder"], typer.Option(help="What of it; an encoder in int8.")] = "decoder",
    to: Annotated[Literal["int8", "float16"], typer.Option(help="8-bit integers for CPUs, float16 for GPUs.")] = "int8",
    seed: Annotated[int, typer.Option(min=0, help="Of the latents that set the scales of integers.")] = 0,
) -> None:
    """Add a decoder or an encoder in less precision to an exported model; fails if pictures would lose by it."""
    if part == "encoder" and to != "int8":
        raise typer.BadParameter("an encoder is made for CPUs alone, in int8", param_hint="--to")
    with reported():
        from rich.console import Console  # noqa: PLC0415 (see the top)

        from glyphvae_training.data.dataset import load_named  # noqa: PLC0415
        from glyphvae_training.export.quantise import quantise_encoder, quantise_model  # noqa: PLC0415
        from glyphvae_training.export.repository import published  # noqa: PLC0415

        with Console(stderr=True).status("quantising"):
            facts, _ = published(exported, model)
            loaded = load_named(facts.data["name"], data)
            if part == "encoder":
                lost = quantise_encoder(exported, model, loaded)
            else:
                lost = quantise_model(exported, model, loaded.test, to, seed)
        typer.echo(
            f"{model}-{part}-{to} is written: {lost['levels']:.2f} grey levels a pixel and {lost['nats']:.2f} nats "
            "an image from the exact one."
        )


def compact(
    model: Annotated[str, typer.Argument(help="Name of an exported model.")],
    data: Annotated[Path, typer.Option(help="Folder with the source files of its run.")] = Path("data"),
    exported: Annotated[Path, typer.Option(help="Folder of exported models.")] = Path("exported"),
) -> None:
    """Store the weights of an older export in float16, as `export` does; fails if pictures would lose by it."""
    with reported():
        from rich.console import Console  # noqa: PLC0415 (see the top)

        from glyphvae_training.data.dataset import load_named  # noqa: PLC0415
        from glyphvae_training.export.repository import published  # noqa: PLC0415
        from glyphvae_training.export.storage import compact_model  # noqa: PLC0415

        with Console(stderr=True).status("storing"):
            facts, _ = published(exported, model)
            lost = compact_model(exported, model, load_named(facts.data["name"], data).test)
        typer.echo(
            f"The weights of {model} are in float16: {lost['levels']:.2g} grey levels a pixel and {lost['nats']:.2g} "
            "nats an image from what they were."
        )


def add_classifier(
    model: Annotated[str, typer.Argument(help="Name of an exported conditional model.")],
    data: Annotated[Path, typer.Option(help="Folder with the source files of its run.")] = Path("data"),
    exported: Annotated[Path, typer.Option(help="Folder of exported models.")] = Path("exported"),
    kept: Annotated[Path, typer.Option(help="Where trained classifiers are kept.")] = Path("runs/judges"),
    images: Annotated[
        int | None, typer.Option(min=512, help="Images it is trained on.", show_default="what its accuracy needs")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the training.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="PyTorch's.")] = 1,
) -> None:
    """Train a classifier of labels and add it to an exported model, which then finds labels by it."""
    with reported():
        import torch  # noqa: PLC0415 (see the top)
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import Progress  # noqa: PLC0415

        from glyphvae_training.data.dataset import load_named  # noqa: PLC0415
        from glyphvae_training.export.classifier import add_classifier as add  # noqa: PLC0415
        from glyphvae_training.export.repository import published  # noqa: PLC0415
        from glyphvae_training.judges.judge_data import load_judge_data  # noqa: PLC0415

        torch.set_num_threads(threads)
        facts, _ = published(exported, model)
        name = facts.data["name"]
        with Progress(console=Console(stderr=True)) as bars:
            task = bars.add_task("training", total=None)

            def show(done: int, total: int) -> None:
                bars.update(task, completed=done, total=total)

            found = add(
                exported,
                model,
                load_named(name, data),
                load_judge_data(data, name=name),
                kept,
                images=images,
                seed=seed,
                progress=show,
            )
        typer.echo(
            f"{model}-classifier is written: right about {found['accuracy']['value']:.1%} of held-out characters, "
            f"{found['accuracy_merged']['value']:.1%} where look-alikes count as one."
        )


def evaluate(
    model: Annotated[str, typer.Argument(help="Name of an exported model.")],
    data: Annotated[Path, typer.Option(help="Folder with the source files, at any depth.")] = Path("data"),
    exported: Annotated[Path, typer.Option(help="Folder of exported models.")] = Path("exported"),
    out: Annotated[
        Path | None, typer.Option(help="Folder of the report.", show_default="runs/evaluation/<model>")
    ] = None,
    samples: Annotated[int, typer.Option(min=12, help="Fresh samples of each label.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="Of noise, samples and bootstrap.")] = 0,
    judge: Annotated[
        JudgeName | None, typer.Option(help="Who reads the samples, if not all of them.", show_default="both")
    ] = None,
    judges: Annotated[Path, typer.Option(help="Where trained judges are kept.")] = Path("runs/judges"),
    judge_images: Annotated[
        int | None, typer.Option(min=512, help="Images a judge is trained on.", show_default="what its accuracy needs")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="PyTorch's, for the judges.")] = 1,
    quick: Annotated[
        bool, typer.Option("--quick", help="A fiftieth of the work, to see that it runs: figures mean little.")
    ] = False,
    write: Annotated[bool, typer.Option("--write", help="Put the numbers into manifest, graphs and docs.")] = False,
    docs: Annotated[Path, typer.Option(help="Where --write puts models.md.")] = Path("docs"),
) -> None:
    """Measure an exported model on held-out characters and fresh samples; trains the judges first if need be."""
    with reported():
        from glyphvae_training.commands.evaluate import Request, run_evaluation  # noqa: PLC0415 (see the top)
        from glyphvae_training.evaluation.fidelity import FULL, QUICK  # noqa: PLC0415

        folder = out or Path("runs/evaluation") / model
        request = Request(
            model,
            data,
            exported,
            folder,
            (judge,) if judge else JUDGES,
            judges,
            samples,
            seed,
            judge_images,
            threads,
            QUICK if quick else FULL,
        )
        run_evaluation(request, docs if write else None)
        typer.echo(f"{folder / 'report.md'} is written.")
