"""Exports the models of the study, with what was measured on each in its manifest."""

from collections.abc import Sequence
from pathlib import Path

from training.evaluate import evaluate_model
from training.export import export_run
from training.exported import read_exported
from training.judge import Judge
from training.model_cards import models_page
from training.pictures import save_sheet
from training.report import COLUMNS, samples_sheet
from training.repository import publish_metrics
from training.study.coding import REDUCTION
from training.study.latents import moments
from training.study.workshop import Workshop


def ship(workshop: Workshop, names: Sequence[str]) -> None:
    """Export trained models and measure what was exported, as `glyphvae evaluate` does, with one judge."""
    judges = [workshop.judge()] if any(workshop.plan(name).kind == "cvae" for name in names) else []
    for name in workshop.track(names, "exporting"):
        ship_one(workshop, name, judges)
    (workshop.docs / "models.md").write_text(models_page(workshop.exported), encoding="utf-8")


def ship_one(workshop: Workshop, name: str, judges: Sequence[Judge]) -> Path:
    """Export one model; its manifest also says what beta means, and how much of each latent is noise."""
    plan = workshop.plan(name)
    data = workshop.dataset(plan.dataset)
    export_run(workshop.run(name), data, workshop.exported, name)
    model = read_exported(workshop.exported, name)
    evaluation = evaluate_model(model, data.test, judges, {}, samples_per_label=workshop.schedule.samples)
    variance = moments(*model.encode(data.test.images, data.test.labels)).mean_variance
    facts = {
        "mean_variance_per_unit": variance.tolist(),
        "reduction": REDUCTION,
        "beta_norm": plan.beta_norm,
        "epochs": plan.training.epochs,
    }
    sheet = workshop.docs / "images" / f"{name}-samples.png"
    save_sheet(sheet, samples_sheet(evaluation.samples), COLUMNS, scale=1)
    return publish_metrics(workshop.exported, name, evaluation.metrics | facts)
