import json
from pathlib import Path

from glyphvae_training.commands.quantise import quantise
from tests.training.commands.invoke import invoke, output


def test_an_exported_model_gets_integers(repository: Path, sample_folder: Path) -> None:
    where = ("--exported", repository, "--data", sample_folder)
    assert "cvae-encoder-int8 is written." in output(quantise, "cvae", *where, "--part", "encoder")
    assert "cvae-decoder-int8 is written." in output(quantise, "cvae", *where)
    manifest = json.loads((repository / "cvae.json").read_text())
    assert {"encoder-int8", "decoder-int8"} <= manifest.keys()
    assert set(manifest["metrics"]) == {"encoder-int8", "int8"}


def test_encoders_are_not_made_for_gpus() -> None:
    result = invoke(quantise, "cvae", "--part", "encoder", "--to", "float16")
    assert result.exit_code == 2
    assert "encoders run on CPUs only" in result.output
