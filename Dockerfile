# The service in a container: `docker build -t signwrite .`, docs/containers.md says how to run it.
#
# RUNTIME is what runs the model: `openvino` (a CPU, the smallest image), `cpu` (TensorFlow beside
# it) or `gpu` (TensorFlow with CUDA). A base image with Python 3.11 or 3.12 will do.
ARG BASE=docker.io/library/debian:bookworm-slim
ARG RUNTIME=openvino

FROM ${BASE} AS base
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/*
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 DEBIAN_FRONTEND=noninteractive

# --- what installs; it stays behind, and so do compilers ------------------------------------------
FROM base AS pip
RUN apt-get update && apt-get install --yes --no-install-recommends python3-pip python3-venv
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore

# --- the packages that serve, by hash -------------------------------------------------------------
FROM pip AS packages
RUN python3 -m venv --without-pip /opt/venv
ARG RUNTIME
COPY requirements/serve-${RUNTIME}.txt /tmp/lock.txt
RUN python3 -m pip --python /opt/venv/bin/python install \
      --require-hashes --no-deps --only-binary :all: --no-compile -r /tmp/lock.txt \
 && find /opt/venv -depth -type d \( -path '*/numpy/*' -name tests -o -path '*/numpy/*' -name test \
      -o -name __pycache__ -o -path '*/tensorflow/include' \) -exec rm -rf {} +

# --- the model, built from the shipped weights with the pipeline ---------------------------------
FROM pip AS model
COPY requirements/run-cpu.txt /tmp/run.txt
RUN python3 -m venv --without-pip /opt/run \
 && python3 -m pip --python /opt/run/bin/python install \
      --require-hashes --no-deps --only-binary :all: --no-compile -r /tmp/run.txt
WORKDIR /src
COPY pipeline pipeline
COPY signwrite signwrite
COPY models/asl-letters models/asl-letters
RUN /opt/run/bin/python -c "from pipeline.cli import main; main()" \
      export models/asl-letters --out /srv/model

# --- what runs -----------------------------------------------------------------------------------
FROM base
RUN useradd --uid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin signwrite
COPY --from=packages /opt/venv /opt/venv
COPY --from=model /srv/model /srv/model
WORKDIR /srv
COPY signwrite signwrite
COPY service service
# /tmp is all that it writes to: mount it as tmpfs, and the root read-only.
ENV PATH=/opt/venv/bin:$PATH \
    SIGNWRITE_BUNDLE=/srv/model \
    BENTOML_HOME=/tmp/bentoml BENTOML_DO_NOT_TRACK=True \
    XDG_CACHE_HOME=/tmp/cache HOME=/tmp TF_CPP_MIN_LOG_LEVEL=2 \
    SIGNWRITE_LOG_FORMAT=json
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="signwrite" \
      org.opencontainers.image.description="Reads American Sign Language from video: a clip in, ranked signs out." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
USER 10001:10001
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python3", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:3000/readyz', timeout=4)"]
ENTRYPOINT ["python3", "-m", "bentoml", "serve", "service.app:SignWrite", "--host", "0.0.0.0", "--port", "3000"]
