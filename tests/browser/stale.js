// A page that is still open, or restored by the back button, after another account has logged in.
import {
  ask, assert, equal, field, fill, freshPhone, kPassword, logIn, logOut, logOutEverywhere, makeAccount, noteIs, open, readable, sendCode,
  shows, sql, submit, until,
} from "./support.js";

const kOther = { zh: "现在登录的是另一个账号。", en: "Another account is logged in now." };
const kExpired = { zh: "登录已失效，请重新登录。", en: "Your session has ended. Please log in again." };
const kTyped = "typed and left 5";


async function showsAccount(page, phone, words) {
  await shows(page, "account");
  await until(`the number ${phone}`, async () => await page.locator("dd.phone").textContent() === readable(phone));
  if (words) await noteIs(page, words);
}

/// Delays the page's session checks, like a slow network, until the returned function is called.
async function holdQuestions(page) {
  let release;
  const released = new Promise((resolve) => { release = resolve; });
  await page.route(/\/users\/me\?/, async (route) => {
    if (route.request().method() === "GET") await released;
    await route.continue();
  });
  return release;
}

/// Actions in the tab that still shows the first account: the view, the input, the button.
const kActs = {
  logout: { view: "account", send: logOut },
  "logout?everywhere": { view: "account", send: logOutEverywhere },
  password: { view: "password", prepare: (page) => fill(page, { old_password: kPassword, password: kTyped }), send: submit },
  phone: {
    view: "phone",
    async prepare(page) {
      const phone = freshPhone();
      await fill(page, { phone, password: kPassword });
      await field(page, "code").fill(await sendCode(page, phone, "phone"));
    },
    send: submit,
  },
  me: {
    view: "delete",
    async prepare(page) {
      await fill(page, { password: kPassword });
      await page.locator("input[type=checkbox]").check();
    },
    send: submit,
  },
};

/// Two tabs: one shows the first account in the view of `act`, filled in; the second account logs in in the other. The first tab
/// learns of it when `release` is called.
async function logInBehind({ visit }, [first, second], act) {
  const stale = await visit();
  await logIn(stale, first);
  await showsAccount(stale, first);
  await open(stale, act.view);
  await act.prepare?.(stale);
  const release = await holdQuestions(stale);
  const other = await visit();
  await showsAccount(other, first);
  await logOut(other);
  await logIn(other, second);
  await showsAccount(other, second);
  await stale.bringToFront();
  return { stale, other, release };
}

async function actsForNobodyElse(visitor) {
  const { language, context } = visitor;
  const [first, second] = [await makeAccount(), await makeAccount()];
  for (const [name, act] of Object.entries(kActs)) {
    const { stale, other, release } = await logInBehind(visitor, [first, second], act);
    await shows(stale, act.view);
    const path = name.replace(/\?.*/, "");
    const answered = stale.waitForResponse((reply) => reply.request().method() !== "GET" && reply.url().endsWith(`/users/${path}`));
    await act.send(stale);
    equal((await (await answered).json()).data.code, 1009, name);
    release();
    await showsAccount(stale, second, kOther[language]);
    await other.reload();
    await showsAccount(other, second);
    equal((await ask("login", { phone: second, password: kPassword })).code, 0, `login after ${name}`);
    await stale.close();
    await other.close();
    await context.clearCookies();
  }
}

async function formsClose(visitor) {
  const { language } = visitor;
  const [first, second] = [await makeAccount(), await makeAccount()];
  const { stale, release } = await logInBehind(visitor, [first, second], kActs.me);
  equal(await field(stale, "password").inputValue(), kPassword, "what was typed");
  release();
  await showsAccount(stale, second, kOther[language]);
  await open(stale, "delete");
  equal(await field(stale, "password").inputValue(), "", "what was typed for the other account");
  assert(!await stale.locator("input[type=checkbox]").isChecked(), "the tick for the other account is left");
  const shown = await stale.evaluate(() => [...document.querySelectorAll("input")].map(({ value }) => value));
  assert(shown.includes(`+86${second}`), `whose password a password manager is told: ${shown}`);
}

/// Records the page's content from the moment that the browser restores it.
function recordReturn() {
  addEventListener("pageshow", ({ persisted }) => {
    if (!persisted) return;
    window.seen = [];
    const see = () => {
      const values = [...document.querySelectorAll("input")].map(({ value }) => value);
      window.seen.push([document.documentElement.outerHTML, ...values].join("\n"));
    };
    see();
    new MutationObserver(see).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  });
}

async function comesBack(page, view) {
  await page.evaluate(() => history.back());
  await until("the page is back as it was", () => page.evaluate(() => Boolean(window.seen)).catch(() => false));
  await shows(page, view);
  return page.evaluate(() => window.seen);
}

async function backButton({ language, context, visit }) {
  await context.addInitScript(recordReturn);
  const [first, second] = [await makeAccount(), await makeAccount()];
  const page = await visit();
  const hidden = [first, readable(first), kTyped, "127.0.0.1"];
  for (const [view, phone] of [["account", ""], ["password", ""], ["account", second], ["phone", second]]) {
    await context.clearCookies();
    await page.goto("/users/");
    await logIn(page, first);
    await showsAccount(page, first);
    await page.locator("tbody tr").first().waitFor();
    await open(page, view);
    if (view !== "account") await fill(page, { password: kTyped });
    await page.goto("/users/docs/");
    sql("DELETE FROM sessions");
    if (phone) {
      const reply = await context.request.post("/users/login", { data: { phone, password: kPassword, cookie: true } });
      equal((await reply.json()).data.code, 0, "login of the other account");
    }
    const seen = await comesBack(page, phone ? "account" : "login");
    for (const text of hidden.slice(0, phone ? 3 : 4)) {
      equal(seen.findIndex((state) => state.includes(text)), -1, `${view}: when ${text} is in the page`);
    }
    if (phone) await showsAccount(page, phone, kOther[language]);
    else await noteIs(page, kExpired[language]);
  }
  // If the user is still logged in, the view is shown again, but without the input.
  await open(page, "password");
  await fill(page, { old_password: kTyped });
  await page.goto("/users/docs/");
  await comesBack(page, "password");
  equal(await field(page, "old_password").inputValue(), "", "what was typed");
}

export const stale = {
  "a stale page acts for no other account": { test: actsForNobodyElse, languages: ["en"] },
  "forms close when another account logs in": { test: formsClose },
  "the back button after a logout elsewhere": { test: backButton },
};
