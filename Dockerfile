# syntax=docker/dockerfile:1
# One image for every process; the command chooses which. `docker compose` shows how they are run.

# Pinned by tag. To pin by digest as well: --build-arg PYTHON_IMAGE=python:3.12-slim-bookworm@sha256:...
ARG PYTHON_IMAGE=python:3.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
RUN pip install --no-cache-dir --disable-pip-version-check uv==0.13.8
WORKDIR /src
# What changes seldom comes first, so that a change of the code installs the code alone.
COPY requirements.lock ./
COPY infra/docker infra/docker
RUN sh infra/docker/dependencies.sh /src /opt/contex
COPY . .
RUN sh infra/docker/install.sh /src /opt/contex

FROM ${PYTHON_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Contex" \
      org.opencontainers.image.description="Routes versioned values to the agents that need them, by meaning, over Apache Kafka." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN groupadd --gid 10001 contex \
 && useradd --uid 10001 --gid contex --no-create-home --home-dir /tmp --shell /usr/sbin/nologin contex
COPY --from=build /opt/contex /opt/contex
# Nothing is written but to /tmp: the root file system may be read-only.
ENV PATH=/opt/contex/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CONTEX_HOST=0.0.0.0 \
    CONTEX_LOG_FORMAT=json
USER 10001:10001
WORKDIR /tmp
EXPOSE 8000 9100
STOPSIGNAL SIGTERM
# Asks the port that the process was given: CONTEX_HEALTH_PORT of a worker, CONTEX_PORT of a gateway.
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-m", "contex.telemetry.probe"]
# The others: python -m workers.routing, python -m workers.webhooks, contex topics apply.
CMD ["python", "-m", "gateway"]
