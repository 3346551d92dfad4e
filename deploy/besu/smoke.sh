#!/usr/bin/env bash
# SPDX-License-Identifier: EUPL-1.2
# Asks one node whether it can carry the ledger: smoke.sh URL CHAIN_ID. Needs curl and python3, changes nothing.
#   CONTRACT=0x…    also: the ConsentLedger's code is there
#   VALIDATORS=4    also: the newest block names this many validators and is sealed by two thirds of them
# Exit status: 0 everything holds, 1 something does not, 2 wrong use.
set -euo pipefail
[ "$#" -eq 2 ] || { echo "usage: smoke.sh URL CHAIN_ID" >&2; exit 2; }
url=$1 chain_id=$2

call() { # METHOD PARAMS: print the result as compact JSON
  local answer
  answer=$(curl --silent --show-error --max-time 10 --noproxy '*' -H 'Content-Type: application/json' \
    --data "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"$1\",\"params\":$2}" "$url") || fail "$1: no answer from $url"
  python3 -c '
import json, sys
answer = json.loads(sys.argv[1])
if "error" in answer:
    sys.exit("the node answered: %s" % answer["error"].get("message"))
print(json.dumps(answer["result"]))' "$answer" || fail "$1 is not answered"
}

fail() { printf 'NO   %s\n' "$1" >&2; exit 1; }
ok() { printf 'ok   %s\n' "$1"; }

found=$(call eth_chainId '[]')
found=$((${found//\"/}))
[ "$found" = "$chain_id" ] || fail "chain number: expected $chain_id, the node is on $found"
ok "chain number $found"

[ "$(call eth_syncing '[]')" = false ] || fail "the node is still catching up"
ok "not catching up"

peers=$(call net_peerCount '[]')
[ "$((${peers//\"/}))" -ge 1 ] || fail "the node has no peers"
ok "$((${peers//\"/})) peers"

# blocks come while two thirds of the validators run; twenty tries of one second are several block periods
first=$(call eth_blockNumber '[]')
for _ in $(seq 20); do
  last=$(call eth_blockNumber '[]')
  [ "$last" != "$first" ] && break
  sleep 1
done
[ "$last" != "$first" ] || fail "no new block in twenty seconds: is the quorum lost?"
ok "new blocks come, newest $((${last//\"/}))"

block=$(call eth_getBlockByNumber '["latest", false]')
python3 - "$block" "${VALIDATORS:-}" << 'PYTHON' || fail "the newest block is not of such a network"
import json
import sys

block, expected = json.loads(sys.argv[1]), sys.argv[2]
MARK = "0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365"


def items(data):
    """Return the items of an RLP list, each as (is_list, content)."""
    found = []
    while data:
        first = data[0]
        if first < 0x80:
            start, size = 0, 1
        elif first < 0xB8:
            start, size = 1, first - 0x80
        elif first < 0xC0:
            start = 1 + first - 0xB7
            size = int.from_bytes(data[1:start], "big")
        elif first < 0xF8:
            start, size = 1, first - 0xC0
        else:
            start = 1 + first - 0xF7
            size = int.from_bytes(data[1:start], "big")
        found.append((first >= 0xC0, data[start : start + size]))
        data = data[start + size :]
    return found


if int(block.get("baseFeePerGas") or "0x0", 16) != 0:
    sys.exit("the base fee is not zero")
print("ok   no base fee")
if block["mixHash"] != MARK:
    sys.exit("the newest block is not in QBFT form" if expected else 0)
((_, extra),) = items(bytes.fromhex(block["extraData"][2:]))
parts = items(extra)
validators, seals = len(items(parts[1][1])), len(items(parts[4][1]))
if expected and validators != int(expected):
    sys.exit(f"expected {expected} validators, the block names {validators}")
if 3 * seals < 2 * validators:
    sys.exit(f"{seals} seals of {validators} validators are no quorum")
print(f"ok   {seals} seals of {validators} validators")
PYTHON

if [ -n "${CONTRACT:-}" ]; then
  code=$(call eth_getCode "[\"$CONTRACT\", \"latest\"]")
  [ "${#code}" -gt 6 ] || fail "no contract at $CONTRACT"
  ok "a contract is at $CONTRACT"
fi

# what the ledger asks besides
call eth_getLogs "[{\"fromBlock\": $last, \"toBlock\": $last}]" > /dev/null
ok "eth_getLogs answers"
echo "smoke test passed"
