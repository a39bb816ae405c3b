// Sessions in a browser: tabs, the back button, an expired session, where the token is, where a login leads.
import {
  assert, enter, enterAnew, equal, field, fill, follow, logIn, logOut, look, makeAccount, noteIs, open, origin, shows, sql,
  submit,
} from "./support.js";

const kExpired = { zh: "登录已失效，请重新登录。", en: "Your session has ended. Please log in again." };
const kLoggedOut = { zh: "您已退出登录。", en: "You are logged out." };

async function twoTabs({ language, visit }) {
  const phone = await makeAccount();
  const first = await visit();
  const second = await visit();
  await first.bringToFront();
  await enter(first, phone);
  await second.bringToFront();
  await shows(second, "account");
  await open(second, "password");
  await first.bringToFront();
  await logOut(first);
  await shows(first, "login");
  await second.bringToFront();
  await shows(second, "login");
  await noteIs(second, kLoggedOut[language]);
}

async function otherDeviceEndsAll({ language, visit }) {
  const { phone, page } = await enterAnew(visit);
  sql("DELETE FROM sessions");
  // As if its window were selected again.
  await page.evaluate(() => dispatchEvent(new Event("focus")));
  await shows(page, "login");
  await noteIs(page, kExpired[language]);
}

async function expired({ language, visit }) {
  const { phone, page } = await enterAnew(visit);
  await open(page, "password");
  await fill(page, { old_password: "a", password: "b" });
  sql("DELETE FROM sessions");
  await submit(page);
  await shows(page, "login");
  await noteIs(page, kExpired[language]);
  await look(page, language, "login-expired");
  await enter(page, phone);
  await open(page, "password");
  equal(await field(page, "old_password").inputValue(), "", "what was typed before");
  sql("DELETE FROM sessions");
  await page.reload();
  await shows(page, "login");
}

async function backButton({ visit }) {
  const phone = await makeAccount();
  const page = await visit();
  await shows(page, "login");
  await field(page, "phone").fill(phone);
  await follow(page, "register");
  equal(await field(page, "phone").inputValue(), phone, "the phone, taken along");
  await field(page, "password").fill("left behind 1");
  await page.goBack();
  await shows(page, "login");
  equal(await field(page, "phone").inputValue(), phone, "the phone, as it was typed");
  await page.goForward();
  await shows(page, "register");
  equal(await field(page, "password").inputValue(), "", "a password that was left");
  await page.goBack();
  await enter(page, phone);
  await follow(page, "phone");
  await page.goBack();
  await shows(page, "account");
  await logOut(page);
  await shows(page, "login");
  // Nothing of the account remains there.
  await page.goForward();
  await shows(page, "login");
}

async function tokenIsHidden({ context, visit }) {
  const phone = await makeAccount();
  const page = await visit();
  const replies = [];
  page.on("response", (reply) => replies.push(reply));
  await enter(page, phone);
  const cookies = await context.cookies();
  equal(cookies.map(({ name, httpOnly, sameSite }) => [name, httpOnly, sameSite]), [["users", true, "Lax"]], "cookies");
  const seen = await page.evaluate(() => JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }, document.body.outerHTML]));
  assert(!seen.includes(cookies[0].value), "a script can see the token");
  equal(await page.evaluate(() => [document.cookie, sessionStorage.length]), ["", 0], "cookies and storage that a script sees");
  for (const reply of replies) assert(!(await reply.text()).includes(cookies[0].value), `${reply.url()} tells the token`);
}

async function nextHonoured({ language, visit }) {
  const phone = await makeAccount();
  const page = await visit("/private/a?b=c&next=/x&d=%2F");
  await shows(page, "login");
  equal(await page.evaluate(() => location.search), "?next=/private/a?b=c&next=/x&d=%2F", "the address");
  await open(page, "register");
  await open(page, "login");
  await logIn(page, phone);
  await page.waitForURL("/private/a?b=c&next=/x&d=%2F");
  assert((await page.textContent("body")).includes(`phone +86${phone}`), "the protected page");
  // A logged-in user is asked, not redirected: a page that refuses the user would redirect back for ever.
  await page.goto("/users/?next=/private/b");
  await shows(page, "account");
  await look(page, language, "account-next");
  await page.locator("a.main").click();
  await page.waitForURL("/private/b");
}

async function nextRefused({ visit }) {
  const phone = await makeAccount();
  const page = await visit();
  const tell = (search) => page.evaluate(async (text) => (await import("/users/static/next.js")).nextAddress(text), search);
  const refused = [
    "", "?", "?next", "?next=", "?nextt=/a", "?next=//evil.example/", "?next=///evil.example/", "?next=/\\evil.example/", "?next=\\\\evil.example/",
    "?next=https://evil.example/", "?next=http:/evil.example", "?next=javascript:alert(1)", "?next=data:text/html,x", "?next=evil",
    "?next=/\t/evil.example/", "?next=/\n/evil.example", "?next=\t//evil.example", "?next= /a", "?next=/a\u0000b", "?next=/a\u007f", "?next=%2F%2Fevil.example",
    "?next=%2f%2fevil.example", "?next=%2F%5Cevil.example", "?next=%2F%09%2Fevil.example", "?next=%2F%0A/evil.example", "?next=%2F/evil.example", "?next=%2F\\evil.example",
    "?next=%2Fa%00b", "?next=%2Fa%7F", "?next=%2F%09a", "?next=%2F%", "?next=%2F%FF", "?next=%2F%E0%80%AF", "?next=%252F%252Fevil.example", "?next=%252Fa",
    "?next=https%3A%2F%2Fevil.example", "?next=javascript%3Aalert(1)", "?next=%5C%5Cevil.example", "?next=%2e%2e%2Fa", "?next=+%2Fa", "?next=%09%2Fa",
    "?next=?next=/a", "?next=.", "?next=./a", "?next=@evil.example", "?next=:80/", "?next=//evil.example&next=/a",
    `?next=${origin}/a`, `?next=${origin.slice("http:".length)}/a`, `?next=/\\${new URL(origin).host}/a`, `?next=/a\tb`,
  ];
  for (const search of refused) equal(await tell(search), null, JSON.stringify(search));
  const honoured = { "?next=/": "/", "?next=/a/b?c=d&e=//f": "/a/b?c=d&e=//f", "?a=b&next=/c": "/c", "?next=/.//evil.example": "//evil.example", "?next=/a\\b": "/a/b",
    "?next=%2Fmembers%2F": "/members/", "?next=%2fmembers%2fa": "/members/a", "?next=%2Fa%3Fb%3Dc%26d%23e": "/a?b=c&d#e", "?next=%2Fa&utm=x": "/a",
    "?a=b&next=%2Fc": "/c", "?next=%2F": "/", "?next=%2Fa%20b": "/a%20b", "?next=%2Fa%252Fb": "/a%2Fb", "?next=%2F.%2F%2Fevil.example": "//evil.example",
    "?next=%2F%E6%88%91": "/%E6%88%91", "?next=/a%2F%2Fb": "/a%2F%2Fb", "?next=/%2Fevil.example": "/%2Fevil.example" };
  for (const [search, path] of Object.entries(honoured)) equal(await tell(search), origin + path, search);
  // The same by a login.
  for (const search of ["?next=//evil.example/", "?next=/\\evil.example/", "?next=https://evil.example/", "?next=%2F%2Fevil.example"]) {
    await page.goto(`/users/${search}`);
    await enter(page, phone);
    equal(await page.evaluate(() => location.origin), origin, search);
    equal(await page.locator("a.main:visible").count(), 0, "ways on");
    await logOut(page);
    await shows(page, "login");
  }
}

export const sessions = {
  "two tabs": { test: twoTabs },
  "a session ended elsewhere": { test: otherDeviceEndsAll },
  "an expired session": { test: expired },
  "the back button": { test: backButton, languages: ["en"] },
  "no script sees the token": { test: tokenIsHidden, languages: ["en"] },
  "next is honoured": { test: nextHonoured },
  "next of another site is refused": { test: nextRefused, languages: ["zh"] },
};
