// What Cloudflare's and Netlify's own code makes of _headers and _redirects files.
//
// usage: node originals.mjs DIRECTORY <INPUT >OUTPUT    both are JSON; DIRECTORY has node_modules
//
// Cloudflare's parsers stand in wrangler's bundle, and what applies their rules in miniflare's. Neither is
// exported, so the part of the bundle between two comments is evaluated.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const modules = join(process.argv[2], "node_modules");

function between(file, from, to) {
  const text = readFileSync(join(modules, file), "utf8");
  const start = text.indexOf(`// ../workers-shared/${from}`);
  const end = text.indexOf(`// ../workers-shared/${to}`, start);
  if (start < 0 || end < 0) throw new Error(`wanted ${from} and ${to} in ${file}, found no such comment`);
  return text.slice(start, end);
}

function parsers() {
  const of = "utils/configuration";
  const text = between("wrangler/wrangler-dist/cli.js", `${of}/constants.ts`, `${of}/types.ts`);
  const started = [...text.matchAll(/var (init_\w+) = __esm/g)].map((found) => `${found[1]}();`);
  const names = "init_import_meta_url, __name, __esm";
  const make = new Function(names, `${text}\n${started.join("\n")}\nreturn { parseHeaders, parseRedirects };`);
  const esm = (parts) => () => Object.values(parts)[0]();
  return make(() => {}, (one) => one, esm);
}

function engine() {
  const of = "asset-worker/src";
  const file = "miniflare/dist/src/workers/assets/assets.worker.js";
  const text = between(file, `${of}/utils/rules-engine.ts`, `${of}/handler.ts`);
  const names = "REDIRECTS_VERSION, HEADERS_VERSION, mockJaegerBinding";
  const given = "{ attachCustomHeaders, generateRedirectsMatcher, staticRedirectsMatcher }";
  return new Function(names, `${text}\nreturn ${given};`)(1, 2, () => ({
    enterSpan: (_, run) => run({ addLogs() {}, setTags() {} }),
  }));
}

const { parseHeaders, parseRedirects } = parsers();
const { attachCustomHeaders, generateRedirectsMatcher } = engine();
const netlify = await import(
  pathToFileURL(createRequire(join(modules, "x")).resolve("@netlify/headers-parser")).href
);

// As wrangler hands rules to the worker.
function configured(rules) {
  const all = {};
  for (const { path, headers, unsetHeaders } of rules) {
    all[path] = { set: headers, unset: unsetHeaders };
  }
  return { headers: { version: 2, rules: all } };
}

function apply(configuration, { url, head }) {
  try {
    const response = new Response(null, { status: 200, headers: head });
    attachCustomHeaders(new Request(url), response, configuration, {});
    return Object.fromEntries(response.headers);
  } catch (error) {
    return { error: String(error) };
  }
}

function redirect(rules, url) {
  // Without a line on the path alone there are no static rules: all are asked in the order of the file.
  const all = Object.fromEntries(rules.map(({ from, to, status }) => [from, { to, status }]));
  const match = generateRedirectsMatcher({ redirects: { version: 1, rules: all } })({ request: { url } })[0];
  if (!match) return null;
  const asked = new URL(url);
  if (!URL.canParse(match.to, url)) return { error: match.to };
  const target = new URL(match.to, url);
  const query = target.search || asked.search;
  const own = target.origin === asked.origin;
  const path = own ? target.pathname : target.origin + target.pathname;
  return { status: match.status, target: path + query + (match.status === 200 ? "" : target.hash) };
}

const scratch = mkdtempSync(join(tmpdir(), "letterhead-originals-"));
async function ofNetlify(text) {
  const file = join(scratch, "_headers");
  writeFileSync(file, text);
  const { headers, errors } = await netlify.parseAllHeaders({ headersFiles: [file], minimal: true });
  return { rules: headers, errors: errors.map(String) };
}

const input = JSON.parse(readFileSync(0, "utf8"));
const output = { headers: [], redirects: [] };
for (const { text, asked } of input.headers) {
  const { rules, invalid } = parseHeaders(text);
  const configuration = configured(rules);
  const heads = asked.map((one) => apply(configuration, one));
  output.headers.push({ rules, invalid, heads, netlify: await ofNetlify(text) });
}
for (const { text, asked } of input.redirects) {
  const { rules, invalid } = parseRedirects(text, { htmlHandling: "none" });
  output.redirects.push({ rules, invalid, found: asked.map((url) => redirect(rules, url)) });
}
rmSync(scratch, { recursive: true });
process.stdout.write(JSON.stringify(output));
