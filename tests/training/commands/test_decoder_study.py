from dataclasses import replace
from pathlib import Path

from glyphvae_training.commands.decoder_study import main
from glyphvae_training.data.dataset import Dataset
from glyphvae_training.fitting.runs import save_run
from tests.training.examples import finished_run, untrained


def test_runs_are_exported_measured_timed_and_written_down(
    tmp_path: Path, sample: Dataset, sample_folder: Path
) -> None:
    for decoder in ("conv", "dense"):
        run = replace(finished_run(), model=untrained(decoder=decoder), data_sha256=sample.sha256)
        (tmp_path / decoder).mkdir()
        save_run(tmp_path / decoder, run)
    main(
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
    assert "as read by the\nconvolutional and dense judge" in text
    assert (tmp_path / "docs" / "images" / "decoders.svg").read_text().count("dense") >= 1
