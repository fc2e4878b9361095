import io

import numpy as np
import orjson
import pytest

from glyphvae.api import responses
from glyphvae.api.responses import JSON_BLOCK, Headers, Result, headers_of
from glyphvae.formats.registry import PDF, PICTURES, SVG
from glyphvae.scheduling.steps import inline, run_now
from tests.service.support import grey

HEADERS = Headers([(b"a", b"b")])


def test_every_response_names_its_model_and_is_never_stored() -> None:
    plain = [(b"glyphvae-model", b"cvae/1"), (b"vary", b"Accept")]
    assert headers_of("cvae/1").pairs == plain
    more = headers_of("cvae/1", seed=0, reconstruction_error=1.5, label=None)
    assert more.pairs == [*plain, (b"glyphvae-seed", b"0"), (b"glyphvae-reconstruction-error", b"1.5")]
    assert more.lines.endswith(b"vary: Accept\r\nglyphvae-seed: 0\r\nglyphvae-reconstruction-error: 1.5\r\n")


def test_arrays_become_lists_in_json() -> None:
    result = responses.json_result("cvae/1", HEADERS, {"z": np.array([0.5, -1], np.float32), "n": np.int64(3)})
    assert (result.model, result.headers, result.media) == ("cvae/1", HEADERS, "application/json")
    assert orjson.loads(result.content) == {"z": [0.5, -1.0], "n": 3}


def test_arrays_are_sent_whole() -> None:
    result = responses.npy_result("cvae/1", HEADERS, grey(1, 2))
    assert (result.model, result.headers, result.media) == ("cvae/1", HEADERS, "application/x-npy")
    assert np.array_equal(np.load(io.BytesIO(result.content)), grey(1, 2))


def test_numbers_are_listed_to_three_decimals() -> None:
    assert responses.structured_list([1, -2.34567, 1e6]) == "1.000, -2.346, 1000000.000"


def test_only_what_is_sent_is_documented() -> None:
    more = {"Glyphvae-Seed": "The seed."}
    documented = responses.documented_response("Samples", {"seed": 7}, None, "an array", more)
    assert list(documented["content"]) == ["application/json", "application/x-npy"]
    assert documented["content"]["application/json"]["example"] == {"seed": 7}
    assert documented["headers"]["Glyphvae-Seed"]["description"] == "The seed."
    pictures = responses.documented_response("Samples", {}, "a glyph", "an array")["content"]
    assert list(pictures) == [*PICTURES, SVG, *documented["content"]]
    paged = responses.documented_response("Samples", {}, "a text", "an array", pages=True)["content"]
    assert list(paged) == [*pictures, PDF]
    assert paged[PDF]["schema"]["format"] == "binary"


def pieces(result: Result) -> list[bytes]:
    """Return what a response sends, piece by piece."""
    return [result.content, *map(run_now, result.more or ())]


@pytest.mark.parametrize("n", [0, 1, JSON_BLOCK, JSON_BLOCK + 1, 3 * JSON_BLOCK])
def test_a_list_in_pieces_is_the_json_of_the_whole(n: int) -> None:
    items: list[dict[str, object]] = [{"index": index, "row": np.arange(3) + index} for index in range(n)]

    def block(start: int) -> list[dict[str, object]]:
        return items[start : start + JSON_BLOCK]

    blocks = [inline(block, start) for start in range(0, n, JSON_BLOCK)]
    result = run_now(responses.json_list_result("cvae/1", HEADERS, {"model": "cvae/1"}, "items", blocks))
    assert (result.model, result.headers, result.media) == ("cvae/1", HEADERS, "application/json")
    sent = pieces(result)
    assert len(sent) == max(1, len(blocks))
    expected = {"model": "cvae/1", "items": [{"index": i, "row": [i, i + 1, i + 2]} for i in range(n)]}
    assert b"".join(sent) == orjson.dumps(expected)
