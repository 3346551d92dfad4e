// SPDX-License-Identifier: EUPL-1.2
// merkletreejs, asked line by line over standard input: {"leaves": N} builds a tree of N random entries of 32 bytes
// and answers {"wall": s, "cpu": s, "root": hex}. The entries are made before the clocks run; hashing them is part of it.
import { createHash, randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { MerkleTree } from "merkletreejs";

const sha256 = (data) => createHash("sha256").update(data).digest();

function build({ leaves }) {
  const entries = Array.from({ length: leaves }, () => randomBytes(32));
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  const root = new MerkleTree(entries.map(sha256), sha256).getHexRoot();
  const wall = Number(process.hrtime.bigint() - start) / 1e9;
  const { user, system } = process.cpuUsage(cpu);
  return { wall, cpu: (user + system) / 1e6, root };
}

for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(build(JSON.parse(line))));
