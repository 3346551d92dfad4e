#!/bin/sh
# SPDX-License-Identifier: EUPL-1.2
# Installs the locked sources of the shared style and scripts and builds them; `--check` compares instead.
set -eu
cd "$(dirname "$0")"
npm ci --omit=optional
exec node build.mjs "$@"
