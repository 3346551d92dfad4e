// SPDX-License-Identifier: EUPL-1.2
// Builds what every page shares into protocol/runtime/static/, which is checked in, so that nobody needs Node to
// run the program. `node build.mjs --check` writes nothing and fails when a file differs from what it would write.
// The design system's images are not copied: they carry a crown, which is not ours to show.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as sass from "sass";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "node_modules");
const target = join(here, "..", "protocol", "runtime", "static");
const font = join(modules, "@fontsource-variable", "atkinson-hyperlegible-next");
const govuk = join(modules, "govuk-frontend", "dist", "govuk");

const style = sass.compile(join(here, "scss", "testimoni.scss"), {
  loadPaths: [modules],
  style: "compressed",
  charset: false,
  quietDeps: true,
  logger: { warn: (message) => { throw new Error(message); }, debug: () => {} },
});
const script = readFileSync(join(govuk, "govuk-frontend.min.js"), "utf8").replace(/\/\/# sourceMappingURL=.*\s*$/, "");

const files = {
  "testimoni.css": Buffer.from(`/* SPDX-License-Identifier: EUPL-1.2 AND MIT */\n${style.css}\n`),
  "vendor/govuk-frontend/govuk-frontend.min.js": Buffer.from(`${script}\n`),
  "vendor/govuk-frontend/LICENCE.txt": readFileSync(join(here, "licences", "govuk-frontend.txt")),
  "vendor/atkinson-hyperlegible-next/latin-wght-normal.woff2": readFileSync(
    join(font, "files", "atkinson-hyperlegible-next-latin-wght-normal.woff2"),
  ),
  "vendor/atkinson-hyperlegible-next/LICENCE.txt": readFileSync(join(font, "LICENSE")),
};

const check = process.argv.includes("--check");
let different = 0;
for (const [name, wanted] of Object.entries(files)) {
  const path = join(target, name);
  if (check) {
    let found = null;
    try {
      found = readFileSync(path);
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
    }
    if (found === null || !found.equals(wanted)) {
      console.error(`differs from what its sources give: ${name} (run make assets)`);
      different += 1;
    }
  } else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, wanted);
    console.log(`${String(wanted.length).padStart(7)} bytes  ${name}`);
  }
}
if (check && different === 0) console.log(`${Object.keys(files).length} files are what their sources give`);
process.exitCode = different === 0 ? 0 : 1;
