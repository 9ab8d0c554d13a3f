#!/bin/sh
# Judges the OpenAPI document. The caller has installed the tools: `npm ci` in this folder, and
# requirements.txt with pip.
set -eu
cd "$(dirname "$0")/.."
document=openapi/openapi.json
PATH="$PWD/ci/node_modules/.bin:$PATH"
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true

spectral lint --ruleset ci/spectral.yaml --fail-severity hint "$document"
redocly lint --config ci/redocly.yaml "$document"
python3 -m openapi_spec_validator "$document"
