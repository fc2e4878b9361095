# syntax=docker/dockerfile:1
# Targets: `cpu` (the default, last), `cuda`, and `train` (docker-compose.yml has a service for each). BASE is any image with Python 3.11 or newer as `python3` and venv.
#
# REVISION is the commit, for a label.
#
# Behind a mirror or a proxy with its own certificates, pass them to the build:
#   --build-arg PIP_INDEX_URL=… --build-arg UV_DEFAULT_INDEX=… --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt
ARG BASE=python:3.13-slim-bookworm

# Removed from the image: the tests of packages, and ONNX Runtime's tools for exporting from PyTorch.
# hadolint ignore=DL3006
FROM ${BASE} AS build
ARG PIP_INDEX_URL
ARG UV_DEFAULT_INDEX
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_NO_CACHE=1
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt PIP_CERT=/etc/ssl/certs/ca-certificates.crt
WORKDIR /src
COPY requirements/uv.txt requirements/
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt \
    python3 -m venv /uv && /uv/bin/pip install --no-cache-dir --require-hashes -r requirements/uv.txt

FROM build AS build-cpu
COPY requirements/serve-cpu.txt requirements/
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt \
    /uv/bin/uv venv --python python3 /opt/glyphvae \
 && VIRTUAL_ENV=/opt/glyphvae /uv/bin/uv pip install --require-hashes -r requirements/serve-cpu.txt
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY exported exported
COPY service service
RUN VIRTUAL_ENV=/opt/glyphvae /uv/bin/uv pip install --no-deps --no-build-isolation . ./service/glyphvae/client \
 && find /opt/glyphvae -type d \( -name tests -o -path '*/onnxruntime/transformers' \) -prune -exec rm -r {} +

FROM build AS build-cuda
COPY requirements/serve-gpu.txt requirements/
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt \
    /uv/bin/uv venv --python python3 /opt/glyphvae \
 && VIRTUAL_ENV=/opt/glyphvae /uv/bin/uv pip install --require-hashes -r requirements/serve-gpu.txt
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY exported exported
COPY service service
RUN VIRTUAL_ENV=/opt/glyphvae /uv/bin/uv pip install --no-deps --no-build-isolation . ./service/glyphvae/client \
 && find /opt/glyphvae -type d \( -name tests -o -path '*/onnxruntime/transformers' \) -prune -exec rm -r {} +

FROM build AS build-train
COPY requirements/train.txt requirements/
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt \
    /uv/bin/uv venv --python python3 /opt/glyphvae \
 && VIRTUAL_ENV=/opt/glyphvae /uv/bin/uv pip install --require-hashes -r requirements/train.txt
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY exported exported
COPY service service
COPY training training
RUN VIRTUAL_ENV=/opt/glyphvae /uv/bin/uv pip install --no-deps --no-build-isolation . ./service/glyphvae/client ./training

# hadolint ignore=DL3006
FROM ${BASE} AS runtime
ARG REVISION
# The last one names what the weights of the models were fitted to; NOTICE, in the packages' metadata, says more.
LABEL org.opencontainers.image.title="glyphvae" \
      org.opencontainers.image.description="A REST microservice that writes by hand." \
      org.opencontainers.image.version="0.2.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.url="https://github.com/glyphvae/glyphvae" \
      org.opencontainers.image.source="https://github.com/glyphvae/glyphvae" \
      org.opencontainers.image.documentation="https://github.com/glyphvae/glyphvae/tree/main/docs" \
      org.opencontainers.image.licenses="Apache-2.0 AND BSD-3-Clause AND OFL-1.1" \
      io.github.glyphvae.trained-on="MNIST (CC-BY-SA-3.0), EMNIST ByClass and A-Z CSV of NIST Special Database 19 (public domain), 62 handwriting fonts (OFL-1.1 or Apache-2.0), single-stroke fonts of hersheytext"
ENV PATH=/opt/glyphvae/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ORT_DISABLE_TELEMETRY=1 \
    GLYPHVAE_HOST=0.0.0.0
# For a volume of own models, which gets its owner from here when it is made. While the folder is empty, the shipped
# models are served.
RUN install -d -o 10001 -g 10001 /var/lib/glyphvae /var/lib/glyphvae/models
# A number, so that Kubernetes can verify that it is not root. Nothing is written, so the root may be read-only.
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
  CMD ["python3", "-m", "glyphvae.healthcheck"]
ENTRYPOINT ["glyphvae", "serve"]

# Runs and models are written to the working directory, caches of libraries to the home.
FROM runtime AS train
ENV HOME=/tmp
WORKDIR /var/lib/glyphvae
HEALTHCHECK NONE
COPY --from=build-train /opt/glyphvae /opt/glyphvae
ENTRYPOINT ["glyphvae"]
CMD ["train", "--data", "/data"]

FROM runtime AS cuda
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=build-cuda /opt/glyphvae /opt/glyphvae

FROM runtime AS cpu
COPY --from=build-cpu /opt/glyphvae /opt/glyphvae
