from glyphvae_training.errors import ExportError
from glyphvae_training.export.complete import added


def test_a_graph_that_fails_its_gate_is_left_out() -> None:
    def fail() -> dict[str, float]:
        raise ExportError("the decoder loses 2 levels")

    assert added(fail, "decoder") == "The decoder stays in float32: the decoder loses 2 levels."
    kept = "The encoder in 8-bit integers differs by 0.25 grey levels per pixel."
    assert added(lambda: {"levels": 0.25, "nats": 0.1}, "encoder") == kept
