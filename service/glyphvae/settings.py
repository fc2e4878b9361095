"""Every setting of the service, from `GLYPHVAE_*` environment variables or from flags of `glyphvae serve`.

`python -m glyphvae.settings FILE` writes the table in docs/settings.md.
"""

import sys
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from glyphvae.errors import StartError


def _shipped_models() -> Path:
    """Return the folder of the models that come with the package: inside the wheel, else beside it in the sources."""
    package = Path(__file__).resolve().parent
    packaged = package / "exported"
    return packaged if packaged.is_dir() else package.parent.parent / "exported"


SHIPPED_MODELS = _shipped_models()

MEBIBYTE = 1 << 20


class Settings(BaseSettings):
    """What can be set; a value out of range stops the start."""

    model_config = SettingsConfigDict(env_prefix="GLYPHVAE_", frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    workers: int = Field(1, ge=1, le=256, description="Server processes.")
    models: Path = Field(SHIPPED_MODELS, description="Folder of exported models. Default: the models shipped.")
    models_key: Path | None = Field(
        None, description="File of a key that every manifest has to be signed with (`glyphvae sign`)."
    )
    default_model: str = Field("cvae-hq", description="Model used where a request names none.")
    preload: str = Field(
        "",
        description="Models to load at the start besides the default one: names with commas between, or `all`. Others "
        "are verified at the start and loaded when they are first asked for.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="`auto` uses CUDA where it works and the CPU elsewhere; `cuda` refuses to start without it.",
    )
    threads: int = Field(
        1,
        ge=1,
        le=1024,
        description="Threads ONNX Runtime uses inside one run. Always explicit: its own default counts the host's "
        "cores, not the container's.",
    )
    gpu_fault: Literal["retry", "cpu"] = Field(
        "retry",
        description="When a GPU fails, answers are 503 while the model is built anew; where that fails too, `cpu` "
        "builds it on the CPU, and `retry` goes on trying.",
    )
    precision: Literal["auto", "float32", "float16"] = Field(
        "auto",
        description="`auto` runs 8-bit integers on the CPU where a model has them (`glyphvae quantise`), "
        "`float16` decoders in half precision on a GPU likewise; `float32` does neither. "
        "Classifiers are in integers in any case.",
    )
    gpu_graphs: Literal["on", "off"] = Field(
        "on", description="Capture the kernels of a run as a CUDA graph and replay it, on a GPU."
    )
    gpu_rows: int = Field(
        0,
        ge=0,
        description="On a GPU, rows from which on a batch runs there rather than on the CPU; 0 measures it at the "
        "start.",
    )
    tensorrt: Literal["on", "off"] = Field(
        "off", description="On a GPU, let TensorRT compile the models, in half precision where that is faster."
    )
    max_body_bytes: int = Field(16 * MEBIBYTE, ge=1024, description="Largest request body, in bytes.")
    max_images: int = Field(1024, ge=1, description="Most images in one request.")
    max_image_pixels: int = Field(
        16_000_000, ge=784, description="Most pixels in one uploaded image, checked before it is decoded."
    )
    max_total_pixels: int = Field(
        64_000_000, ge=784, description="Most pixels in all images of one request, checked before any is decoded."
    )
    max_json_bytes: int = Field(MEBIBYTE, ge=1024, description="Largest body in JSON, in bytes.")
    max_json_depth: int = Field(16, ge=4, le=512, description="Most lists and objects inside each other in JSON.")
    max_samples: int = Field(10_000, ge=1, description="Most glyphs in one answer of `/generate`.")
    max_dataset: int = Field(1_000_000, ge=1, description="Most glyphs in one answer of `/dataset`.")
    max_text_length: int = Field(10_000, ge=1, description="Most characters in one request to `/render-text`.")
    max_output_pixels: int = Field(64_000_000, ge=784, description="Most pixels in one image of an answer.")
    max_headers: int = Field(100, ge=16, description="Most headers of one request.")
    max_header_bytes: int = Field(32_768, ge=4096, description="Most bytes in the headers of one request.")
    max_query_bytes: int = Field(16_384, ge=256, description="Longest query string, in bytes.")
    keys: Path | None = Field(
        None, description="File of bearer keys (`glyphvae keys`); health checks aside, nothing opens without one."
    )
    rate_storage: str = Field(
        "memory://",
        pattern=r"^(memory://|rediss?://.+)$",
        description="Where the rates of keys are counted: `memory://` in each process, `redis://...` for all together.",
    )
    cors_origins: str = Field(
        "",
        pattern=r"^(\*|https?://[^/,\s*]+(,https?://[^/,\s*]+)*)?$",
        description="Origins whose pages may call the service, with commas between; `*` for any. Default: none.",
    )
    access_log: Literal["on", "off"] = Field(
        "off", description="One line a request: id, route, status, time, model, batch; never what was sent."
    )
    log_format: Literal["text", "json"] = Field("text", description="How log lines are written.")
    max_queued_requests: int = Field(
        512,
        ge=1,
        description="Most requests that wait to be started; more are answered with 429, and so is whoever would "
        "wait for half of `request_timeout`.",
    )
    max_queued_rows: int = Field(
        65_536,
        ge=1,
        description="Most glyphs in large calls that wait for a model; more are answered with 429. One request alone "
        "may exceed it.",
    )
    max_queued_bytes: int = Field(
        64 * MEBIBYTE,
        ge=1,
        description="Most bytes of bodies in memory, and of bodies and pictures (a byte a pixel) that wait for a "
        "thread; more are answered with 429. One request alone may exceed it.",
    )
    request_timeout: float = Field(
        5.0,
        gt=0,
        le=3600,
        description="Seconds that a request may queue and run, or a piece of a streamed answer; after them the answer "
        "is 503. The header `X-Request-Timeout` shortens it.",
    )
    trace_endpoint: str = Field(
        "",
        pattern=r"^(https?://.+)?$",
        description="Where OpenTelemetry traces go, as OTLP over HTTP, such as `http://collector:4318/v1/traces`; "
        "nowhere by default. Needs the extra `traces`.",
    )
    receive_timeout: float = Field(
        10.0,
        gt=0,
        le=3600,
        description="Seconds in which a request has to arrive, longer only as far as it arrives at 500 bytes a second; "
        "and in which some of an answer has to be taken.",
    )
    max_connections: int = Field(1000, ge=1, description="Most connections of one process.")
    drain_seconds: float = Field(
        1.0,
        ge=0,
        le=3600,
        description="Seconds between SIGTERM, from which on `/readyz` fails and answers close their connections, and "
        "the end of listening.",
    )
    grace_seconds: int = Field(
        20, ge=1, le=3600, description="Seconds that requests have to finish after the end of listening."
    )
    stalled_after: float = Field(
        10.0,
        ge=1,
        le=3600,
        description="Seconds without any progress of work that waits, after which the process counts as hanging: it is "
        "not ready, and one of several is ended and started anew.",
    )
    admin_port: int = Field(
        0, ge=0, le=65535, description="Port for health and `POST /reload`, apart from the service; 0 for none."
    )
    admin_host: str = Field("127.0.0.1", description="Address that the admin port listens on.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe log shown.")


def load_settings(**flags: object) -> Settings:
    """The settings from the environment, with `flags` over them.

    Raises:
        StartError: A value is not allowed; the message names the setting.
    """
    try:
        return Settings(**flags)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper().removeprefix("GLYPHVAE_")
        raise StartError(f"setting GLYPHVAE_{name}: {first['msg']} (got {first['input']!r})") from None


def markdown() -> str:
    """The documentation table, one row a setting."""
    rows = [
        "# Settings",
        "",
        "Written by `make openapi` from `service/glyphvae/settings.py`. A flag of `glyphvae serve` wins over the environment.",
        "",
        "| environment | flag | default | allowed | meaning |",
        "|---|---|---|---|---|",
    ]
    properties = Settings.model_json_schema()["properties"]
    for name, field in Settings.model_fields.items():
        default = "shipped models" if name == "models" else field.default if field.default not in {"", None} else "none"
        row = (f"`GLYPHVAE_{name.upper()}`", f"`--{name.replace('_', '-')}`", f"`{default}`")
        rows.append(f"| {' | '.join(row)} | {_allowed(properties[name])} | {field.description} |")
    return "\n".join([*rows, ""])


def _allowed(schema: dict[str, object]) -> str:
    if isinstance(choices := schema.get("enum"), list):
        return ", ".join(f"`{choice}`" for choice in choices)
    low, high = schema.get("minimum"), schema.get("maximum")
    if "exclusiveMinimum" in schema:
        return f"more than {schema['exclusiveMinimum']:g}, at most {high:g}"
    if low is None:
        return "path" if schema.get("format") == "path" else "text"
    return f"{low} to {high}" if high is not None else f"at least {low}"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(markdown(), encoding="utf-8")
