import errno
import logging
import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from glyphvae.errors import NotReady, StartError, UnknownModel
from glyphvae.models.manifest import read_manifest
from glyphvae.models.providers import PROVIDERS, Runtime
from glyphvae.models.registry import PAINTED, Registry, load_registry
from glyphvae.scheduling.steps import run_now
from glyphvae.settings import Settings
from tests.known_model import LATENT_SIZE, decoder, encoder, strokes, write_model, write_more
from tests.service.support import grey


def loaded(folder: Path, **settings: object) -> Registry:
    return load_registry(Settings(**({"models": folder, "device": "cpu"} | settings)))  # type: ignore[arg-type]


def latents(*first: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    z = np.zeros((len(first), LATENT_SIZE), dtype=np.float32)
    z[:, 0] = first
    return z


@pytest.fixture
def folder(tmp_path: Path, repository: Path) -> Path:
    """Return a copy of the repository, to be spoilt."""
    return Path(shutil.copytree(repository, tmp_path / "exported"))


def refused(folder: Path, **settings: object) -> str:
    """Return the error of a start from a spoilt repository, which is one line."""
    with pytest.raises(StartError) as caught:
        loaded(folder, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("preload", "default", "expected"),
    [
        ("", "cvae", ["cvae"]),
        ("", "vae", ["vae"]),
        ("vae", "cvae", ["cvae", "vae"]),
        (" cvae , vae,", "cvae", ["cvae", "vae"]),
        ("all", "vae", ["cvae", "vae"]),
    ],
)
def test_the_models_that_shall_be_ready_are_built_at_the_start(
    repository: Path, caplog: pytest.LogCaptureFixture, preload: str, default: str, expected: list[str]
) -> None:
    with caplog.at_level(logging.INFO, "glyphvae"):
        registry = loaded(repository, preload=preload, default_model=default)
    assert list(registry.models) == ["cvae", "vae"]
    assert list(registry.loaded) == expected
    assert [record.getMessage() for record in caplog.records] == [
        f"loaded {name} version 1 on cpu" for name in expected
    ]


def test_an_unknown_model_to_preload_is_named(repository: Path) -> None:
    expected = f"setting GLYPHVAE_PRELOAD: there is no model 'gan' in {repository}, only cvae, vae"
    assert refused(repository, preload="vae,gan") == expected


def test_a_conditional_model_runs(repository: Path) -> None:
    model = loaded(repository).get("cvae")
    labels = np.array([0, 19, 35])
    pixels = run_now(model.decode(latents(0, 1, -2), labels))
    assert np.array_equal(pixels, grey(100, 129, 115))
    same, logits = run_now(model.decode_logits(latents(0, 1, -2), labels))
    assert np.array_equal(same, pixels)
    assert logits.dtype == np.float32
    assert np.allclose(logits, pixels / 255)
    mu, logvar = run_now(model.encode(pixels, labels))
    assert np.allclose(mu, latents(0, 1, -2))
    assert not logvar.any()


def test_an_unconditional_model_ignores_labels(repository: Path) -> None:
    model = loaded(repository).get("vae")
    run_now(model.ready())
    assert model.loaded
    run_now(model.ready())  # there is nothing to wait for
    pixels = run_now(model.decode(latents(0, 1), np.array([19, 19])))
    assert np.array_equal(pixels, grey(100, 110))
    mu, _ = run_now(model.encode(pixels, np.array([0, 35])))
    assert np.allclose(mu, latents(0, 1))


def test_models_are_found_by_name(repository: Path) -> None:
    registry = loaded(repository, default_model="vae")
    assert registry.get(None).title == "vae/1"
    assert registry.get("cvae").title == "cvae/1"
    with pytest.raises(UnknownModel, match=r"There is no model 'gan'; served are: cvae, vae\."):
        registry.get("gan")


def test_a_model_that_has_gone_is_named_with_its_successors(tmp_path: Path) -> None:
    write_model(tmp_path, "pen", replaces=["cvae", "cvae-hq"])
    write_model(tmp_path, "quill", replaces=["cvae-hq"])
    registry = loaded(tmp_path, default_model="pen")
    with pytest.raises(UnknownModel, match=r"no model 'cvae'; it was replaced by pen; served are: pen, quill\."):
        registry.get("cvae")
    with pytest.raises(UnknownModel, match=r"no model 'cvae-hq'; it was replaced by pen, quill; served are: pen"):
        registry.get("cvae-hq")
    with pytest.raises(UnknownModel, match=r"no model 'gan'; served are"):
        registry.get("gan")


def test_a_model_that_is_still_served_is_itself(tmp_path: Path) -> None:
    write_model(tmp_path)
    write_model(tmp_path, "pen", replaces=["cvae"])
    assert loaded(tmp_path, default_model="pen").get("cvae").manifest.name == "cvae"


def test_a_model_draws_strokes(tmp_path: Path) -> None:
    write_more(tmp_path)
    write_model(tmp_path)
    registry = loaded(tmp_path, default_model="more")
    model = registry.get(None)
    assert (model.draws_strokes, registry.get("cvae").draws_strokes) == (True, False)
    drawn = run_now(model.strokes(latents(0, -2), np.array([0, 19])))
    assert drawn.control.shape == (2, 2, 8, 2)
    assert drawn.control[:, 0, 0].tolist() == [[4, 5], [4, 12.5]]
    assert drawn.control[:, 0, -1].tolist() == [[24, 5], [24, 12.5]]
    assert drawn.radius[1].tolist() == [[1] * 4, [9] * 4]
    assert drawn.presence.tolist() == [[1, 0]] * 2
    assert np.allclose(drawn.proportions, [0.05, 24, 0.1, 0.2])
    assert run_now(model.decode(latents(0), np.array([19])))[0, 0, 0] == 119


@pytest.mark.parametrize("count", [0, 1, PAINTED, PAINTED + 1, 2 * PAINTED])
def test_glyphs_are_painted_some_at_a_time(tmp_path: Path, count: int) -> None:
    write_more(tmp_path)
    model = loaded(tmp_path, default_model="more").get(None)
    z, labels = np.zeros((count, LATENT_SIZE), np.float32), np.arange(count) % 36
    z[:, 0] = np.arange(count) % 50
    pixels = run_now(model.decode(z, labels))
    assert pixels.shape == (count, 28, 28)
    np.testing.assert_array_equal(
        pixels,
        np.concatenate([pixels[:0], *(run_now(model.decode(z[i : i + 1], labels[i : i + 1])) for i in range(count))]),
    )


def test_what_painting_needs_is_loaded_with_a_model_that_draws_strokes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "freetype"]:
        monkeypatch.delitem(sys.modules, name)
    write_model(tmp_path)
    write_more(tmp_path)
    registry = loaded(tmp_path, default_model="cvae")
    assert "freetype" not in sys.modules
    run_now(registry.get("more").ready())
    assert "freetype" in sys.modules


ONE, TWO = "1" * 12, "2" * 12


@pytest.mark.parametrize(
    ("default", "name", "beta", "expected"),
    [
        ("cvae", None, 10, "cvae-b10"),  # the series of the default model
        ("cvae", "", 1, "cvae"),
        ("cvae", "cvae", 10, "cvae-b10"),
        ("cvae", "cvae-b10", 1, "cvae"),  # the first by name of two that were trained alike
        ("cvae", "twin", 1, "twin"),  # but a model is itself
        ("cvae", "twin", None, "twin"),
        ("cvae", "vae", 1, "vae"),  # a series of its own
        ("wide-b4", None, 2, "wide-b2"),  # one of several betas, though not the largest
        ("vae", None, 0.001, "cvae-b0.001"),  # the largest, where the default model is in none of several
        ("vae", "wide-b2", 4, "wide-b4"),
    ],
)
def test_a_beta_chooses_from_a_series(
    series_of_models: Path, default: str, name: str | None, beta: float | None, expected: str
) -> None:
    assert loaded(series_of_models, default_model=default).get(name, beta).manifest.name == expected


@pytest.mark.parametrize(
    ("default", "name", "says"),
    [
        ("cvae", None, "7 is not a β of the series of cvae; allowed are: 0.001, 1, 10"),
        ("vae", None, "7 is not a β of the series of cvae; allowed are: 0.001, 1, 10"),
        ("cvae", "twin", "7 is not a β of the series of twin; allowed are: 0.001, 1, 10"),
        ("cvae", "wide-b2", "7 is not a β of the series of wide-b2; allowed are: 2, 4"),
        ("cvae", "vae", "7 is not a β of the series of vae; allowed are: 1"),
    ],
)
def test_a_beta_that_no_model_has_is_refused_with_those_there_are(
    series_of_models: Path, default: str, name: str | None, says: str
) -> None:
    registry = loaded(series_of_models, default_model=default)
    with pytest.raises(ValueError, match=f"^{re.escape(says)}$"):
        registry.get(name, 7.0)
    with pytest.raises(UnknownModel):
        registry.get("gan", 1.0)


def test_without_any_series_a_beta_is_that_of_the_default_model(repository: Path) -> None:
    registry = loaded(repository, default_model="vae")
    assert registry.get(None, 1.0).manifest.name == "vae"
    with pytest.raises(ValueError, match=r"^0\.5 is not a β of the series of vae; allowed are: 1$"):
        registry.get(None, 0.5)


@pytest.fixture(scope="session")
def series_of_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a series of four models and three betas, one of two, and a model in none."""
    folder = tmp_path_factory.mktemp("series")
    for name, series, beta in [
        ("twin", ONE, 1.0),
        ("cvae", ONE, 1.0),
        ("cvae-b10", ONE, 10.0),
        ("cvae-b0.001", ONE, 0.001),
        ("wide-b2", TWO, 2.0),
        ("wide-b4", TWO, 4.0),
    ]:
        write_model(folder, name, series=series, beta=beta)
    write_model(folder, "vae", conditional=False)
    return folder


def test_models_are_in_the_order_of_their_names(series_of_models: Path) -> None:
    assert list(loaded(series_of_models).models)[:3] == ["cvae", "cvae-b0.001", "cvae-b10"]


@pytest.mark.parametrize(
    ("folder", "says"),
    [
        ("", "no models here (expected NAME.json beside NAME-decoder/)"),
        ("nowhere", "there is no such folder"),
    ],
)
def test_a_folder_without_models_is_named(tmp_path: Path, folder: str, says: str) -> None:
    (tmp_path / "cvae-decoder").mkdir()
    assert refused(tmp_path / folder) == f"{tmp_path / folder}: {says}"


def test_an_empty_folder_stands_for_the_shipped_models(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("glyphvae.models.registry.SHIPPED_MODELS", folder)
    caplog.set_level("INFO")
    own = tmp_path / "own"
    own.mkdir()
    assert loaded(own).get(None).title == "cvae/1"
    assert f"{own} is empty; the shipped models are served" in caplog.text
    write_model(own, "mine")
    assert list(loaded(own, default_model="mine").models) == ["mine"]


def test_an_unknown_default_model_is_named(folder: Path) -> None:
    (folder / "cvae.json").unlink()
    assert refused(folder) == f"setting GLYPHVAE_DEFAULT_MODEL: there is no model 'cvae' in {folder}, only vae"


def test_a_single_model_is_the_default_unless_one_is_configured(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLYPHVAE_DEFAULT_MODEL")
    assert refused(folder) == (f"setting GLYPHVAE_DEFAULT_MODEL: there is no model 'pen' in {folder}, only cvae, vae")
    (folder / "cvae.json").unlink()
    registry = loaded(folder)
    assert registry.default == "vae"
    assert list(registry.loaded) == ["vae"]
    assert refused(folder, default_model="pen").startswith("setting GLYPHVAE_DEFAULT_MODEL: there is no model")


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("vae.json", "not a model manifest: "),
        ("vae-encoder/1/model.onnx", "7 bytes, but the manifest says "),
        ("vae-decoder/1/model.onnx", "7 bytes, but the manifest says "),
    ],
)
def test_a_spoilt_file_of_any_model_is_named(folder: Path, file: str, says: str) -> None:
    (folder / file).write_text("spoilt!")
    assert refused(folder).startswith(f"{folder / file}: {says}")


@pytest.mark.parametrize(
    ("files", "facts", "says"),
    [
        ({"encoder": b"vouched for, and still no model"}, {}, "cvae-encoder/1/model.onnx: not a complete ONNX file"),
        ({"decoder": decoder(rows=0)}, {}, "model 'cvae' does not run: "),
        ({"decoder": encoder(), "encoder": decoder()}, {}, "model 'cvae' does not run: "),
        ({}, {"latent_size": 5}, "model 'cvae': mu is float32 (1, 6), its manifest promises float32 (1, 5)"),
    ],
)
def test_a_model_that_is_not_what_its_manifest_promises_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], files: dict[str, bytes], facts: dict[str, object], says: str
) -> None:
    write_model(tmp_path, files=files, **facts)  # type: ignore[arg-type]
    assert refused(tmp_path).startswith(says)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("graph", "says"),
    [
        (decoder(), "does not run: "),
        (strokes(points=3), "control is float32 (1, 2, 3, 2), its manifest promises float32 (1, 2, 4, 2)"),
        (strokes(knots=2), "radius is float32 (1, 4, 2), its manifest promises float32 (1, 2, 2)"),
    ],
)
def test_strokes_that_are_none_are_named(tmp_path: Path, graph: bytes, says: str) -> None:
    write_model(tmp_path, files={"strokes": graph}, schema=2)
    assert says in refused(tmp_path)


@pytest.mark.skipif(PROVIDERS["cuda"] in ort.get_available_providers(), reason="needs an ONNX Runtime without CUDA")
def test_cuda_where_it_cannot_work_stops_the_start(folder: Path) -> None:
    assert refused(folder, device="cuda").startswith("device 'cuda' does not work: ")
    assert loaded(folder, device="auto").get("vae").device == "cpu"


def test_a_run_that_fails_is_not_ready(tmp_path: Path) -> None:
    write_model(tmp_path, files={"decoder": decoder(rows=35)})
    model = loaded(tmp_path).get(None)
    with pytest.raises(NotReady, match=r"^503: cvae: the model did not run\.$") as caught:
        run_now(model.decode(latents(0), np.array([35])))
    assert caught.value.headers == {"Retry-After": "5"}
    assert "indices element out of data bounds" in str(caught.value.__cause__)
    assert run_now(model.decode(latents(0), np.array([34])))[0, 0, 0] == 134


def test_readiness_runs_every_loaded_model(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = loaded(repository)
    registry.check()
    broken = Runtime("cpu", 1).session(decoder(rows=0), "broken.onnx")
    monkeypatch.setitem(registry.get("cvae").sessions._sessions, "decoder", broken)
    with pytest.raises(NotReady, match=r"^503: cvae: the model did not run\.$"):
        registry.check()


def test_a_model_that_is_loaded_when_it_is_first_asked_is_ready_for_that(repository: Path) -> None:
    model = loaded(repository).get("vae")
    model.check()
    assert not model.loaded


@pytest.mark.parametrize(("precision", "grey"), [("auto", 107), ("float32", 100)])
def test_the_cpu_runs_the_decoder_in_integers_where_there_is_one(tmp_path: Path, precision: str, grey: int) -> None:
    # Another decoder in place of integers, so that the picture tells which of the two ran.
    write_model(tmp_path, files={"decoder-int8": decoder(base=107)})
    model = loaded(tmp_path, precision=precision).get(None)
    assert (run_now(model.decode(latents(0), np.zeros(1, np.int64))) == grey).all()


def test_a_gpu_runs_exact_graphs_or_a_decoder_in_half_precision(tmp_path: Path) -> None:
    write_model(tmp_path, files={"decoder-int8": decoder(), "decoder-float16": decoder(), "encoder-int8": encoder()})
    manifest = read_manifest(tmp_path / "cvae.json")
    assert manifest.decoder_for("cuda", "auto") == manifest.decoder_for("cuda", "float32") == manifest.decoder
    assert manifest.decoder_for("cuda", "float16") == manifest.decoder_float16
    assert manifest.decoder_for("cpu", "auto") == manifest.decoder_int8
    assert manifest.decoder_for("cpu", "float16") == manifest.decoder_for("cpu", "float32") == manifest.decoder
    assert manifest.encoder_for("cuda", "auto") == manifest.encoder_for("cuda", "float32") == manifest.encoder


def test_a_gpu_runs_the_decoder_of_fixed_sizes_where_there_is_one(tmp_path: Path) -> None:
    write_model(tmp_path, files={"decoder-fixed": decoder()})
    manifest = read_manifest(tmp_path / "cvae.json")
    assert manifest.decoder_for("cuda", "auto") == manifest.decoder_for("cuda", "float16") == manifest.decoder_fixed
    assert manifest.decoder_for("cpu", "auto") == manifest.decoder


def test_the_cpu_runs_the_encoder_in_integers_unless_told_otherwise(tmp_path: Path) -> None:
    # In place of integers one of another size, which the check of the start names.
    write_model(tmp_path, files={"encoder-int8": encoder(latent_size=4)})
    loaded(tmp_path, precision="float32")
    assert "Got invalid dimensions for input: z" in refused(tmp_path)


@pytest.mark.parametrize("part", ["encoder-int8", "decoder-int8", "decoder-fixed", "decoder-float16", "classifier"])
def test_further_graphs_are_verified_at_the_start(tmp_path: Path, part: str) -> None:
    write_model(tmp_path, files={part: decoder()})
    (tmp_path / f"cvae-{part}" / "1" / "model.onnx").write_bytes(b"broken")
    assert part in refused(tmp_path, precision="float32")


def test_a_folder_that_cannot_be_read_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_: Path) -> None:  # the tests may run as root, whom no mode stops
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "iterdir", denied)
    assert refused(folder) == f"{folder}: cannot be read: Permission denied"
