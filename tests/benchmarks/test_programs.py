from pathlib import Path

import pytest

from benchmarks import programs
from benchmarks.cores import BenchmarkError
from benchmarks.programs import frameworks, glyphvae, references


def test_a_framework_without_its_environment_says_how_to_make_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "ROOT", tmp_path)
    with pytest.raises(BenchmarkError, match=r"litserve has no environment here: `make \.venv-bench-litserve/\.done`"):
        frameworks(tmp_path / "model.onnx")


def test_every_server_has_a_name_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "ROOT", tmp_path)
    for framework in ("litserve", "bentoml", "mlserver"):
        python = tmp_path / f".venv-bench-{framework}" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.touch()
    decoder = tmp_path / "model.onnx"
    everything = [programs.bare(), glyphvae(tmp_path), *references(decoder, decoder), *frameworks(decoder)]
    assert len({program.name for program in everything}) == len(everything)
    # Each is told where to listen, in its command or its environment.
    for program in everything:
        assert "{port}" in [*program.command, *program.environment.values()]


def test_the_service_is_measured_on_the_cpu_unless_told_otherwise(tmp_path: Path) -> None:
    assert glyphvae(tmp_path).command[-2:] == ("--device", "cpu")
    assert "cuda" in glyphvae(tmp_path, "--device", "cuda").command
