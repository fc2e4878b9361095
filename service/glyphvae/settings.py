"""Settings of the service, from `GLYPHVAE_*` environment variables or from flags of `glyphvae serve`.

`python -m glyphvae.settings FILE` writes the table in docs/settings.md.
"""

import re
import sys
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from glyphvae.errors import StartError
from glyphvae.wording import Pattern

# The shipped models are inside the package if it is installed, else beside it in the sources.
_PACKAGE = Path(__file__).resolve().parent
_PACKAGED = _PACKAGE / "exported"
SHIPPED_MODELS = _PACKAGED if _PACKAGED.is_dir() else _PACKAGE.parent.parent / "exported"

MEBIBYTE = 1 << 20

# A path without a slash at its end, of characters that need no escapes; empty for none.
ROOT_PATH = r"^(/[A-Za-z0-9._~-]+)*$"
PREFIX = "GLYPHVAE_"
# Kubernetes and Docker tell containers where others listen; for a Service `glyphvae`, GLYPHVAE_PORT is such a value.
LINK = re.compile(r"(tcp|udp|sctp)://")


class _Environment(EnvSettingsSource):
    """The environment without the addresses of other containers."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        value, key, is_complex = super().get_field_value(field, field_name)
        return None if LINK.match(value or "") else value, key, is_complex


class Settings(BaseSettings):
    """Settings of the service; a value out of range stops the start."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid", use_attribute_docstrings=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (pydantic passes them by name)
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources of settings, the first of which precedes the others."""
        return init_settings, _Environment(settings_cls)

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    unix_socket: Path | None = None
    """Unix domain socket to listen on instead of `host` and `port`. Whoever may enter its folder may connect."""
    tls_cert: Path | None = None
    """File of the certificate, and of those that it is signed by, in PEM. If set, the service speaks HTTPS alone. A
    reload reads it anew."""
    tls_key: Path | None = None
    """File of the certificate's private key, in PEM and without a password. Default: it is in the file of the
    certificate."""
    root_path: Annotated[
        str, Pattern(ROOT_PATH, "a path such as /handwriting, without a slash at its end, or empty")
    ] = ""
    """Path that a proxy serves the service under, such as `/handwriting`, whether the proxy strips it or not."""
    trusted_proxies: str = ""
    """Comma-separated addresses and networks of proxies whose `X-Forwarded-For`, `-Proto` and `-Prefix` are believed;
    `unix` for whoever connects through the Unix domain socket, `*` for anybody. Default: none."""
    workers: int = Field(1, ge=1, le=256, description="Server processes.")
    models: Path = SHIPPED_MODELS
    """Folder of exported models; an empty one stands for the shipped models, until it has some. Default: the shipped
    models."""
    models_key: Path | None = None
    """File of the key that every manifest must be signed with (`glyphvae sign`)."""
    default_model: str = "pen"
    """Model for requests that name none. If it is not set and the folder holds a single model, that one is used."""
    preload: str = ""
    """Models to load at startup besides the default one: comma-separated names, or `all`. The others are verified at
    startup and loaded on first use."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """`auto` uses CUDA if it works and the CPU otherwise; `cuda` refuses to start without CUDA."""
    threads: int = Field(1, ge=1, le=1024)
    """Threads that ONNX Runtime uses within one run. ONNX Runtime's own default is never used, because it counts the
    cores of the host, not of the container."""
    gpu_fault: Literal["retry", "cpu"] = "retry"
    """After a GPU failure, responses are 503 while the model is rebuilt. If that fails too, `cpu` builds it on the CPU,
    and `retry` keeps trying the GPU."""
    precision: Literal["auto", "float32", "float16"] = "auto"
    """`auto` uses 8-bit integers on the CPU if the model has them (`glyphvae quantise`); `float16` uses half-precision
    decoders on a GPU if the model has them; `float32` uses neither. Classifiers always use 8-bit integers."""
    gpu_graphs: Literal["on", "off"] = "on"
    """On a GPU, capture the kernels of a run as a CUDA graph and replay it."""
    gpu_rows: int = Field(0, ge=0)
    """On a GPU, the smallest batch that runs on it, in rows; smaller ones run on the CPU. 0 measures the best value at
    startup."""
    tensorrt: Literal["on", "off"] = "off"
    """On a GPU, let TensorRT compile the models, in half precision where that is faster."""
    max_body_bytes: int = Field(16 * MEBIBYTE, ge=1024, description="Maximum size of a request body, in bytes.")
    max_images: int = Field(1024, ge=1, description="Maximum number of images in one request.")
    max_image_pixels: int = Field(16_000_000, ge=784)
    """Maximum pixels of one uploaded image, checked before it is decoded."""
    max_total_pixels: int = Field(64_000_000, ge=784)
    """Maximum pixels of all images in one request, checked before any is decoded."""
    max_json_bytes: int = Field(MEBIBYTE, ge=1024, description="Maximum size of a JSON body, in bytes.")
    max_json_depth: int = Field(16, ge=4, le=512, description="Maximum JSON nesting depth.")
    max_samples: int = Field(10_000, ge=1, description="Maximum number of glyphs in one response of `/generate`.")
    max_dataset: int = Field(1_000_000, ge=1, description="Maximum number of glyphs in one response of `/dataset`.")
    max_text_length: int = Field(10_000, ge=1, description="Maximum number of characters in one text.")
    max_output_pixels: int = Field(64_000_000, ge=784, description="Maximum pixels of one image in a response.")
    max_headers: int = Field(100, ge=16, description="Maximum number of headers in one request.")
    max_header_bytes: int = Field(32_768, ge=4096, description="Maximum size of the headers of one request, in bytes.")
    max_query_bytes: int = Field(16_384, ge=256, description="Maximum length of the query string, in bytes.")
    model_control: Literal["none", "explicit"] = "none"
    """`explicit` lets clients of the Open Inference Protocol load and unload models; where `keys` is set, those whose
    key has `/v2/repository`, or a path below it, among its routes. Needs one server process."""
    keys: Path | None = None
    """File of bearer keys (`glyphvae keys`). If set, every request except health checks needs a key."""
    rate_storage: Annotated[str, Pattern(r"^(memory://|rediss?://.+)$", "memory://, redis://... or rediss://...")] = (
        "memory://"
    )
    """Storage of the keys' rate counters: `memory://` counts in each process, `redis://...` across all of them."""
    cors_origins: Annotated[
        str,
        Pattern(
            r"^(\*|https?://[^/,\s*]+(,https?://[^/,\s*]+)*)?$",
            "* or origins as https://example.org, with commas and no spaces between, or empty",
        ),
    ] = ""
    """Comma-separated origins whose pages may call the service, or `*` for any. Default: none."""
    access_log: Literal["on", "off"] = "off"
    """Log one line per request: id, route, status, duration, model, batch, client and trace, but never its content."""
    log_format: Literal["text", "json"] = Field("text", description="Format of log lines.")
    max_queued_requests: int = Field(512, ge=1)
    """Maximum number of small images that wait to be started. Other requests count by their cost: a glyph a quarter, a
    text or anything larger four. Further requests get a 429, and so do requests that would wait longer than half of
    `request_timeout`."""
    max_queued_rows: int = Field(65_536, ge=1)
    """Maximum number of glyphs in large batches that wait for a model. Further requests get a 429. A single request may
    exceed the limit if nothing else waits."""
    max_queued_bytes: int = Field(64 * MEBIBYTE, ge=1)
    """Maximum bytes of request bodies in memory, and of the work that waits for a worker thread (bytes to read, and a
    quarter for each pixel to decode). Further requests get a 429. A single request may exceed the limit if nothing else
    waits."""
    max_held_bytes: int = Field(224 * MEBIBYTE, ge=MEBIBYTE)
    """Maximum bytes of memory that decoding uploads and drawing pictures may hold at once. Further work waits in its
    thread, and a request that would need more alone is refused. The default is enough for a WebP photo of 12
    megapixels."""
    max_unsent_bytes: int = Field(64 * MEBIBYTE, ge=1)
    """Maximum bytes of responses over 64 kB that wait for their clients to read them; of a response that is made in
    pieces, those of one. Further requests for such responses get a 429. A single response may exceed the limit if no
    other waits."""
    request_timeout: float = Field(5.0, gt=0, le=3600)
    """Seconds that a request, or one chunk of a streamed response, may queue and run before it fails with 503. The
    header `X-Request-Timeout` shortens it."""
    trace_endpoint: Annotated[str, Pattern(r"^(https?://.+)?$", "an address that begins with http(s)://, or empty")] = (
        ""
    )
    """URL that OpenTelemetry traces are sent to, as OTLP over HTTP, such as `http://collector:4318/v1/traces`. Default:
    no traces. Needs the extra `traces`."""
    receive_timeout: float = Field(10.0, gt=0, le=3600)
    """Seconds in which a request must arrive, or grow by 500 bytes for each. A connection is also closed if its client,
    in three times as long, acknowledges fewer than 500 bytes of a response for each second. While half of
    `max_queued_bytes` or `max_unsent_bytes` is taken, 32,000 bytes instead of 500 are asked of those that hold more
    than 64 kB of it."""
    max_connections: int = Field(1000, ge=1)
    """Maximum number of connections of one process; fewer if it may not open 64 files more than that."""
    drain_seconds: float = Field(1.0, ge=0, le=3600)
    """Seconds that the service keeps accepting connections after SIGTERM. Meanwhile `/readyz` fails and each response
    closes its connection."""
    grace_seconds: int = Field(20, ge=1, le=3600)
    """Seconds that running requests have to finish after the service stops listening."""
    stalled_after: float = Field(10.0, ge=1, le=3600)
    """Seconds without progress on queued work after which a process counts as hanging: it is no longer ready, and if
    there are several processes it is restarted."""
    grpc_port: int = Field(0, ge=0, le=65535)
    """Separate port for the Open Inference Protocol over gRPC, on `host`; 0 for none. Needs the extra `grpc`."""
    admin_port: int = Field(0, ge=0, le=65535)
    """Separate port for health checks, metrics and `POST /reload`; 0 for none."""
    admin_host: str = Field("127.0.0.1", description="Address that the admin port listens on.")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Lowest severity of the log messages to show."""

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies_are_known(cls, proxies: str) -> str:
        for name in proxies.split(",") if proxies else ():
            if name.strip() not in {"*", "unix"}:
                ip_network(name.strip())  # its error names what is wrong
        return proxies

    @field_validator("tls_key")
    @classmethod
    def _a_key_is_of_a_certificate(cls, key: Path | None, others: ValidationInfo) -> Path | None:
        if key is not None and others.data.get("tls_cert") is None:
            raise ValueError("tls_cert is not set")
        return key

    @field_validator("model_control")
    @classmethod
    def _one_process_is_controlled(cls, control: str, others: ValidationInfo) -> str:
        if control == "explicit" and others.data.get("workers", 1) > 1:
            raise ValueError("workers is not 1, and each would have models of its own")
        return control


for _field in Settings.model_fields.values():
    _field.description = " ".join((_field.description or "").split())  # docstrings are wrapped


def load_settings(**flags: object) -> Settings:
    """Read the settings from the environment; `flags` that are not None take precedence.

    Raises:
        StartError: A value is not allowed; the message names the setting.
    """
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper().removeprefix(PREFIX)
        raise StartError(f"setting {PREFIX}{name}: {first['msg']} (got {first['input']!r})") from None


def markdown() -> str:
    """Return the documentation page, a table with one row per setting."""
    rows = [
        "# Settings",
        "",
        "Written by `make openapi` from `service/glyphvae/settings.py`. A flag of `glyphvae serve` takes precedence",
        "over the environment variable. An empty variable stands for the default, and so does an address that",
        "Kubernetes or Docker put there (`GLYPHVAE_PORT=tcp://…`, for a service named `glyphvae`). Of each other",
        "`GLYPHVAE_*` variable that is no setting, the log warns at the start.",
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
