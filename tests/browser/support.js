// Shared by the tests: the stack, the browser, accounts, and the checks of every state of the page.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

export const root = join(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "../..");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const screenshots = join(root, "build/screenshots");

export const origin = `http://127.0.0.1:${process.env.PORT}`;
export const kPassword = "correct horse 42";
export const kWide = { width: 1280, height: 800 };
export const kNarrow = { width: 360, height: 740 };

/// The browser's locale, by language.
export const kLocales = { zh: "zh-CN", en: "en-GB" };

const kPatience = 10_000; // milliseconds until a condition counts as never met

export function assert(condition, message) {
  if (!condition) throw new Error(message);
}

export function equal(actual, expected, what) {
  const [a, b] = [actual, expected].map((value) => JSON.stringify(value));
  assert(a === b, `${what}: ${a}, expected ${b}`);
}

/// Polls until `condition` returns something true, and returns that.
export async function until(what, condition) {
  for (const deadline = Date.now() + kPatience; Date.now() < deadline;) {
    const result = await condition();
    if (result) return result;
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  throw new Error(`never: ${what}`);
}

export function script(name, args = [], input = "") {
  return execFileSync(join(root, "scripts", name), args, { cwd: root, input, encoding: "utf8", stdio: ["pipe", "pipe", "pipe"] });
}

export const sql = (statement) => script("mysql", [], statement);

/// Removes the wait between codes.
export const forgetLimits = () => sql("DELETE FROM throttle");

let lastPhone = 0;
/// A phone that no other test uses, as people type it.
export const freshPhone = () => `1392000${String(++lastPhone).padStart(4, "0")}`;

const spooled = () => {
  try {
    return readFileSync(join(process.env.STATE, "spool/sms.log"), "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));
  } catch {
    return []; // nothing was sent yet
  }
};

/// The number of messages sent to a phone.
export const countSent = (phone) => spooled().filter((message) => message.phone === `+86${phone}`).length;

/// The newest code sent to a phone for a purpose, after waiting for `count` messages.
export function codeSentTo(phone, purpose, count = 1) {
  return until(`a code for ${purpose} is sent to ${phone}`, () => {
    const messages = spooled().filter((message) => message.phone === `+86${phone}` && message.purpose === purpose);
    return messages.length >= count && messages.at(-1).code;
  });
}

/// A request without a browser; returns the reply's data.
export async function ask(path, values) {
  const reply = await fetch(`${origin}/users/${path}`, { method: "POST", body: JSON.stringify(values) });
  return (await reply.json()).data;
}

/// Registers an account without the page; returns its phone.
export async function makeAccount() {
  const phone = freshPhone();
  await ask("code", { phone });
  const reply = await ask("regist", { phone, password: kPassword, code: await codeSentTo(phone, "regist") });
  equal(reply.code, 0, "registration");
  forgetLimits();
  return phone;
}

/// Features newer than January 2021, by object. The page must not need them, so all tests run without them.
const kLaterApis = {
  AbortSignal: ["timeout", "any", "abort"], Array: ["fromAsync"],
  "Array.prototype": ["at", "findLast", "findLastIndex", "toReversed", "toSorted", "toSpliced", "with"],
  "Element.prototype": ["checkVisibility", "setHTMLUnsafe", "moveBefore"], "HTMLDialogElement.prototype": ["showModal"],
  "HTMLElement.prototype": ["showPopover", "hidePopover", "togglePopover"], "HTMLInputElement.prototype": ["showPicker"],
  "Iterator.prototype": ["map", "filter", "toArray"], Map: ["groupBy"], Object: ["hasOwn", "groupBy"], Promise: ["withResolvers", "try"],
  Response: ["json"], "Set.prototype": ["union", "difference", "intersection"],
  "String.prototype": ["at", "isWellFormed", "toWellFormed"], "Uint8Array.prototype": ["at", "toHex", "toBase64"], URL: ["canParse", "parse"],
  "Crypto.prototype": ["randomUUID"], "Document.prototype": ["startViewTransition"], "Navigator.prototype": ["locks", "userAgentData"],
  window: ["BroadcastChannel", "structuredClone", "navigation", "scheduler", "requestIdleCallback", "reportError", "CompressionStream"],
  Intl: ["DurationFormat", "supportedValuesOf"],
};

let browser;
export async function startBrowser() {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    // As in usual browsers: the back button restores a page as it was left.
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
}
export const stopBrowser = () => browser?.close();

/// A separate browser for a test: `visit` opens tabs and waits for the view in the address; all errors are added to
/// `complaints`.
export async function makeVisitor(language, options = {}) {
  const context = await browser.newContext({
    baseURL: origin, locale: kLocales[language], timezoneId: "Asia/Shanghai", viewport: kWide, reducedMotion: "reduce", ...options,
  });
  context.setDefaultTimeout(kPatience);
  const complaints = [];
  await context.exposeFunction("tellTest", (words) => complaints.push(words));
  await context.addInitScript((later) => {
    for (const [path, names] of Object.entries(later)) {
      const owner = path === "window" ? window : path.split(".").reduce((at, step) => at?.[step], window);
      for (const name of owner ? names : []) delete owner[name];
    }
    addEventListener("securitypolicyviolation", (event) =>
      window.tellTest(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
  }, kLaterApis);
  const visit = async (path = "/users/") => {
    const page = await context.newPage();
    page.on("pageerror", (error) => complaints.push(`error: ${error.stack}`));
    page.on("console", (message) => {
      // The browser's own message for a reply such as 401, or for none while the service is down.
      const { url } = message.location();
      if (/^Failed to load resource: /.test(message.text()) && /\/(?:users\/[a-z_/\d]*(?:\?optional=true|\?host=.*)?|favicon\.ico)$/.test(url)) return;
      if (["error", "warning"].includes(message.type())) complaints.push(`console: ${message.text()} (${url})`);
    });
    await page.goto(path);
    const view = /^\/users\/#(.+)/.exec(path)?.[1];
    if (view) await shows(page, view);
    return page;
  };
  return { language, context, complaints, visit, close: () => context.close() };
}

/// A field of the visible form, by the start of its id's last part.
export const field = (page, name) => page.locator(`form input[id$="-${name}"]`);
export const submit = (page) => page.locator("form button.main").click();
export const sendButton = (page) => page.locator("form button.beside");

export async function shows(page, view) {
  await page.waitForSelector(`#view[data-view="${view}"]`);
  equal(await page.evaluate(() => location.hash), view === "away" ? "" : `#${view}`, "the address");
}

/// Waits until the note above the form has this text.
export const noteIs = (page, expected) => until(`the note "${expected}"`, async () => await page.locator("#note").textContent() === expected);

export const hasFocus = (locator) => locator.evaluate((element) => element === document.activeElement);

/// A number as the page shows it.
export const readable = (phone) => `+86 ${phone.slice(0, 3)} ${phone.slice(3, 7)} ${phone.slice(7)}`;

/// Buttons of the account's view: the first logs out, the last logs out everywhere.
export const logOut = (page) => page.locator(".actions button").first().click();
export const logOutEverywhere = (page) => page.locator(".actions button").last().click();

/// Opens a view by its address and waits for it.
export async function open(page, view) {
  await page.evaluate((name) => { location.hash = name; }, view);
  await shows(page, view);
}

/// Types into fields, by name.
export async function fill(page, values) {
  for (const [name, value] of Object.entries(values)) await field(page, name).fill(value);
}

export async function logIn(page, phone, password = kPassword) {
  await shows(page, "login");
  await fill(page, { phone, password });
  await submit(page);
}

/// Logs in and expects success.
export async function enter(page, phone, password) {
  await logIn(page, phone, password);
  await shows(page, "account");
}

/// A tab with a new account, logged in.
export async function enterAnew(visit) {
  const phone = await makeAccount();
  const page = await visit();
  await enter(page, phone);
  return { phone, page };
}

/// Follows a link to a view.
export async function follow(page, view) {
  await page.locator(`a[href='#${view}']`).click();
  await shows(page, view);
}

/// Requests a code with the form's button; returns it.
export async function sendCode(page, phone, purpose, count = 1) {
  forgetLimits();
  await sendButton(page).click();
  return codeSentTo(phone, purpose, count);
}

/// Waits for a field's error; the field must be marked, described by it and focused.
export async function errorOf(page, name) {
  const input = field(page, name);
  await until(`${name} is marked`, async () => await input.getAttribute("aria-invalid") === "true");
  const id = await input.evaluate((element) => element.id);
  assert((await input.getAttribute("aria-describedby")).split(" ").includes(`${id}-error`), `${id} is not described by its error`);
  await until(`${id} has the focus`, () => hasFocus(input));
  return page.locator(`#${id}-error`).textContent();
}

/// Waits for a message above the form; it must have the focus.
export async function alertOf(page) {
  const alert = page.locator("#view .alert:visible");
  await alert.waitFor();
  assert(await hasFocus(alert), "the alert has no focus");
  return alert.locator("p").textContent();
}

async function checkAccessibility(page, what) {
  // By the debugger: the page's own policy forbids adding it as a script.
  if (!await page.evaluate(() => "axe" in window)) await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const found = await window.axe.run(document, { resultTypes: ["violations"] });
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  });
  equal(violations, [], `axe, ${what}`);
}

export async function photograph(page, name) {
  // Not by Playwright, which would add a style against the policy.
  const session = await page.context().newCDPSession(page);
  const { cssContentSize } = await session.send("Page.getLayoutMetrics");
  const clip = { x: 0, y: 0, width: cssContentSize.width, height: cssContentSize.height, scale: 1 };
  const { data } = await session.send("Page.captureScreenshot", { format: "png", clip, captureBeyondViewport: true });
  await session.detach();
  await writeFile(join(screenshots, `${name}.png`), data, "base64");
}

/// Checks a state of the page wide and narrow, light and dark: nothing may overflow or break a rule of accessibility.
/// Saves each as a picture.
export async function look(page, language, state) {
  const focused = await page.evaluateHandle(() => document.activeElement);
  for (const [size, viewport] of [["narrow", kNarrow], ["wide", kWide]]) {
    await page.setViewportSize(viewport);
    for (const scheme of ["dark", "light"]) {
      const name = `${state}-${language}-${size}-${scheme}`;
      await page.emulateMedia({ colorScheme: scheme });
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert(width <= viewport.width, `${name}: ${width} px wide, the screen has ${viewport.width}`);
      await checkAccessibility(page, name);
      await photograph(page, name);
    }
  }
  await focused.evaluate((element) => element.focus());
}
