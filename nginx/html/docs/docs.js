// The reference: everything on it is made from ../openapi.json.
"use strict";

const JSON_TYPE = "application/json";
let api;
let base;

/** An element with attributes and children; a text child is text, never markup. */
function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) node.setAttribute(name, value);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

const code = (text) => el("code", null, text);

/** A description: blank lines part paragraphs, backticks mark code. */
function inline(text) {
  return text.split("`").map((part, i) => (i % 2 ? code(part) : part));
}
const prose = (text) => (text ?? "").split("\n\n").map((part) => el("p", null, inline(part)));

/** What a $ref names; members beside it win. */
function resolve(value) {
  if (!value?.$ref) return value;
  const target = value.$ref.slice(2).split("/").reduce((at, step) => at[step], api);
  return { ...resolve(target), ...value };
}

/** The anyOf of a body, or its one schema. */
const alternatives = (schema) => (resolve(schema).anyOf ?? [schema]).map(resolve);
const data = (schema) => resolve(schema.properties.data);
const codeOf = (schema) => (schema.properties?.data ? resolve(data(schema).properties.code)?.const : undefined);

function range(least, most, unit) {
  if (least === undefined && most === undefined) return null;
  if (least === most) return `${least}${unit}`;
  if (least === undefined) return `at most ${most}${unit}`;
  if (most === undefined) return `at least ${least}${unit}`;
  return `${least} to ${most}${unit}`;
}

/** Type and limits, as short pieces. */
function limits(schema) {
  const pieces = [];
  if (schema.type === "array") pieces.push(`array of ${resolve(schema.items).type}`);
  else if (schema.type) pieces.push(schema.type);
  if (schema.enum) pieces.push(el("span", null, "one of ", schema.enum.flatMap((v, i) => [i ? ", " : "", code(JSON.stringify(v))])));
  if (schema.const !== undefined) pieces.push(el("span", null, "always ", code(JSON.stringify(schema.const))));
  pieces.push(range(schema.minLength, schema.maxLength, " characters"), range(schema.minimum, schema.maximum, ""));
  pieces.push(range(schema.minItems, schema.maxItems, " items"));
  if (schema.default !== undefined) pieces.push(el("span", null, "default ", code(JSON.stringify(schema.default))));
  if (schema.format) pieces.push(schema.format);
  if (schema.pattern) pieces.push(code(schema.pattern));
  return pieces.filter(Boolean).map((piece) => el("span", { class: "limit" }, piece));
}

function field(name, schema, mark = "") {
  const resolved = resolve(schema);
  const inner = resolved.type === "array" ? resolve(resolved.items) : resolved;
  return el("div", { class: "field" },
    el("dt", null, code(name), mark ? el("span", { class: "mark" }, mark) : null, limits(resolved)),
    el("dd", null, prose(resolved.description), inner.properties ? members(inner) : null));
}

const list = (rows) => (rows.length ? el("dl", { class: "fields" }, rows) : null);
const isRequired = (schema, name) => schema.required?.includes(name);

/** What a request may hold. */
const requested = (schema) => list(Object.entries(schema.properties).map(([name, part]) =>
  field(name, part, isRequired(schema, name) ? "required" : "")));

/** What a reply holds; those that every reply has are left out. */
const members = (schema) => list(Object.entries(schema.properties).filter(([name]) => name !== "code" && name !== "msg")
  .map(([name, part]) => field(name, part, isRequired(schema, name) ? "" : "may be missing")));

const pre = (text) => el("pre", null, code(text));
const heading = (level, id, ...content) =>
  el(`h${level}`, { id, tabindex: "-1" }, ...content, el("a", { class: "anchor", href: `#${id}`, "aria-label": "Link to this section" }, "#"));
const badge = (method) => el("span", { class: `method ${method}` }, method.toUpperCase());
const breakable = (path) => path.split("/").flatMap((part, i) => (i ? [el("wbr"), `/${part}`] : [part]));

function table(head, rows) {
  return el("div", { class: "wide", tabindex: "0" }, el("table", null,
    el("thead", null, el("tr", null, head.map((text) => el("th", { scope: "col" }, text)))),
    el("tbody", null, rows)));
}

const cells = (attributes, ...content) => el("tr", attributes, content.map((item) => el("td", null, item)));

function* operations() {
  for (const [path, item] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(item)) yield { path, method, ...operation };
  }
}

function curl({ path, method, requestBody, security }) {
  const words = ["curl"];
  if (method !== "get" && !(method === "post" && requestBody)) words.push(`-X ${method.toUpperCase()}`);
  if (security) words.push('-H "Authorization: Bearer $TOKEN"');
  const example = requestBody && resolve(requestBody.content[JSON_TYPE].schema).examples[0];
  if (example) words.push(`-d '${JSON.stringify(example)}'`);
  words.push(`${base}${path.replace("{id}", "17")}`);
  return words.join(" \\\n  ");
}

function requestParts(operation) {
  const parts = (operation.parameters ?? []).map(resolve);
  const placed = (place) => parts.filter((part) => part.in === place)
    .map((part) => field(part.name, { ...resolve(part.schema), description: part.description }, part.required ? "required" : ""));
  const body = operation.requestBody && resolve(operation.requestBody.content[JSON_TYPE].schema);
  const section = (title, rows) => (rows.length ? [el("h4", null, title), list(rows)] : []);
  return [
    ...section("Path", placed("path")),
    ...(body ? [el("h4", null, operation.requestBody.required ? "Arguments" : "Arguments (the body may be left out)"), requested(body),
      body.anyOf ? el("p", { class: "note" }, "At least one of ", body.anyOf.flatMap((choice, i) => [i ? " and " : "", code(choice.required[0])]), ".") : null] : []),
    ...section("Headers", placed("header")),
  ];
}

/** A row for each code that the responses may have, with its statuses; one for a response without a body. */
function replyTable(responses) {
  const rows = new Map();
  for (const [status, reference] of Object.entries(responses)) {
    const response = resolve(reference);
    const schema = response.content?.[JSON_TYPE]?.schema;
    for (const choice of schema ? alternatives(schema) : [null]) {
      const number = choice ? codeOf(choice) : undefined;
      const key = number || `${status} ${choice?.description}`;
      const row = rows.get(key) ?? { statuses: [], number, text: choice && number !== 0 ? data(choice).properties.msg.enum.slice(-1)[0] : (choice ?? response).description };
      row.statuses.push(status);
      rows.set(key, row);
    }
  }
  return table(["HTTP", "code", "meaning"], [...rows.values()].map(({ statuses, number, text }) => cells(null,
    statuses.join(" or "), number === undefined ? "" : el("a", { href: `#code-${number}` }, String(number)), el("span", null, inline(text)))));
}

function replies(operation) {
  const entries = Object.entries(operation.responses).map(([status, response]) => [status, resolve(response)]);
  const success = entries.filter(([status]) => status < 300);
  const given = success.flatMap(([, response]) => (response.content?.[JSON_TYPE] ? alternatives(response.content[JSON_TYPE].schema) : []))
    .filter((choice) => codeOf(choice) === 0);
  const usual = Object.keys(resolve(api["x-other-requests"].responses["404"]).headers);
  const headers = new Map(success.flatMap(([, response]) => Object.entries(response.headers)).filter(([name]) => !usual.includes(name)));
  return [
    el("h4", null, "Replies"),
    replyTable(operation.responses),
    ...given.flatMap((choice) => [
      given.length > 1 ? el("p", null, inline(choice.description)) : null,
      members(data(choice)),
      pre(JSON.stringify(choice.examples[0], null, 2)),
    ]),
    headers.size ? el("h4", null, "Headers of success") : null,
    list([...headers].map(([name, header]) => {
      const { description, schema, required } = resolve(header);
      return field(name, { ...resolve(schema), description }, required ? "" : "may be missing");
    })),
  ];
}

function endpoint(operation) {
  const session = operation.security ? el("p", { class: "note" }, "Wants a session: ", el("a", { href: "#security" }, "token or cookie"), ".") : null;
  return el("section", { class: "endpoint", "aria-labelledby": operation.operationId },
    heading(3, operation.operationId, badge(operation.method), " ", el("span", { class: "path" }, breakable(operation.path))),
    el("p", { class: "summary" }, operation.summary), prose(operation.description), session,
    el("div", { class: "columns" },
      el("div", null, requestParts(operation)),
      el("div", null, el("h4", null, "Example"), pre(curl(operation)), replies(operation))));
}

function codesTable() {
  const rows = new Map();
  for (const schema of Object.values(api.components.schemas)) {
    const number = codeOf(schema);
    if (number === undefined || rows.has(number)) continue;
    const texts = data(schema).properties.msg.enum;
    rows.set(number, el("tr", { id: `code-${number}`, tabindex: "-1" },
      el("td", null, el("strong", null, String(number))), el("td", null, String(schema["x-status"])),
      el("td", null, texts.map((text) => el("div", text === texts[texts.length - 1] ? { lang: "en" } : { lang: "zh", class: "soft" }, text)).reverse()),
      el("td", null, inline(schema.description))));
  }
  return table(["code", "HTTP", "msg", "what it means, what to do"], [...rows.entries()].sort(([a], [b]) => a - b).map(([, row]) => row));
}

function introduction() {
  const { info } = api;
  return [
    el("h1", { id: "top", tabindex: "-1" }, info.title, " API ", el("span", { class: "version" }, info.version)),
    el("p", { class: "summary" }, info.summary), ...prose(info.description),
    el("p", null, "Base address ", code(base), ". This page is made from ", el("a", { href: "../openapi.json" }, "openapi.json"), ", OpenAPI 3.1."),
  ];
}

function everywhere() {
  const { components } = api;
  const other = api["x-other-requests"];
  const headers = Object.entries(components.headers).filter(([name]) => !name.endsWith("-Optional"));
  return [
    heading(2, "security", "Sessions"),
    list(Object.entries(components.securitySchemes).map(([name, scheme]) => field(name, { description: scheme.description }))),
    heading(2, "codes", "Result codes"), codesTable(),
    heading(2, "headers", "Headers of replies"),
    list(headers.map(([name, header]) => field(name, { ...resolve(header.schema), description: header.description }))),
    heading(2, "limits", "Limits"),
    table(["limit", "of"], api["x-limits"].map((limit) => cells(null, el("strong", null, limit.value.toLocaleString("en")), limit.description))),
    heading(2, "unusual", "Unusual requests"),
    table(["a request with", "is"], api["x-unusual-requests"].map((row) => cells(null, el("span", null, inline(row.request)), el("span", null, inline(row.answer))))),
    heading(2, "errors", "Any other request"), ...prose(other.description),
    replyTable(other.responses),
  ];
}

function contents(groups) {
  const link = (id, ...content) => el("li", null, el("a", { href: `#${id}` }, ...content));
  const group = (title, items) => [el("h2", null, title), el("ul", null, items)];
  return [
    ...groups.flatMap(({ tag, items }) => group(tag.name, items.map((item) => link(item.operationId, badge(item.method), " ", breakable(item.path))))),
    ...group("Everywhere", [link("security", "Sessions"), link("codes", "Result codes"), link("headers", "Headers"), link("limits", "Limits"), link("unusual", "Unusual requests"), link("errors", "Any other request")]),
  ];
}

function render() {
  base = new URL(api.servers[0].url, location.href).href;
  const groups = api.tags.map((tag) => ({ tag, items: [...operations()].filter((item) => item.tags[0] === tag.name) }));
  const endpoints = groups.flatMap(({ tag, items }) =>
    [heading(2, tag.name.toLowerCase(), tag.name), el("p", null, tag.description), ...items.map(endpoint)]);
  document.querySelector("main").replaceChildren(...introduction(), ...endpoints, ...everywhere());
  const box = document.getElementById("contents");
  box.parentElement.hidden = false;
  box.append(...contents(groups));
  // On a desk the contents stand beside the text; on a phone they open on demand and close when used.
  const desk = matchMedia("(min-width: 60rem)");
  const adapt = () => { box.open = desk.matches; };
  desk.addEventListener("change", adapt);
  adapt();
  box.addEventListener("click", (event) => { if (event.target.closest("a") && !desk.matches) box.open = false; });
  // The address may name a section that was not there when the page was loaded.
  if (location.hash) location.replace(location.hash);
}

async function main() {
  const state = document.getElementById("state");
  state.hidden = false;
  try {
    const reply = await fetch("../openapi.json");
    if (!reply.ok) throw new Error(`HTTP ${reply.status}`);
    api = await reply.json();
    render();
  } catch (error) {
    state.replaceChildren("The reference cannot be made from ", el("a", { href: "../openapi.json" }, "openapi.json"), ` (${error.message}). Reload the page to try again.`);
  }
}

main();
