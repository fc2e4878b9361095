"""Export of the models of the study, with their measurements in the manifests."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from glyphvae_training.data.dataset import Split
from glyphvae_training.evaluation.axis_names import axis_names
from glyphvae_training.evaluation.evaluate import evaluate_model
from glyphvae_training.evaluation.model_cards import models_page
from glyphvae_training.evaluation.report import COLUMNS, samples_grid
from glyphvae_training.export.export import export_run
from glyphvae_training.export.exported import read_exported
from glyphvae_training.export.repository import publish_metrics
from glyphvae_training.judges.judge import Judge
from glyphvae_training.measures.measure import accuracy
from glyphvae_training.measures.pictures import save_grid
from glyphvae_training.study.coding import REDUCTION
from glyphvae_training.study.context import StudyContext
from glyphvae_training.study.latents import moments


def export_models(context: StudyContext, names: Sequence[str]) -> None:
    """Export trained models, measure the exports, and write the cards of all exported models."""
    judge = context.judge() if any(context.plan(name).kind == "cvae" for name in names) else None
    for name in context.track(names, "exporting"):
        export_model(context, name, judge)
    (context.docs / "models.md").write_text(models_page(context.exported), encoding="utf-8")


def export_model(context: StudyContext, name: str, judge: Judge | None) -> Path:
    """Export one model, with beta_norm and the noise share of each latent in its manifest."""
    plan = context.plan(name)
    data = context.dataset(plan.dataset)
    export_run(context.run(name), data, context.exported, name)
    model = read_exported(context.exported, name)
    evaluation = evaluate_model(model, data.test, [], {}, samples_per_label=max(COLUMNS, context.schedule.samples))
    found = moments(*model.encode(data.test.images, data.test.labels))
    facts = {
        "mean_variance_per_unit": found.mean_variance.tolist(),
        "reduction": REDUCTION,
        "beta_norm": plan.beta_norm,
        "epochs": plan.training.epochs,
    }
    if judge is not None and model.labels:
        facts["label_accuracy"] = label_accuracy(judge, evaluation.samples)
        facts["axes"] = axis_names(model, data.test)
    grid = context.docs / "images" / f"{name}-samples.png"
    save_grid(grid, samples_grid(evaluation.samples), COLUMNS, scale=1)
    return publish_metrics(context.exported, name, evaluation.metrics | facts)


def label_accuracy(judge: Judge, samples: Split) -> dict[str, Any]:
    """Measure how often the judge reads the label that a sample was asked to show."""
    return accuracy(judge.predict(samples.images), samples.labels, judge.labels, np.random.default_rng(0))
