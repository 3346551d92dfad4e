#!/usr/bin/env bash
# SPDX-License-Identifier: EUPL-1.2
# Builds the engine of the network test, GoQuorum 22.7.4, from the Go module proxy: build/network/geth.
# Kept while go.mod, go.sum, this script and the compiler stay the same. Needs Go 1.24 or newer and a C compiler.
set -euo pipefail
cd "$(dirname "$0")"
out=$(cd ../../.. && pwd)/build/network
export PATH="$PATH:/usr/local/go/bin" GOTOOLCHAIN=local GOFLAGS=-mod=readonly
command -v go > /dev/null || { echo "no engine: Go is needed to build it (go.mod), and is not there" >&2; exit 1; }
command -v cc > /dev/null || { echo "no engine: a C compiler is needed to build it, and is not there" >&2; exit 1; }
wanted=$(cat go.mod go.sum build.sh <(go version) | sha256sum)
if [ -x "$out/geth" ] && [ "$(cat "$out/geth.of" 2> /dev/null)" = "$wanted" ]; then
  echo "engine: $out/geth is there"
  exit 0
fi
mkdir -p "$out"
started=$SECONDS
# one old dependency names a function of the runtime that the linker hides since Go 1.23; nothing calls it here
go build -trimpath -ldflags=-checklinkname=0 -o "$out/geth" github.com/ethereum/go-ethereum/cmd/geth \
  || { echo "no engine: the build failed, see above and docs/network.md" >&2; exit 1; }
# taken whole: a reader that ends at the first match would end the writer too
version=$("$out/geth" version)
[[ $version == *'Quorum Version: 22.7.4'* ]] || { echo "no engine: another version was built" >&2; exit 1; }
printf '%s\n' "$wanted" > "$out/geth.of"
echo "engine: built in $((SECONDS - started)) s"
