#!/usr/bin/env node
// Extracts from GitHub's OpenAPI description what this module's tests validate with: the operations of GitHub Apps and
// those on a repository's git, the webhooks about installations, and all they refer to, as names and types only. It prints JSON with one operation
// or schema a line, so that a newer version shows as a short difference.
//
//   node testdata/extract.mjs 23.0.2 > testdata/openapi.json
//
// The argument is the version of the npm package @octokit/openapi, which npm fetches into a temporary folder.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// GitHub Enterprise Cloud's description is that of github.com and the routes of enterprises.
const FILE = "ghec.json";

const OPERATIONS = {
  "/": ["get"],
  "/app": ["get"],
  "/app/installations": ["get"],
  "/app/installations/{installation_id}": ["get", "delete"],
  "/app/installations/{installation_id}/access_tokens": ["post"],
  "/app/installations/{installation_id}/suspended": ["put", "delete"],
  "/apps/{app_slug}": ["get"],
  "/enterprises/{enterprise}/installation": ["get"],
  "/installation/repositories": ["get"],
  "/installation/token": ["delete"],
  "/orgs/{org}/installation": ["get"],
  "/rate_limit": ["get"],
  "/repos/{owner}/{repo}": ["get"],
  "/repos/{owner}/{repo}/branches": ["get"],
  "/repos/{owner}/{repo}/branches/{branch}": ["get"],
  "/repos/{owner}/{repo}/contents/{path}": ["get", "put", "delete"],
  "/repos/{owner}/{repo}/git/matching-refs/{ref}": ["get"],
  "/repos/{owner}/{repo}/git/ref/{ref}": ["get"],
  "/repos/{owner}/{repo}/git/refs": ["post"],
  "/repos/{owner}/{repo}/git/refs/{ref}": ["patch", "delete"],
  "/repos/{owner}/{repo}/installation": ["get"],
  "/repos/{owner}/{repo}/issues/{issue_number}/comments": ["get", "post"],
  "/repos/{owner}/{repo}/merges": ["post"],
  "/repos/{owner}/{repo}/pulls": ["get", "post"],
  "/repos/{owner}/{repo}/pulls/{pull_number}": ["get"],
  "/repos/{owner}/{repo}/pulls/{pull_number}/merge": ["put"],
  "/repos/{owner}/{repo}/pulls/{pull_number}/update-branch": ["put"],
  "/repos/{owner}/{repo}/readme": ["get"],
  "/repos/{owner}/{repo}/releases": ["post"],
  "/user": ["get"],
  "/users/{username}": ["get"],
  "/users/{username}/installation": ["get"],
};
const WEBHOOKS = [
  "installation-created",
  "installation-deleted",
  "installation-new-permissions-accepted",
  "installation-suspend",
  "installation-unsuspend",
  "installation-repositories-added",
  "installation-repositories-removed",
  "installation-target-renamed",
];

// Answers that operations share, whether or not they declare them.
const RESPONSES = ["bad_request", "forbidden", "not_found", "requires_authentication", "validation_failed", "validation_failed_simple"];

// What a schema keeps. Texts and examples are none of it.
const KEYWORDS = [
  "type", "nullable", "format", "enum", "pattern", "required", "minimum", "maximum", "minLength", "maxLength",
  "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties",
];

const source = load(process.argv[2]);
const wanted = { schemas: new Set(), responses: new Set(RESPONSES), parameters: new Set(), headers: new Set() };

const keep = { schemas: schema, responses: response, parameters: parameter, headers: header };
const paths = mapValues(OPERATIONS, (methods, path) =>
  Object.fromEntries(methods.map((method) => [method, operation(source.paths[path][method])])));
const webhooks = Object.fromEntries(WEBHOOKS.map((name) => [name, webhook(source["x-webhooks"][name].post)]));
const components = { responses: {}, parameters: {}, headers: {}, schemas: {} };
for (let before = -1, after = 0; before !== after; before = after, after = count(wanted)) { // what is kept may refer to more
  for (const kind of Object.keys(components)) {
    for (const name of wanted[kind]) {
      components[kind][name] ??= keep[kind](source.components[kind][name]);
    }
  }
}
print({
  openapi: source.openapi,
  info: { title: `@octokit/openapi ${process.argv[2]}, ${FILE}`, version: source.info.version },
  paths,
  components: mapValues(components, (group) => Object.fromEntries(Object.entries(group).sort(([a], [b]) => (a < b ? -1 : 1)))),
  "x-webhooks": webhooks,
});

function load(version) {
  if (!/^\d+\.\d+\.\d+$/.test(version ?? "")) {
    console.error("usage: node extract.mjs VERSION > openapi.json, VERSION being one of npm's @octokit/openapi");
    process.exit(2);
  }
  const folder = mkdtempSync(join(tmpdir(), "openapi-"));
  try {
    const run = (command, ...args) => execFileSync(command, args, { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
    run("npm", "pack", "--silent", `@octokit/openapi@${version}`);
    run("tar", "-xzf", `octokit-openapi-${version}.tgz`);
    return JSON.parse(readFileSync(join(folder, "package", "generated", FILE), "utf8"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function operation(o) {
  return {
    ...optional("parameters", o.parameters?.map(parameter)),
    ...optional("requestBody", o.requestBody && { ...optional("required", o.requestBody.required), content: content(o.requestBody.content) }),
    responses: mapValues(o.responses, response),
  };
}

// webhook is the schema of a delivery's JSON.
function webhook(o) {
  return schema(o.requestBody.content["application/json"].schema);
}

function response(r) {
  return reference("responses", r) ?? {
    description: "", // OpenAPI requires one
    ...optional("headers", r.headers && mapValues(r.headers, header)),
    ...optional("content", r.content && content(r.content)),
  };
}

// content drops what isn't JSON; nobody asks for it.
function content(types) {
  return { "application/json": { schema: schema(types["application/json"].schema) } };
}

function parameter(p) {
  return reference("parameters", p) ?? { name: p.name, in: p.in, ...optional("required", p.required), schema: schema(p.schema) };
}

function header(h) {
  return reference("headers", h) ?? { schema: schema(h.schema) };
}

function schema(s) {
  if (typeof s === "boolean") return s;
  return reference("schemas", s) ?? {
    ...Object.fromEntries(KEYWORDS.filter((keyword) => keyword in s).map((keyword) => [keyword, s[keyword]])),
    ...optional("properties", s.properties && mapValues(s.properties, schema)),
    ...optional("items", s.items && schema(s.items)),
    ...optional("additionalProperties", s.additionalProperties !== undefined ? schema(s.additionalProperties) : undefined),
    ...optional("not", s.not && schema(s.not)),
    ...["allOf", "anyOf", "oneOf"].reduce((all, of) => ({ ...all, ...optional(of, s[of]?.map(schema)) }), {}),
  };
}

// reference keeps a $ref and asks for what it names.
function reference(kind, value) {
  if (!value.$ref) return undefined;
  const [, group, name] = value.$ref.match(/^#\/components\/(\w+)\/(.+)$/);
  if (group !== kind) throw new Error(`${value.$ref} stands where one of ${kind} is expected`);
  wanted[kind].add(name);
  return { $ref: value.$ref };
}

function optional(name, value) {
  return value === undefined ? {} : { [name]: value };
}

function mapValues(object, change) {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value, name)]));
}

function count(sets) {
  return Object.values(sets).reduce((sum, set) => sum + set.size, 0);
}

// print writes what is two levels deep, or three below components, on lines of their own.
function print(document) {
  const lines = (object, depth) => "{\n" + Object.entries(object).map(([name, value]) =>
    JSON.stringify(name) + ": " + (depth(name) > 0 ? lines(value, () => depth(name) - 1) : JSON.stringify(value))).join(",\n") + "\n}";
  const depths = { paths: 1, components: 2, "x-webhooks": 1 };
  console.log(lines(document, (name) => depths[name] ?? 0));
}
