from functools import partial
from pathlib import Path

import numpy as np
import pytest

from glyphvae.commands.dataset import dataset, parse_mix
from glyphvae.datasets.formats import FORMATS
from glyphvae.models.hand_string import write_hand
from glyphvae.models.manifest import read_manifest
from tests.service.commands.test_main import run as run_command
from tests.service.operations.test_font import write_pen
from tests.service.processes import Server

run = partial(run_command, "dataset")


@pytest.mark.parametrize(
    ("file", "options"),
    [
        ("a.npz", "--seed 7 --start 5 --labels A:2,B --z 1,,2 --temperature 0.5 --variation 0.1"),
        ("a.parquet", "--seed 7"),
        ("a.tar", "--seed 7 --format webdataset --model cvae"),
        ("a.tar", "--seed 7 --format idx --test 20"),
    ],
)
def test_a_remote_service_makes_the_same_file(real_server: Server, file: str, options: str) -> None:
    assert run("150", "-o", file, *options.split()) == 0
    assert run("150", "-o", f"remote-{file}", *options.split(), "--url", real_server.url) == 0
    assert Path(file).read_bytes() == Path(f"remote-{file}").read_bytes()
    assert {path.name for path in Path().iterdir()} == {file, f"remote-{file}"}


def test_the_file_says_what_it_holds_and_the_seed_repeats_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert run("10", "-o", "a.npz", "--labels", "J") == 0
    said = capsys.readouterr().err.split()
    assert "10 samples of cvae/1, seed" in " ".join(said)
    assert run("10", "-o", "b.npz", "--labels", "J", "--seed", said[-1]) == 0
    assert Path("a.npz").read_bytes() == Path("b.npz").read_bytes()
    with np.load("a.npz") as arrays:
        assert set(arrays["labels"]) == {19}


def test_all_samples_are_in_one_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pen(tmp_path, "A", "e")
    monkeypatch.setenv("GLYPHVAE_MODELS", str(tmp_path))
    monkeypatch.setenv("GLYPHVAE_DEFAULT_MODEL", "pen")
    hand = write_hand(np.array([1, -1], np.float32), read_manifest(tmp_path / "pen.json"))
    assert run("10", "-o", "a.npz", "--labels", "A", "--hand", hand) == 0
    with np.load("a.npz") as arrays:
        assert arrays["z"][:, :2].tolist() == [[1, -1]] * 10


def test_a_model_that_is_not_the_default_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("10", "-o", "a.npz", "--seed", "7") == 0
    monkeypatch.setenv("GLYPHVAE_DEFAULT_MODEL", "vae")
    assert run("10", "-o", "b.npz", "--seed", "7", "--model", "cvae") == 0
    assert Path("a.npz").read_bytes() == Path("b.npz").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-o", "a.tar"], "--format is required, because the suffix of 'a.tar' does not determine it"),
        (["-o", "a.npz", "--labels", "!"], "body.labels: '!' is not a label"),
        (["-o", "a.npz", "--labels", "A:x"], "--labels: 'x' is not a weight"),
        (["-o", "a.npz", "--test", "1"], "only the format idx"),
        (["-o", "a.npz", "--model", "vae"], "has no labels"),
        (["-o", "nowhere/a.npz"], "No such file or directory"),
        (["-o", "a.npz", "--url", "http://127.0.0.1:1"], "no response"),
        (["-o", "a.npz", "--url", "http://127.0.0.1:1", "--models", "."], "--models cannot be combined with --url"),
    ],
)
def test_an_error_is_one_line_and_leaves_no_file(arguments: list[str], says: str) -> None:
    message = run("10", *arguments)
    assert isinstance(message, str)
    assert says in message
    assert "\n" not in message
    assert list(Path().iterdir()) == []


def test_a_mix_is_labels_with_weights() -> None:
    assert parse_mix("A:2, B,C:0.5,A") == {"A": 3, "B": 1, "C": 0.5}


def test_the_help_names_every_format() -> None:
    assert all(name in (dataset.__annotations__["format_"].__metadata__[0].help or "") for name in FORMATS)


def test_without_ray_it_says_what_to_install() -> None:
    code = run("150", "-o", "folder", "--format", "npz", "--seed", "7", "--ray", "local")
    assert "pip install ray" in str(code)
