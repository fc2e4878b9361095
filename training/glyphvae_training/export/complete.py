"""Export of a run with everything that the service makes use of."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from glyphvae_training.data.dataset import Dataset
from glyphvae_training.errors import ExportError
from glyphvae_training.export.classifier import add_classifier
from glyphvae_training.export.export import export_run
from glyphvae_training.export.quantise import quantise_encoder, quantise_model
from glyphvae_training.fitting.runs import Run
from glyphvae_training.judges.judge_data import load_classifier_data
from glyphvae_training.judges.judge_training import Precision
from glyphvae_training.progress import StageProgress, no_stage_progress


def export_complete(
    run: Run,
    data: Dataset,
    sources: Path,
    folder: Path,
    name: str,
    *,
    kept: Path,
    quantise: bool = True,
    classifier_images: int | None = None,
    seed: int = 0,
    classifier_precision: Precision = "32-true",
    progress: StageProgress = no_stage_progress,
) -> list[str]:
    """Export a run, add graphs in 8-bit integers where they are good enough, and a classifier to a conditional model.

    Args:
        run: the trained model.
        data: what it was trained on.
        sources: folder with the source files, for the classifier.
        folder: the model repository.
        name: of the model.
        kept: where trained classifiers are kept.
        quantise: add the graphs in integers.
        classifier_images: how many images the classifier sees; by default what its accuracy needs.
        seed: of the classifier, and of the latents that set the integer scales.
        classifier_precision: of the matrix products of its training.
        progress: called with the stage, its steps done and its steps in all.

    Returns:
        A sentence about each part.

    Raises:
        ExportError: as `export_run` and `add_classifier` do.
    """
    progress("export", 0, 1)
    report = [f"{export_run(run, data, folder, name)} is exported; ONNX Runtime and PyTorch agree."]
    progress("export", 1, 1)
    if quantise:
        report.append(added(lambda: quantise_model(folder, name, data.test, seed=seed), "decoder"))
        report.append(added(lambda: quantise_encoder(folder, name, data), "encoder"))
    if run.kind != "vae":
        characters = load_classifier_data(sources, data.name)
        found = add_classifier(
            folder,
            name,
            data,
            characters,
            kept,
            images=classifier_images,
            seed=seed,
            precision=classifier_precision,
            progress=partial(progress, "classifier"),
        )
        report.append(f"The classifier is right for {found['accuracy']['value']:.1%} of held-out characters.")
    return report


def added(quantised: Callable[[], dict[str, float]], part: str) -> str:
    """Add a graph in integers if it passes its gate; returns a sentence about it."""
    try:
        lost = quantised()
    except ExportError as error:
        return f"The {part} stays in float32: {error}."
    return f"The {part} in 8-bit integers differs by {lost['levels']:.2f} grey levels per pixel."
