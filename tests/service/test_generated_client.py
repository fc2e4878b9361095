"""Clients that others' tools make from our OpenAPI document work as they are made."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.service.processes import ROOT, Server

DOCUMENT = ROOT / "docs" / "openapi.json"
TOOLS = Path(sys.executable).parent

PROGRAM = """
import io, sys
import numpy as np
from PIL import Image
from made import Client
from made.api.default import (
    dataset, encode, find_hand, font, generate, get_generate, get_model, get_render_text, graph, graph_config,
    graph_ready, graph_stats, graph_version, graph_version_config, graph_version_ready, graph_version_stats, infer,
    infer_version, inference_live, inference_ready, inference_server, interpolate, list_models, live, load_model,
    read, ready, reconstruct_images, render_text, repository_index, statistics, traverse, unload_model, welcome,
)
from made.models import (
    DatasetRequest, EncodeFilesBody, EncodePreprocess, FontFormat, FontRequest, GenerateFormat, Inference, Input,
    ProblemBody, ReconstructImagesFilesBody, ReconstructImagesPreprocess, RenderText,
)
from made.types import File

drawing = np.full((28, 28), 119, np.uint8)
picture = io.BytesIO()
Image.fromarray(drawing).save(picture, "PNG")

def file():
    return File(payload=io.BytesIO(picture.getvalue()), file_name="j.png", mime_type="image/png")

client = Client(base_url=sys.argv[1], headers={"Accept": "application/json"}, raise_on_unexpected_status=True)
with client:
    assert live.sync(client=client).status == "live"
    assert ready.sync(client=client).status == "ready"
    assert welcome.sync(client=client).docs == "/docs"
    assert [model.name for model in list_models.sync(client=client)] == ["cvae", "vae"]
    assert get_model.sync("vae", client=client).latent_size == 6
    samples = generate.sync(client=client, label=["A", "J"], z="0", n=2)
    assert [sample.pixels[0][0] for sample in samples.samples] == [110, 110, 119, 119]
    assert isinstance(generate.sync(client=client, label=["!"]), ProblemBody)
    assert get_generate.sync(client=client, label=["J"]).samples[0].label == "J"
    assert generate.sync(client=client, label=["J"], format_=GenerateFormat.JSON).samples[0].label == "J"
    for body in (EncodeFilesBody(file=[file(), file()]), file()):
        encodings = encode.sync(client=client, body=body, preprocess=EncodePreprocess.NONE).encodings
        assert [encoding.label for encoding in encodings] in (["J", "J"], ["J"])
        assert encodings[0].posterior["J"] == max(encodings[0].posterior.additional_properties.values())
    body = ReconstructImagesFilesBody(file=[file()])
    again = reconstruct_images.sync(client=client, body=body, preprocess=ReconstructImagesPreprocess.NONE)
    assert again.reconstructions[0].pixels[0][0] == 119
    assert "no ink" in read.sync(client=client, body=file()).detail
    assert "has no hand" in find_hand.sync(client=client, body=file()).detail
    text = render_text.sync(client=client, body=RenderText(text="Hi", seed=7, z=[0, None]))
    assert [glyph.label for glyph in text.glyphs] == ["H", "I"]
    again = get_render_text.sync(client=client, text="Hi", seed=7, z="0")
    assert [glyph.label for glyph in again.glyphs] == ["H", "I"]
    assert len(interpolate.sync(client=client, label=["A", "B"], n=3).steps) == 3
    assert len(traverse.sync(client=client, latent=[1], label="A", n=3).steps) == 3
    refused = font.sync(client=client, body=FontRequest(family="My Hand"), format_=FontFormat.TTF)
    assert "draws no strokes" in refused.detail
    assert inference_server.sync(client=client).name == "glyphvae"
    assert inference_live.sync(client=client).live and inference_ready.sync(client=client).ready
    named, of_version = {"name": "cvae-decoder", "client": client}, {"version": "1"}
    assert graph.sync(**named).inputs[0].name == graph_version.sync(**named, **of_version).inputs[0].name == "z"
    assert graph_ready.sync(**named).ready and graph_version_ready.sync(**named, **of_version).ready
    tensors = Inference(inputs=[
        Input(name="z", datatype="FP32", shape=[1, 6], data=[0] * 6),
        Input(name="label", datatype="INT64", shape=[1, 1], data=[19]),
    ])
    for inferred in (infer.sync(**named, body=tensors), infer_version.sync(**named, **of_version, body=tensors)):
        assert inferred.outputs[0].data[0] == 119
    for config in (graph_config.sync(**named), graph_version_config.sync(**named, **of_version)):
        assert config.max_batch_size == 10000
    for counts in (graph_stats.sync(**named), graph_version_stats.sync(**named, **of_version)):
        assert counts.model_stats[0].inference_count >= 2
    assert len(statistics.sync(client=client).model_stats) == len(repository_index.sync(client=client)) == 4
    for change in (load_model.sync(**named), unload_model.sync(**named)):
        assert "model_control" in change.error
    made = dataset.sync(client=client, body=DatasetRequest(count=10, seed=7))
    assert len(np.load(made.payload)["images"]) == 10
"""


def test_the_program_calls_every_endpoint() -> None:
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    names = {operation["operationId"] for path in document["paths"].values() for operation in path.values()}
    called = set(re.findall(r"(\w+)\.sync\(", PROGRAM))
    assert called == names


def test_the_document_is_valid() -> None:
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_a_generated_client_works_unedited(real_server: Server, tmp_path: Path) -> None:
    subprocess.run(
        [TOOLS / "openapi-python-client", "generate", "--path", DOCUMENT, "--output-path", "made", "--meta", "none"],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{TOOLS}:{os.environ['PATH']}"},
        capture_output=True,
        check=True,
    )
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, real_server.url], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
