#!/usr/bin/env bash
# SPDX-License-Identifier: EUPL-1.2
# Makes everything that compose.yaml needs for a rehearsal on one machine: rehearse.sh CHAIN_ID [FOLDER]
# In production nobody has all keys: each operator makes its own and hands over the public half (README.md).
set -euo pipefail
[ "$#" -ge 1 ] || { echo "usage: rehearse.sh CHAIN_ID [FOLDER]" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-$here/../../.venv/bin/python}
[[ $1 =~ ^[1-9][0-9]{0,15}$ ]] || { echo "rehearse.sh: CHAIN_ID is a whole number from 1 on, got: $1" >&2; exit 2; }
chain_id=$1 folder=${2:-$here/network}
[ ! -e "$folder/genesis.json" ] || { echo "$folder has a network already" >&2; exit 1; }
mkdir -p "$folder"

keys=() nodes=() last=11
for name in validator1 validator2 validator3 validator4 regular; do
  key=$("$python" -m ledger.chain.genesis new-key "$folder/$name.key" | sed -n 's/^public key *//p')
  [ "$name" = regular ] || keys+=("$key")
  nodes+=("$key@172.28.20.$last:30303")
  last=$((last + 1))
done
"$python" -m ledger.chain.genesis make --chain-id "$chain_id" "${keys[@]}" > "$folder/genesis.json.new"
"$python" -m ledger.chain.genesis static-nodes "${nodes[@]}" > "$folder/static-nodes.json"
# last and whole: where it is, a network is
mv "$folder/genesis.json.new" "$folder/genesis.json"
echo "genesis $(sha256sum < "$folder/genesis.json" | cut -d' ' -f1)"
