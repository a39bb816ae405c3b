// Passkeys, with a virtual authenticator of the browser: adding, logging in, second factor, confirming, removing, refusals.
import { readFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { join } from "node:path";
import {
  alertOf, enterAnew, equal, field, follow, hasFocus, logIn, logOut, look, makeAccount, noteIs, root, shows, sql, submit,
  until,
} from "./support.js";
import { enrol, letSessionsAge } from "./factor.js";

const kWords = {
  zh: { on: "通行密钥已添加。", off: "通行密钥已移除。" },
  en: { on: "The passkey is added.", off: "The passkey is removed." },
};
// Browsers make no passkeys for addresses.
export const kSite = { baseURL: `http://localhost:${process.env.PORT}` };

/// Gives the tab a device that can make passkeys, and whose user always agrees. look() takes it away: it ends a session with
/// the debugger.
async function addDevice(page, options = {}) {
  const debug = await page.context().newCDPSession(page);
  await debug.send("WebAuthn.enable");
  const { authenticatorId } = await debug.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
      automaticPresenceSimulation: true, ...options,
    },
  });
  return {
    setVerified: (isUserVerified) => debug.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified }),
    count: async () => (await debug.send("WebAuthn.getCredentials", { authenticatorId })).credentials.length,
  };
}

/// Browsers that cannot offer passkeys in a field; otherwise the virtual user takes one at once.
const withoutOffers = (context) => context.addInitScript(() => { delete PublicKeyCredential.isConditionalMediationAvailable; });

export const button = (page, key) => page.locator(`button[data-text='${key}']:visible`);

/// A tab with a new account and a passkey.
export async function withPasskey({ visit, language }) {
  const phone = await makeAccount();
  const page = await visit();
  const device = await addDevice(page);
  await logIn(page, phone);
  await shows(page, "account");
  await button(page, "addPasskey").click();
  await noteIs(page, kWords[language].on);
  return { page, phone, device };
}

async function life({ language, visit }) {
  const { page, device } = await withPasskey({ visit, language });
  equal(await device.count(), 1, "passkeys on the device");
  await until("it is listed", async () => await page.locator(".list li").count() === 1);
  // The device has one already.
  await button(page, "addPasskey").click();
  await alertOf(page);
  // The browser offers it in the field, and the virtual user takes it. Until then the account from before may be shown.
  const again = page.waitForResponse("**/users/login");
  await logOut(page);
  await again;
  await shows(page, "account");
  await page.locator("a[href='#remove-passkey']").waitFor();
  await look(page, language, "account-passkey");
  const name = await page.locator(".list li strong").textContent();
  await page.locator("a[href='#remove-passkey']").click();
  await shows(page, "remove-passkey");
  equal(await page.locator("strong:visible").textContent(), name, "the passkey that is removed");
  await look(page, language, "remove-passkey");
  await submit(page);
  await shows(page, "account");
  await noteIs(page, kWords[language].off);
  equal(await page.locator(".list li").count(), 0, "passkeys listed");
}

async function byButton({ language, visit, context }) {
  await withoutOffers(context);
  const { page, device } = await withPasskey({ visit, language });
  await logOut(page);
  await shows(page, "login");
  await button(page, "passkey_login").waitFor();
  // The user does not unlock the device.
  await device.setVerified(false);
  await button(page, "passkey_login").click();
  await alertOf(page);
  await device.setVerified(true);
  await button(page, "passkey_login").click();
  await shows(page, "account");
  // The account no longer knows it.
  sql("DELETE FROM factors WHERE kind = 'passkey'");
  await logOut(page);
  await shows(page, "login");
  await button(page, "passkey_login").click();
  await alertOf(page);
  await look(page, language, "login-passkey");
}

async function second({ language, visit, context }) {
  await withoutOffers(context);
  const { page, phone } = await withPasskey({ visit, language });
  await follow(page, "totp");
  await enrol(page, language);
  await page.locator(".links a").click();
  await shows(page, "account");
  await logOut(page);
  await logIn(page, phone);
  await until("a field for the code", () => hasFocus(field(page, "totp")));
  equal(await button(page, "passkey_login").count(), 0, "other buttons for a passkey");
  await button(page, "use_passkey").click();
  await shows(page, "account");
  // Confirming needs nothing else.
  letSessionsAge();
  await follow(page, "new-codes");
  await submit(page);
  await shows(page, "confirm");
  await button(page, "passkey_confirm").click();
  await shows(page, "new-codes");
  await submit(page);
  await shows(page, "recovery");
}

async function offeredOnce({ visit }) {
  const phone = await makeAccount();
  const page = await visit();
  await addDevice(page);
  await logIn(page, phone);
  await page.locator(".offered:visible").waitFor();
  await logOut(page);
  await logIn(page, phone);
  await shows(page, "account");
  await button(page, "addPasskey").waitFor();
  equal(await page.locator(".offered:visible").count(), 0, "offers");
}

/// A page that is not among the site's origins: another port.
async function elsewhere({ language, visit, context }) {
  await withoutOffers(context);
  const proxy = createServer((from, to) => {
    from.pipe(request({ port: process.env.PORT, host: "127.0.0.1", path: from.url, method: from.method, headers: from.headers }, (reply) => {
      to.writeHead(reply.statusCode, reply.headers);
      reply.pipe(to);
    }));
  });
  await new Promise((resolve) => { proxy.listen(0, "127.0.0.1", resolve); });
  try {
    const { page } = await withPasskey({ visit, language });
    await logOut(page);
    await shows(page, "login");
    await page.goto(`http://localhost:${proxy.address().port}/users/#login`);
    await shows(page, "login");
    await button(page, "passkey_login").click();
    await alertOf(page);
    await shows(page, "login");
    // Another rp_id is refused by the browser.
    await page.route("**/passkey/challenge", async (route) => {
      const reply = await route.fetch();
      const { data } = await reply.json();
      await route.fulfill({ response: reply, json: { data: { ...data, rp_id: "example.org" } } });
    });
    await button(page, "passkey_login").click();
    await alertOf(page);
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
}

/// The JavaScript in the manual, without the page.
async function manual({ visit }) {
  const client = /```js\n([^]*?)```/.exec(readFileSync(join(root, "conf/PASSKEYS.md"), "utf8"))[1];
  const phone = await makeAccount();
  const page = await visit();
  await addDevice(page);
  await logIn(page, phone);
  await shows(page, "account");
  const added = await page.evaluate(`(async () => { ${client}; return addPasskey("manual"); })()`);
  equal(added.code, 0, "adding");
  await page.context().clearCookies();
  const loggedIn = await page.evaluate(`(async () => { ${client}; return logIn(); })()`);
  equal(loggedIn.code, 0, "logging in");
  await page.reload();
  await shows(page, "account");
  await until("its name is listed", async () => (await page.locator(".list strong").allTextContents()).includes("manual"));
}

async function hidden({ visit }) {
  // At an address there is no button and no card.
  const { page } = await enterAnew(visit);
  equal(await button(page, "addPasskey").count(), 0, "buttons to add one");
  await logOut(page);
  await shows(page, "login");
  equal(await button(page, "passkey_login").count(), 0, "buttons to use one");
}

export const passkey = {
  "a life with a passkey": { test: life, options: kSite },
  "a passkey by the button": { test: byButton, options: kSite },
  "a passkey as second factor and to confirm": { test: second, options: kSite },
  "a passkey is offered once": { test: offeredOnce, options: kSite, languages: ["en"] },
  "a passkey on a page of another origin": { test: elsewhere, options: kSite, languages: ["en"] },
  "the client of the manual": { test: manual, options: kSite, languages: ["en"] },
  "no passkeys at an address": { test: hidden, languages: ["en"] },
};
