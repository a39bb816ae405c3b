// What a protected location's rule asks of a browser: the page helps, and leads back. And a login for another host.
import { enrol, letSessionsAge } from "./factor.js";
import { button, kSite, withPasskey } from "./passkey.js";
import { enterAnew, equal, fill, kPassword, logIn, logOut, look, makeAccount, shows, submit } from "./support.js";

async function deniedLeadsToAnotherLogin({ language, visit }) {
  const { page } = await enterAnew(visit);
  const other = await makeAccount();
  await page.goto("/users/?next=/private/a?b=c#denied");
  await shows(page, "denied");
  await look(page, language, "denied");
  await page.locator(".actions button").click();
  await shows(page, "login");
  await logIn(page, other);
  await page.waitForURL("/private/a?b=c");
}

async function confirmLeadsBack({ language, visit }) {
  const { page } = await enterAnew(visit);
  letSessionsAge();
  await page.goto("/users/?next=/private/a#confirm");
  await shows(page, "confirm");
  await look(page, language, "confirm-next");
  await fill(page, { password: kPassword });
  await submit(page);
  await page.waitForURL("/private/a");
}

async function aPasskeyLeadsBack(visitor) {
  const { language } = visitor;
  const { page } = await withPasskey(visitor);
  const arrive = async () => {
    await page.goto("/users/?next=/private/a#passkey");
    await shows(page, "passkey");
    await button(page, "passkey_confirm").waitFor();
  };
  await arrive();
  equal(await page.locator("form button:visible").count(), 1, "ways to confirm");
  await button(page, "passkey_confirm").click();
  await page.waitForURL("/private/a");
  await arrive();
  await look(page, language, "passkey-next");
}

async function anAppLeadsBack({ language, visit }) {
  const { page } = await enterAnew(visit);
  await page.goto("/users/?next=/private/a#totp");
  await enrol(page, language);
  await page.locator(".links a").click();
  await shows(page, "account");
  await page.locator("a.main").click();
  await page.waitForURL("/private/a");
}

async function loginForAnotherHost({ visit }) {
  const phone = await makeAccount();
  const page = await visit();
  await page.route("**/users/static/_back?host=app.example.org", (route) => route.fulfill({ json: { data: { code: 0, msg: "ok" } } }));
  await page.route("https://app.example.org/**", (route) => route.fulfill({ contentType: "text/html", body: "the app" }));
  for (const next of ["https://app.example.org/a?b=c&d", "https%3A%2F%2Fapp.example.org%2Fa%3Fb%3Dc%26d"]) {
    await page.goto(`/users/?next=${next}`);
    await shows(page, "login");
    await logIn(page, phone);
    await page.waitForURL("https://app.example.org/a?b=c&d");
    equal(await page.textContent("body"), "the app", "the other host");
    await page.goto("/users/");
    await shows(page, "account");
    await logOut(page);
    await shows(page, "login");
  }
}

async function noOtherHost({ visit }) {
  const phone = await makeAccount();
  const page = await visit();
  const asked = [];
  await page.route("**/users/static/_back?*", (route) => {
    asked.push(new URL(route.request().url()).search);
    return route.fulfill({ json: { data: { code: asked.at(-1) === "?host=app.example.org" ? 0 : 9002, msg: "" } } });
  });
  for (const next of [
    "https://app.example.org&x.evil.test/", "https://app.example.org&.evil.test/", "https://user@app.example.org/",
    "https://app.example.org@evil.test/", "https://user:word@app.example.org/", "https://evil.test/", "https://app.example.org.evil.test/",
    "http://app.example.org/", "//app.example.org/", "https:app.example.org/", "javascript:alert(1)", "https:\\\\evil.test/",
  ]) {
    await page.goto(`/users/?next=${next}`);
    await shows(page, "login");
    await logIn(page, phone);
    await shows(page, "account");
    await logOut(page);
    await shows(page, "login");
  }
  equal(asked.filter((search) => search === "?host=app.example.org").length, 0, "times that the host was mistaken for the listed one");
}

export const rules = {
  "a rule that denies leads to another login": { test: deniedLeadsToAnotherLogin },
  "a rule that wants a confirmation": { test: confirmLeadsBack },
  "a rule that wants a passkey": { test: aPasskeyLeadsBack, options: kSite },
  "a rule that wants a second factor": { test: anAppLeadsBack, languages: ["en"] },
  "no login for a host that is not listed": { test: noOtherHost, languages: ["en"] },
  "a login for another host": { test: loginForAnotherHost, languages: ["en"] },
};
