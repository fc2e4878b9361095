from dataclasses import replace
from pathlib import Path

import pytest

from glyphvae_training.commands import decoder_study
from glyphvae_training.data.dataset import Dataset
from glyphvae_training.fitting.runs import save_run
from tests.training.examples import finished_run, untrained


def test_runs_are_exported_measured_timed_and_reported(
    tmp_path: Path, sample: Dataset, sample_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The dense judge would look at every image 45 times.
    monkeypatch.setattr(decoder_study, "JUDGES", ("convolutional", "reader"))
    for decoder in ("conv", "dense"):
        run = replace(finished_run(), model=untrained(decoder=decoder), data_sha256=sample.sha256)
        (tmp_path / decoder).mkdir()
        save_run(tmp_path / decoder, run)
    decoder_study.main(
        [tmp_path / "dense", tmp_path / "conv"],
        data=sample_folder,
        judges=tmp_path / "judges",
        docs=tmp_path / "docs",
        samples=2,
        judge_images=512,
    )
    text = (tmp_path / "docs" / "decoders.md").read_text()
    conv = next(line for line in text.splitlines() if line.startswith(("| conv |", "| **conv** |")))
    assert conv.count("(1.00)") == 2  # its time is the measure of the others'
    assert "as read by the\nconvolutional and reader judge" in text
    assert (tmp_path / "docs" / "images" / "decoders.svg").read_text().count("dense") >= 1
