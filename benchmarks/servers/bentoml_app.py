"""BentoML, its adaptive batching on; a batched endpoint answers in JSON, so the PNG goes out in base 64."""

from base64 import b64encode

import bentoml  # type: ignore[import-not-found]  # in its own environment only

from benchmarks.servers.glyphs import Glyphs, png


@bentoml.service(workers=1, traffic={"timeout": 60}, logging={"access": {"enabled": False}})
class GlyphService:
    """Labels to PNGs."""

    def __init__(self) -> None:
        self.glyphs = Glyphs()

    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=60_000)  # type: ignore[untyped-decorator]
    def generate(self, label: list[int]) -> list[str]:
        """A new glyph of each label."""
        return [b64encode(png(glyph)).decode() for glyph in self.glyphs.draw(label)]
