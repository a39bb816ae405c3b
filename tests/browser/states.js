// The life of an account, with a look at every state of the page.
import {
  alertOf, ask, assert, codeSentTo, enter, equal, errorOf, field, fill, follow, freshPhone, hasFocus, kPassword, logOut, logOutEverywhere,
  look, noteIs, open, readable, sendButton, sendCode, shows, sql, submit, until,
} from "./support.js";

const kNewPassword = "quiet lamp river 7";
const kResetPassword = "seven paper boats 3";

const kWords = {
  zh: {
    registered: "注册成功，欢迎！", ended: "已结束该设备的登录。", password: "密码已修改，其他设备已退出。", phone: "手机号已更换。",
    loggedOut: "您已退出登录。", reset: "密码已重置，请用新密码登录。", deleted: "账号已删除。", tick: "请先勾选确认。", wrong: "手机号或密码错误",
    strengths: ["太短", "容易被猜到", "一般", "很好"],
  },
  en: {
    registered: "Welcome! Your account is ready.", ended: "That session is ended.",
    password: "Password changed. Your other devices are logged out.", phone: "Your number is changed.", loggedOut: "You are logged out.",
    reset: "Your password is changed. Please log in with it.", deleted: "Your account is deleted.", tick: "Please tick this first.",
    wrong: "wrong phone or password", strengths: ["too short", "easy to guess", "fair", "good"],
  },
};

const rows = (page) => page.locator("tbody tr");
const phoneShown = (page) => page.locator("dd.phone").textContent();

/// Sends the form, which leads to a view with a note.
async function succeed(page, view, words) {
  await submit(page);
  await shows(page, view);
  await noteIs(page, words);
}

/// Requests a code with the button and enters it.
async function useCode(page, phone, purpose) {
  await field(page, "code").fill(await sendCode(page, phone, purpose));
}

async function countsDown(page, language) {
  const pattern = language === "zh" ? /^(\d+) 秒后可重发$/ : /^Again in (\d+) s$/;
  const seconds = async () => Number(pattern.exec(await sendButton(page).textContent())?.[1]);
  await until("the countdown starts", seconds);
  const first = await seconds();
  assert(first > 50 && first <= 60, `the countdown starts at ${first}`);
  equal(await sendButton(page).getAttribute("aria-disabled"), "true", "the button while it counts");
  await until("it counts down", async () => await seconds() < first);
  // The code of another phone is refused.
  const typed = await field(page, "phone").inputValue();
  await field(page, "phone").fill("13900000000");
  equal(await sendButton(page).getAttribute("aria-disabled"), null, "the button for another phone");
  await field(page, "phone").fill(typed);
  equal(await sendButton(page).getAttribute("aria-disabled"), "true", "the button for the first phone");
}

async function strengths(page, words) {
  const steps = [["abc12", 0], ["aaaaaaaaaaaa", 1], ["kvmw4tqhx8c", 0], ["123456789012", 1], ["password1234", 1], ["kvkvmwmwkvmw", 2], [kPassword, 3]];
  for (const [password, level] of steps) {
    await field(page, "password").fill(password);
    const shown = await page.locator(".strength").textContent();
    assert(shown.endsWith(words.strengths[level]), `strength of ${password}: ${shown}`);
  }
  // What a stranger tries first.
  await field(page, "password").fill(`a${await field(page, "phone").inputValue()}`);
  assert((await page.locator(".strength").textContent()).endsWith(words.strengths[1]), "the phone as a password");
}

async function register(page, language, phone) {
  const words = kWords[language];
  await open(page, "register");
  await look(page, language, "register");
  await field(page, "phone").fill(phone);
  await sendButton(page).click();
  await until("the code's field has the focus", () => hasFocus(field(page, "code")));
  await countsDown(page, language);
  await field(page, "code").fill(await codeSentTo(phone, "regist"));
  await strengths(page, words);
  await field(page, "password").fill("kvmw4tqh");
  await look(page, language, "register-filled");
  await field(page, "password").fill(kPassword);
  const show = page.locator("button.inside");
  equal(await field(page, "password").getAttribute("type"), "password", "the password's field");
  await show.click();
  equal(await field(page, "password").getAttribute("type"), "text", "the password's field, shown");
  equal(await show.getAttribute("aria-pressed"), "true", "the button");
  await succeed(page, "account", words.registered);
}

async function endASession(page, language, phone) {
  const login = await fetch(new URL("/users/login", page.url()), {
    method: "POST", body: JSON.stringify({ phone, password: kPassword }),
    headers: { "User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1" },
  });
  equal((await login.json()).data.code, 0, "login by another client");
  sql("UPDATE sessions SET seenTime = UTC_TIMESTAMP() - INTERVAL 3 HOUR WHERE agent LIKE '%iPhone%'");
  await page.reload();
  await shows(page, "account");
  await until("two sessions", async () => await rows(page).count() === 2);
  const names = await page.locator("tbody th").allInnerTexts();
  assert(names.some((name) => /iPhone/.test(name) && /Safari/.test(name) && /127\.0\.0\.1/.test(name)), `devices: ${names}`);
  const seen = await page.locator("tbody tr", { hasText: "iPhone" }).locator("time").textContent();
  equal(seen, language === "zh" ? "3小时前" : "3 hours ago", "last seen");
  equal(await page.locator(".badge").count(), 1, "current sessions");
  await look(page, language, "account");
  await page.locator("tbody button").click();
  await until("one session", async () => await rows(page).count() === 1);
  await noteIs(page, kWords[language].ended);
  equal(sql(`SELECT COUNT(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.phone = '+86${phone}'`).trim(), "COUNT(*)\n1", "sessions");
}

async function changePassword(page, language) {
  await follow(page, "password");
  await look(page, language, "password");
  await fill(page, { old_password: kPassword, password: kNewPassword });
  await succeed(page, "account", kWords[language].password);
}

async function changePhone(page, language, phone) {
  await follow(page, "phone");
  await look(page, language, "phone");
  await fill(page, { phone, password: kNewPassword });
  await useCode(page, phone, "phone");
  await succeed(page, "account", kWords[language].phone);
  equal(await phoneShown(page), readable(phone), "the number");
}

async function reset(page, language, phone) {
  await page.locator("a[href='#reset']").click();
  // The page remembers when it sent the last code.
  await page.reload();
  await shows(page, "reset");
  await look(page, language, "reset");
  await fill(page, { phone, password: kResetPassword });
  await useCode(page, phone, "reset");
  await succeed(page, "login", kWords[language].reset);
}

async function removeAccount(page, language, phone) {
  await follow(page, "delete");
  await fill(page, { password: "wrong one 1" });
  await submit(page);
  equal(await errorOf(page, "confirm"), kWords[language].tick, "without the tick");
  await look(page, language, "delete");
  await page.locator("input[type=checkbox]").check();
  await submit(page);
  equal(await errorOf(page, "password"), kWords[language].wrong, "with a wrong password");
  await fill(page, { password: kResetPassword });
  await succeed(page, "login", kWords[language].deleted);
  equal((await ask("login", { phone, password: kResetPassword })).code, 1004, "login afterwards");
}

async function life({ language, visit }) {
  const words = kWords[language];
  const phone = freshPhone();
  const page = await visit();
  await shows(page, "login");
  equal(await page.evaluate(() => document.documentElement.lang), language === "zh" ? "zh-CN" : "en", "the page's language");
  await look(page, language, "login");
  await register(page, language, phone);
  equal(await phoneShown(page), readable(phone), "the number");
  equal(await page.locator("dl time").getAttribute("datetime").then((time) => time.slice(0, 2)), "20", "since when");
  await endASession(page, language, phone);
  await changePassword(page, language);
  const second = freshPhone();
  await changePhone(page, language, second);
  await logOut(page);
  await shows(page, "login");
  await noteIs(page, words.loggedOut);
  await reset(page, language, second);
  await enter(page, second, kResetPassword);
  await logOutEverywhere(page);
  await shows(page, "login");
  await open(page, "login-code");
  await page.reload();
  await shows(page, "login-code");
  await look(page, language, "login-code");
  await field(page, "phone").fill(second);
  await useCode(page, second, "login");
  await submit(page);
  await shows(page, "account");
  await removeAccount(page, language, second);
}

async function lookAtErrors({ language, visit }) {
  const page = await visit("/users/#register");
  await fill(page, { phone: "12", code: "12", password: "short" });
  await submit(page);
  await errorOf(page, "phone");
  await look(page, language, "register-wrong");
  await open(page, "login");
  await fill(page, { phone: freshPhone(), password: "wrong one 1" });
  for (let i = 0; i < 10; ++i) await ask("login", { phone: await field(page, "phone").inputValue(), password: "wrong one 1" });
  await submit(page);
  await alertOf(page);
  await look(page, language, "login-locked");
}

export const states = {
  "the whole life of an account": { test: life },
  "errors, looked at": { test: lookAtErrors },
};
