import json
from pathlib import Path

from glyphvae_training.commands.add_classifier import add_classifier
from glyphvae_training.commands.quantiles import quantiles
from tests.training.commands.invoke import output


def test_an_exported_model_gets_quantiles(repository: Path, sample_folder: Path) -> None:
    where = ("--exported", repository, "--data", sample_folder)
    output(add_classifier, "cvae", *where, "--kept", repository.parent / "kept", "--images", 512)
    assert "cvae has quantiles of" in output(quantiles, "cvae", *where)
    metrics = json.loads((repository / "cvae.json").read_text())["metrics"]
    assert set(metrics) == {"classifier", "likeness"}
    assert set(metrics["likeness"]) == {"encoded", "reconstructed"}
