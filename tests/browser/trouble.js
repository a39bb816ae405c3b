// The service or the network goes away and comes back; replies get lost.
import {
  alertOf, assert, codeSentTo, countSent, equal, field, fill, follow, freshPhone, kPassword, logIn, logOutEverywhere, look, makeAccount,
  script, sendButton, sendCode, shows, submit, until,
} from "./support.js";

const kUnavailable = { zh: "服务暂不可用，请稍后再试", en: "temporarily unavailable" };
const kAway = { zh: "暂时联系不上服务", en: "The service cannot be reached" };

const retry = (page) => page.locator(".alert button");
const keyOf = (request) => request.headers()["idempotency-key"];

async function begins(alert, words) {
  const shown = await alert;
  assert(shown.startsWith(words), shown);
}

async function serviceAway({ language, visit }) {
  const phone = await makeAccount();
  const typing = await visit();
  const inside = await visit();
  await shows(inside, "login");
  await logIn(typing, phone);
  await shows(inside, "account");
  await follow(typing, "password");
  await fill(typing, { old_password: kPassword, password: "quiet lamp river 7" });
  script("stop", ["pool"]);
  let late;
  try {
    await submit(typing);
    await begins(alertOf(typing), kUnavailable[language]);
    equal(await field(typing, "old_password").inputValue(), kPassword, "what was typed");
    await look(typing, language, "form-away");
    await logOutEverywhere(inside);
    await begins(alertOf(inside), kUnavailable[language]);
    late = await visit();
    await shows(late, "away");
    await begins(alertOf(late), kUnavailable[language]);
    await look(late, language, "away");
  } finally {
    script("start", ["pool"]);
  }
  // By itself if nothing can be lost by it, by the button if something is sent.
  await shows(late, "account");
  await retry(typing).click();
  await shows(typing, "account");
  await retry(inside).click();
  await shows(inside, "login");
}

async function networkAway({ language, context, visit }) {
  const phone = await makeAccount();
  const page = await visit();
  await shows(page, "login");
  await context.setOffline(true);
  await logIn(page, phone);
  await begins(alertOf(page), kAway[language]);
  await retry(page).click();
  await until("it was tried again", async () => await page.locator("form button.main").getAttribute("aria-disabled") === null);
  await begins(alertOf(page), kAway[language]);
  await context.setOffline(false);
  await retry(page).click();
  await shows(page, "account");
}

/// Lets the next request to `path` through but loses its reply; collects the keys of all requests to it.
async function loseReply(page, path) {
  const keys = [];
  let lost = false;
  await page.route(`**/users/${path}`, async (route) => {
    keys.push(keyOf(route.request()));
    if (lost) return route.continue();
    lost = true;
    await route.fetch();
    return route.abort();
  });
  return keys;
}

async function lostReplies({ language, visit }) {
  const phone = freshPhone();
  const page = await visit("/users/#register");
  const codeKeys = await loseReply(page, "code");
  await field(page, "phone").fill(phone);
  await sendButton(page).click();
  await begins(alertOf(page), kAway[language]);
  await retry(page).click();
  await until("it counts down", async () => await sendButton(page).getAttribute("aria-disabled") === "true" && codeKeys.length === 2);
  const code = await codeSentTo(phone, "regist");
  assert(/^[0-9a-f]{32}$/.test(codeKeys[0]), `the key ${codeKeys[0]}`);
  equal(codeKeys[1], codeKeys[0], "the key of the retry");

  const keys = await loseReply(page, "regist");
  await fill(page, { code: code === "000000" ? "000001" : "000000", password: kPassword });
  await submit(page);
  await begins(alertOf(page), kAway[language]);
  await field(page, "code").fill(code);
  await page.unroute("**/users/regist");
  const again = await loseReply(page, "regist");
  await submit(page);
  await begins(alertOf(page), kAway[language]);
  await retry(page).click();
  // The first attempt made the account, so its owner must not see an error.
  await shows(page, "account");
  equal(again.length, 2, "registrations sent");
  equal(again[1], again[0], "the key of the retry");
  assert(again[0] !== keys[0], "another code is another intent");
  equal(countSent(phone), 1, "messages");
}

async function newIntent({ visit }) {
  const phone = freshPhone();
  const page = await visit("/users/#register");
  const keys = [];
  page.on("request", (request) => { if (request.url().endsWith("/users/code")) keys.push(keyOf(request)); });
  await field(page, "phone").fill(phone);
  await sendCode(page, phone, "regist");
  await page.reload();
  await shows(page, "register");
  await field(page, "phone").fill(phone);
  await sendCode(page, phone, "regist", 2);
  equal(new Set(keys).size, 2, "keys of two codes that were asked for");
}

export const trouble = {
  "the service goes away and comes back": { test: serviceAway },
  "the network goes away and comes back": { test: networkAway },
  "lost replies register once and send one code": { test: lostReplies, languages: ["en"] },
  "a second code is another intent": { test: newIntent, languages: ["zh"] },
};
