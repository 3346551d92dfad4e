// SPDX-License-Identifier: EUPL-1.2
// Compiles Solidity's standard JSON from standard input to standard output with the locked npm compiler.
// Called by contracts/build.py; all sources are in the input, so nothing is looked up on disk.
"use strict";
const solc = require("solc");
const input = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const output = JSON.parse(solc.compile(JSON.stringify(input)));
process.stdout.write(JSON.stringify({ version: solc.version(), output }));
