import json
from pathlib import Path

from glyphvae_training.commands.compact import compact
from tests.training.commands.invoke import output, refusal


def test_the_weights_of_an_older_export_are_stored_in_float16(repository: Path, sample_folder: Path) -> None:
    where = ("--exported", repository, "--data", sample_folder)
    before = json.loads((repository / "cvae.json").read_text())
    assert "The weights of cvae are stored in float16." in output(compact, "cvae", *where)
    after = json.loads((repository / "cvae.json").read_text())
    for part in ("encoder", "decoder"):
        assert after[part]["bytes"] < 0.6 * before[part]["bytes"]
    assert set(after["metrics"]) == {"compact"}


def test_a_model_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    assert refusal(compact, "cvae", "--exported", tmp_path) == f"glyphvae: {tmp_path / 'cvae.json'} does not exist\n"
