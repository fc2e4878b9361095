"""The bars on the sample of real characters and fonts of rectangles, of models that nobody trained."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from glyphvae_training.commands import bars
from glyphvae_training.commands.bars import main
from glyphvae_training.data.alphabet import ALPHABET
from glyphvae_training.data.font_families import FONTS
from glyphvae_training.evaluation.bars import QUICK
from glyphvae_training.evaluation.bars_report import BARS
from glyphvae_training.evaluation.beside import COUNT
from glyphvae_training.export.graphs import Part, parts_of, to_onnx
from glyphvae_training.export.repository import publish
from glyphvae_training.models.families import ModelKind, build_model
from tests import known_model
from tests.training.commands.invoke import output, refusal
from tests.training.data.tiny_font import Box, font_bytes
from tests.training.examples import FACTS, PEN

# As `--quick`, but smaller still.
TINY = replace(QUICK, samples=4, measured=4)
LETTERS = "HABCDEFGKLTgqj"
MARKS = ".,-"


def boxes(heavy: int) -> dict[str, tuple[int, list[Box]]]:
    """Return letters and marks of rectangles that differ in height, as heavy as this."""
    glyphs: dict[str, tuple[int, list[Box]]] = {
        character: (400, [(50, 0, 50 + heavy, 700), (50, 40 * place, 350, 40 * place + heavy)])
        for place, character in enumerate(LETTERS)
    }
    dotted = (300, [(50, 0, 50 + heavy, 400), (50, 500, 50 + heavy, 600)])
    marks = {character: (300, [(50, 50 * place, 150, 100 + 50 * place)]) for place, character in enumerate(MARKS)}
    return glyphs | {"i": dotted} | marks


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--quick` means the tiny effort."""
    monkeypatch.setattr(bars, "QUICK", TINY)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, pen_folder: Path) -> Path:
    """Source files, and a model repository with a pen and a conditional VAE."""
    data = tmp_path_factory.mktemp("bars")
    for name in ("mnist", "emnist"):
        shutil.copytree(pen_folder / name, data / name)
    for number, name in enumerate(name for part in FONTS.values() for name in part):
        (data / f"{name}.woff2").write_bytes(font_bytes(boxes(60 + 10 * (number % 5))))
    kinds: dict[ModelKind, dict[str, Any]] = {
        "pen": PEN | {"label_count": len(ALPHABET)},
        "cvae": {"latent_size": 6, "label_count": 62, "encoder": "dense", "decoder": "dense"},
    }
    for kind, config in kinds.items():
        model = build_model(kind, config).eval()
        graphs: dict[Part, Any] = {part: to_onnx(model, part) for part in parts_of(model)}
        schema = 2 if kind == "pen" else 1
        labels = ALPHABET[: config["label_count"]]
        publish(data / "models", replace(FACTS, name=kind, labels=labels, config=config, schema=schema), graphs)
    return data


def test_both_models_stand_side_by_side(folder: Path, tmp_path: Path) -> None:
    options = ("--data", folder, "--exported", folder / "models", "--out", tmp_path, "--quick")
    assert "bars.md is written" in output(main, "pen", "cvae", *options, "--part", "test", "--open-test")
    measured = json.loads((tmp_path / "bars.json").read_text())
    assert measured["protocol"]["fonts"] == [8, 16]
    assert measured["protocol"]["models"]["pen"]["version"] == 1
    pen, cvae = (measured["models"][name] for name in ("pen", "cvae"))
    assert (pen["labels"], cvae["labels"]) == (126, 62)
    assert set(pen["reading"]) == {*cvae["reading"], "marks, HOG + LDA"}
    assert set(pen["found"]) == {f"{given} of {fonts} fonts" for given in (1, 3, 5, 10) for fonts in (8, 16)}
    assert set(pen["dots"]) == {"i"}
    assert [len(one["intraclass"]) for one in (pen, cvae)] == [3, 6]
    # What does not depend on the model is the same for both.
    for name in ("haze", "specks", "in more pieces"):
        assert pen["ink"][name]["mean"]["real"] == cvae["ink"][name]["mean"]["real"]
    widths = "width between letters of the fonts"
    assert pen["large"][widths]["value"] == cvae["large"][widths]["value"]
    assert 0 < pen["mse"]["mean"]["low"] <= pen["mse"]["mean"]["value"] <= pen["mse"]["mean"]["high"]
    text = (tmp_path / "bars.md").read_text()
    assert all(f"| {bar.name} |" in text for bar in BARS)
    assert "| marks, HOG + LDA |" in text
    with Image.open(tmp_path / "beside.png") as sheet:
        assert sheet.width == 28 * (3 * COUNT + 2)


def test_the_test_part_is_not_opened_by_accident(folder: Path) -> None:
    options = ("--data", folder, "--exported", folder / "models")
    assert "sealed" in refusal(main, "pen", *options, "--part", "test")
    assert "sealed" in refusal(main, "pen", *options, "--open-test")


def test_models_of_other_labels_are_refused(tmp_path: Path) -> None:
    known_model.write_model(tmp_path)
    assert "cvae has 36" in refusal(main, "cvae", "--exported", tmp_path)


def test_the_validation_part_is_the_default(folder: Path, tmp_path: Path) -> None:
    options = ("--data", folder, "--exported", folder / "models", "--out", tmp_path, "--quick")
    output(main, "cvae", *options)
    measured = json.loads((tmp_path / "bars.json").read_text())
    assert (measured["protocol"]["part"], measured["protocol"]["fonts"]) == ("validation", [8])
    assert "| marks, HOG + LDA | – |" in (tmp_path / "bars.md").read_text()
