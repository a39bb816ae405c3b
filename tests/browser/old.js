// Old browsers that the README promises to support, and what a page stores before a login.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "acorn";
import { assert, enter, enterAnew, equal, logOut, makeAccount, root, shows, until } from "./support.js";

const kEcmaVersion = 2021;

async function syntax() {
  const folder = join(root, "nginx/html");
  const scripts = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".js"));
  assert(scripts.length > 10, `scripts: ${scripts}`);
  for (const name of scripts) {
    const sourceType = name.startsWith("docs/") ? "script" : "module";
    try {
      parse(readFileSync(join(folder, name), "utf8"), { ecmaVersion: kEcmaVersion, sourceType });
    } catch (error) {
      throw new Error(`${name} is not of ES${kEcmaVersion}: ${error.message}`);
    }
  }
}

async function apis({ visit }) {
  const page = await visit();
  await shows(page, "login");
  const left = await page.evaluate(() => [
    AbortSignal.timeout, Object.hasOwn, window.BroadcastChannel, window.structuredClone, [].at, "".at, crypto.randomUUID, navigator.locks,
  ].map((each) => typeof each));
  equal(left, left.map(() => "undefined"), "what the tests take away");
}

async function quiet({ context }) {
  const page = await context.newPage();
  const said = [];
  page.on("console", (message) => said.push(`${message.type()}: ${message.text()} (${message.location().url})`));
  page.on("response", (response) => { if (response.status() >= 400) said.push(`${response.status()} ${response.url()}`); });
  for (const path of ["/users/", "/users/?next=/private/#register", "/users/docs/"]) {
    await page.goto(path);
    await page.waitForLoadState("networkidle");
  }
  equal(said, [], "what a first visit leaves in the console");
}

async function managers({ visit }) {
  const page = await visit();
  for (const [view, name] of [["login", "username webauthn"], ["login-code", "username webauthn"], ["reset", "username"], ["register", "tel"]]) {
    await page.goto(`/users/#${view}`);
    await shows(page, view);
    equal(await page.locator(`#${view}-phone`).getAttribute("autocomplete"), name, `what a password manager is asked for, ${view}`);
  }
  const phone = await makeAccount();
  await page.goto("/users/#login");
  await enter(page, phone);
  for (const [view, name] of [["password", "username"], ["delete", "username"]]) {
    await page.evaluate((hash) => { location.hash = hash; }, view);
    await shows(page, view);
    equal(await page.locator(`form input[autocomplete=${name}]`).inputValue(), `+86${phone}`, `whose password it is, ${view}`);
  }
}

/// Without storage no tab is notified; it finds out when it becomes visible.
async function blockedStorage({ context, visit }) {
  await context.addInitScript(() => {
    Object.defineProperty(window, "localStorage", { get() { throw new DOMException("blocked", "SecurityError"); } });
  });
  const { phone, page } = await enterAnew(visit);
  const other = await visit();
  await shows(other, "account");
  await logOut(other);
  await shows(other, "login");
  await page.evaluate(() => window.dispatchEvent(new Event("focus")));
  await until("the other tab knows", () => page.evaluate(() => location.hash === "#login"));
}

export const old = {
  "the scripts are of ES2021": { test: syntax, languages: ["en"] },
  "no API that came later is used": { test: apis, languages: ["en"] },
  "a first visit leaves no error in the console": { test: quiet, languages: ["en"] },
  "password managers find the user name": { test: managers, languages: ["en"] },
  "a blocked storage": { test: blockedStorage, languages: ["en"] },
};
