// Reads workflow and action files, and evaluates expressions, with GitHub's own packages. One request a line of
// standard input, its answer a line of standard output, both JSON; github.py is the other end.
//
//   {"read": {"root": "…", "path": ".github/workflows/push.yml"}} -> {"errors": ["…"], "document": {…}}
//   {"evaluate": {"expression": "…", "contexts": {…}, "status": "success", "files": {"pattern": "digest"}}}
//     -> {"value": …}, or {"failure": "…"}
//
// In a document every expression is {"$expression": "…"}, text around one being part of it as `format(…)`, and each
// `if` says which status it wants, as GitHub adds it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { data, Evaluator, Lexer, Parser } from "@actions/expressions";
import {
  convertWorkflowTemplate,
  isBasicExpression,
  isMapping,
  isSequence,
  NoOperationTraceWriter,
  parseWorkflow,
} from "@actions/workflow-parser";
import { convertActionTemplate, parseAction } from "@actions/workflow-parser/actions/index";
import { ensureStatusFunction } from "@actions/workflow-parser/model/converter/if-condition";

const STATUSES = {
  success: { success: true, failure: false, cancelled: false, always: true },
  failure: { success: false, failure: true, cancelled: false, always: true },
  cancelled: { success: false, failure: false, cancelled: true, always: true },
  skipped: { success: false, failure: false, cancelled: false, always: true }, // a job that this one waits for was
};

function plain(token, key) {
  if (isMapping(token)) {
    return Object.fromEntries([...token].map((pair) => [pair.key.toString(), plain(pair.value, pair.key.toString())]));
  }
  if (isSequence(token)) return [...token].map((item) => plain(item));
  const expression = isBasicExpression(token) ? token.expression : undefined;
  if (key === "if") return { $expression: ensureStatusFunction(expression ?? `${token}`.trim(), token.definitionInfo) };
  return expression === undefined ? (token.value ?? null) : { $expression: expression };
}

async function read({ root, path }) {
  const file = { name: path, content: readFileSync(join(root, path), "utf8") };
  const isAction = !path.startsWith(".github/workflows/");
  const { context, value } = (isAction ? parseAction : parseWorkflow)(file, new NoOperationTraceWriter());
  if (value !== undefined && isAction) convertActionTemplate(context, value);
  if (value !== undefined && !isAction) {
    const load = async (other) => ({ name: other.path, content: readFileSync(join(root, other.path), "utf8") });
    await convertWorkflowTemplate(context, value, { getFileContent: load }, { fetchReusableWorkflowDepth: 1 });
  }
  const errors = context.errors.getErrors().map((error) => error.message);
  return { errors, document: errors.length > 0 ? null : plain(value) };
}

function evaluate({ expression, contexts, status, files }) {
  const functions = Object.entries(STATUSES[status]).map(([name, value]) => ({
    name,
    minArgs: 0,
    maxArgs: 0,
    call: () => new data.BooleanData(value),
  }));
  const digests = (...patterns) => patterns.map((pattern) => files[pattern.coerceString()] ?? "").join("");
  const hashFiles = (...patterns) => new data.StringData(digests(...patterns));
  functions.push({ name: "hashfiles", minArgs: 1, maxArgs: 255, call: hashFiles });
  const tree = new Parser(new Lexer(expression).lex().tokens, Object.keys(contexts), functions).parse();
  const known = JSON.parse(JSON.stringify(contexts), data.reviver);
  const answer = new Evaluator(tree, known, new Map(functions.map((each) => [each.name, each]))).evaluate();
  return { value: JSON.parse(JSON.stringify(answer, data.replacer)) };
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = request.read ? await read(request.read) : evaluate(request.evaluate);
  } catch (error) {
    answer = { failure: error.message };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
