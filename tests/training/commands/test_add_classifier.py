import json
from pathlib import Path

from glyphvae_training.commands.add_classifier import add_classifier
from tests.training.commands.invoke import output


def test_an_exported_model_gets_a_classifier(repository: Path, sample_folder: Path) -> None:
    options = ("--exported", repository, "--data", sample_folder, "--kept", repository.parent / "kept")
    printed = output(add_classifier, "cvae", *options, "--images", 512)
    assert "cvae-classifier is written. Its accuracy on held-out characters is" in printed
    manifest = json.loads((repository / "cvae.json").read_text())
    assert manifest["classifier"]["entry"] == "cvae-classifier"
    assert set(manifest["metrics"]) == {"classifier"}
