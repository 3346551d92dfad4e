#!/usr/bin/env node
// SPDX-License-Identifier: EUPL-1.2
// What forge calls as its compiler: the npm compiler that the contracts are built with, as a command.
// Answers --version, and --standard-json from standard input; everything else is refused. SOLC_FOLDER is contracts/.
"use strict";
const path = require("node:path");
const fs = require("node:fs");
const solc = require(path.join(process.env.SOLC_FOLDER, "node_modules", "solc"));
const given = process.argv.slice(2);
if (given.includes("--version")) {
  // forge reads the version from this line, and knows native compilers only
  const version = solc.version().replace(".Emscripten.clang", ".Linux.g++");
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${version}\n`);
} else if (given.includes("--standard-json")) {
  process.stdout.write(solc.compile(fs.readFileSync(0, "utf8")));
} else {
  process.stderr.write("only --version and --standard-json\n");
  process.exit(1);
}
