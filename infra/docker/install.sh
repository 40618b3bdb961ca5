#!/bin/sh
# Puts Contex itself where dependencies.sh has put what it needs: install.sh SOURCE TARGET
set -eu
uv pip install --quiet --python "$2" --no-deps "$1"
