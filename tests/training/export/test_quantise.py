import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from glyphvae_training.data.dataset import Dataset, Split
from glyphvae_training.errors import ExportError
from glyphvae_training.export.exported import Arrays, Exported, read_exported, run, session
from glyphvae_training.export.quantise import check_quantised, quantise_encoder, quantise_model, quantised
from glyphvae_training.export.repository import publish, publish_metrics
from tests.training.examples import FACTS, characters, exported, graph

ROWS = 256


def inputs(seed: int = 0, rows: int = ROWS) -> Arrays:
    z = np.random.default_rng(seed).standard_normal((rows, 6), dtype=np.float32)
    return {"z": z, "label": np.arange(rows) % 36}


def operators(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


@pytest.mark.parametrize("decoder", ["dense", "residual"])
def test_large_products_are_integers_and_pictures_the_same(decoder: str) -> None:
    exact = graph("decoder", decoder=decoder)
    fast = quantised(exact, inputs())
    products = operators(exact).count("Gemm")
    assert (operators(fast).count("MatMulInteger"), operators(fast).count("Gemm")) == (products - 1, 1)
    fresh = inputs(seed=1)
    pixels = [run(session(model.SerializeToString()), fresh)["pixels"].astype(int) for model in (exact, fast)]
    assert np.abs(pixels[0] - pixels[1]).mean() < 1
    assert pixels[0].std() > 5


def test_a_row_does_not_depend_on_its_batch() -> None:
    model = session(quantised(graph("decoder"), inputs()).SerializeToString())
    fresh = inputs(seed=1, rows=70)
    together, alone = (run(model, fresh, batch)["pixels"].astype(int) for batch in (70, 7))
    assert np.array_equal(together, alone)


def test_no_sum_of_two_products_overflows_16_bits() -> None:
    fast = quantised(graph("decoder"), inputs())
    integers = [onnx.numpy_helper.to_array(t) for t in fast.graph.initializer if t.data_type == onnx.TensorProto.INT8]
    assert len(integers) == 2
    for weight in integers:
        assert 2 * 255 * np.abs(weight.astype(int)).max() <= np.iinfo(np.int16).max
        assert np.abs(weight).max() == 63


def test_a_convolution_has_nothing_to_quantise() -> None:
    with pytest.raises(ExportError, match="no matrix product of 64 non-negative inputs"):
        quantised(graph("decoder", decoder="conv"), inputs())


def test_a_decoder_that_loses_pictures_is_refused() -> None:
    halves = exported()
    exact = Exported(FACTS.to_dict(), *(session(halves[part].SerializeToString()) for part in ("encoder", "decoder")))
    # Scales from latents far too small: everything larger is cut off.
    narrow = inputs()
    narrow["z"] *= np.float32(0)
    wrong = graph("decoder")
    for tensor in wrong.graph.initializer:
        if tensor.name.endswith("first.table"):
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.full((36, 256), -3, np.float32), tensor.name))
    fast = session(quantised(wrong, narrow).SerializeToString())
    with pytest.raises(ExportError, match=r"loses .* levels; allowed are 1"):
        check_quantised(exact, fast, characters(1))


def test_a_published_model_gets_the_decoder_and_keeps_it(tmp_path: Path) -> None:
    publish(tmp_path, FACTS.with_metrics({"kept": 1}), exported())
    before = json.loads((tmp_path / "cvae.json").read_text())
    lost = quantise_model(tmp_path, "cvae", characters(2))
    assert 0 < lost["levels"] < 1
    manifest = json.loads((tmp_path / "cvae.json").read_text())
    assert manifest["metrics"] == {"kept": 1, "int8": lost}
    assert manifest["decoder-int8"]["bytes"] < 0.4 * manifest["decoder"]["bytes"]
    assert (tmp_path / "cvae-decoder-int8" / "config.pbtxt").read_text().startswith('name: "cvae-decoder-int8"')
    assert manifest["decoder"]["file"] == before["decoder"]["file"]
    publish_metrics(tmp_path, "cvae", {})
    assert (tmp_path / json.loads((tmp_path / "cvae.json").read_text())["decoder-int8"]["file"]).is_file()
    assert read_exported(tmp_path, "cvae").latent_size == 6


@pytest.fixture
def data() -> Dataset:
    validation, test = characters(3, seed=1), characters(2)
    return Dataset("alphanumeric", FACTS.labels, validation, validation, test, "a" * 64, ("blobs",))


def test_a_published_model_gets_the_encoder_and_keeps_it(tmp_path: Path, data: Dataset) -> None:
    publish(tmp_path, FACTS.with_metrics({"kept": 1}), exported() | {"encoder": graph("encoder", encoder="dense")})
    lost = quantise_encoder(tmp_path, "cvae", data)
    assert 0 < lost["levels"] < 1
    manifest = json.loads((tmp_path / "cvae.json").read_text())
    assert manifest["metrics"] == {"kept": 1, "encoder-int8": lost}
    assert manifest["encoder-int8"]["bytes"] < 0.6 * manifest["encoder"]["bytes"]
    files = [(tmp_path / manifest[part]["file"]).read_bytes() for part in ("encoder", "encoder-int8")]
    fresh: Arrays = {"pixels": characters(2, seed=2).images, "label": characters(2, seed=2).labels}
    exact, fast = (run(session(file), fresh)["mu"] for file in files)
    assert np.abs(fast - exact).mean() < 0.05 * exact.std()
    publish_metrics(tmp_path, "cvae", {})
    assert (tmp_path / json.loads((tmp_path / "cvae.json").read_text())["encoder-int8"]["file"]).is_file()


def test_other_data_are_refused(tmp_path: Path, data: Dataset) -> None:
    publish(tmp_path, FACTS, exported())
    with pytest.raises(ExportError, match="was trained on other data"):
        quantise_encoder(tmp_path, "cvae", replace(data, sha256="c" * 64))


def test_an_encoder_that_loses_pictures_is_refused(tmp_path: Path, data: Dataset) -> None:
    sensitive = graph("decoder")
    for tensor in sensitive.graph.initializer:
        if sorted(tensor.dims) == [6, 256]:
            tensor.CopyFrom(onnx.numpy_helper.from_array(100 * onnx.numpy_helper.to_array(tensor), tensor.name))
    publish(tmp_path, FACTS, {"encoder": graph("encoder", encoder="dense"), "decoder": sensitive})
    # Scales from fainter images than those of the gate: what is darker is cut off.
    faint = Split(data.validation.images // 50, data.validation.labels)
    with pytest.raises(ExportError, match=r"the encoder in less precision loses .* allowed"):
        quantise_encoder(tmp_path, "cvae", replace(data, validation=faint))
    assert "encoder-int8" not in json.loads((tmp_path / "cvae.json").read_text())


def test_half_precision_for_gpus(tmp_path: Path) -> None:
    publish(tmp_path, FACTS, exported())
    lost = quantise_model(tmp_path, "cvae", characters(2), "float16")
    assert lost["levels"] < 0.1
    manifest = json.loads((tmp_path / "cvae.json").read_text())
    assert manifest["metrics"]["float16"] == lost
    assert manifest["decoder-float16"]["bytes"] < 0.6 * manifest["decoder"]["bytes"]


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="does not exist"):
        quantise_model(tmp_path, "cvae", characters(1))
