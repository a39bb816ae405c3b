// Each error of the service is shown in its own words at the right place.
import {
  alertOf, ask, assert, enter, equal, errorOf, field, fill, forgetLimits, freshPhone, kPassword, logIn, makeAccount, open, sendButton,
  sendCode, sql, submit, until,
} from "./support.js";

const kMessages = {
  zh: {
    1001: "入参非法", 1002: "用户已注册，请直接登录", 1004: "手机号或密码错误", 1005: "验证码错误或已过期", 1006: "验证码已失效，请重新获取",
    1007: "请求过于频繁，请稍后再试", 1008: "尝试次数过多，账号暂时锁定", 1010: "密码过于简单", 1011: "账号已停用",
  },
  en: {
    1001: "invalid arguments", 1002: "already registered, please log in", 1004: "wrong phone or password",
    1005: "wrong or expired verification code", 1006: "verification code used up, request a new one",
    1007: "too many requests, try again later", 1008: "too many attempts, temporarily locked", 1010: "password too weak",
    1011: "account disabled",
  },
};

function begins(shown, language, code) {
  assert(shown.startsWith(kMessages[language][code]), `code ${code}: ${shown}`);
}

const wrongCode = (code) => (code === "000000" ? "000001" : "000000");

async function badArguments({ language, visit }) {
  const page = await visit("/users/#register");
  await submit(page);
  begins(await errorOf(page, "phone"), language, 1001);
  for (const name of ["phone", "code", "password"]) {
    equal(await field(page, name).getAttribute("aria-invalid"), "true", name);
    assert((await page.locator(`#register-${name}-error`).textContent()).length > kMessages[language][1001].length + 5, `${name} has no help`);
  }
  for (const part of ["hint", "error"]) {
    assert((await page.locator(`#register-password-${part}`).textContent()).includes("12"), `the ${part} does not name the site's shortest password`);
  }
  await field(page, "phone").fill("1");
  equal(await field(page, "phone").getAttribute("aria-invalid"), null, "phone while it is corrected");
  await sendButton(page).click();
  begins(await errorOf(page, "phone"), language, 1001);
  await fill(page, { phone: freshPhone(), code: "12345", password: kPassword });
  await submit(page);
  begins(await errorOf(page, "code"), language, 1001);
}

async function registration({ language, visit }) {
  const page = await visit("/users/#register");
  const phone = freshPhone();
  await fill(page, { phone, password: kPassword });
  const code = await sendCode(page, phone, "regist");
  await field(page, "code").fill(wrongCode(code));
  await submit(page);
  begins(await errorOf(page, "code"), language, 1005);
  // A weak password is reported before the code is tried.
  await field(page, "code").fill(` ${code.slice(0, 3)} ${code.slice(3)} `);
  await field(page, "password").fill("password1234");
  await submit(page);
  begins(await errorOf(page, "password"), language, 1010);
  await field(page, "code").fill(wrongCode(code));
  await field(page, "password").fill(kPassword);
  for (let tries = 0; tries < 5; ++tries) await ask("regist", { phone, password: kPassword, code: wrongCode(code) });
  await submit(page);
  begins(await errorOf(page, "code"), language, 1006);

  const known = await makeAccount();
  await fill(page, { phone: known, password: kPassword });
  await field(page, "code").fill(await sendCode(page, known, "regist", 2));
  await submit(page);
  begins(await errorOf(page, "phone"), language, 1002);
}

async function tooEarly({ language, visit }) {
  const phone = freshPhone();
  forgetLimits();
  equal((await ask("code", { phone })).code, 0, "a code");
  const page = await visit("/users/#register");
  await field(page, "phone").fill(phone);
  await sendButton(page).click();
  const shown = await alertOf(page);
  begins(shown, language, 1007);
  assert(/\d/.test(shown), `no time is told: ${shown}`);
  equal(await sendButton(page).getAttribute("aria-disabled"), "true", "the button");
}

async function lockedAndDisabled({ language, visit }) {
  const phone = await makeAccount();
  const page = await visit();
  await logIn(page, phone, "wrong one 1");
  begins(await errorOf(page, "password"), language, 1004);
  for (let tries = 0; tries < 10; ++tries) await ask("login", { phone, password: "wrong one 1" });
  await submit(page);
  const locked = await alertOf(page);
  begins(locked, language, 1008);
  assert(locked.includes(language === "zh" ? "15 分钟" : "15 min"), `how long: ${locked}`);
  forgetLimits();
  sql(`UPDATE users SET disableTime = UTC_TIMESTAMP() WHERE phone = '+86${phone}'`);
  await field(page, "password").fill(kPassword);
  await submit(page);
  await until("the next error", async () => (await page.locator(".alert p").textContent()).startsWith(kMessages[language][1011]));
}

async function ofTheAccount({ language, visit }) {
  const phone = await makeAccount();
  const other = await makeAccount();
  const page = await visit();
  await enter(page, phone);
  await open(page, "password");
  await fill(page, { old_password: "wrong one 1", password: "quiet lamp river 7" });
  await submit(page);
  begins(await errorOf(page, "old_password"), language, 1004);
  await fill(page, { old_password: kPassword, password: "password1234" });
  await submit(page);
  begins(await errorOf(page, "password"), language, 1010);
  await open(page, "phone");
  await fill(page, { phone: other, password: kPassword });
  await field(page, "code").fill(await sendCode(page, other, "phone"));
  await submit(page);
  begins(await errorOf(page, "phone"), language, 1002);
}

async function ofTheReset({ language, visit }) {
  const page = await visit("/users/#reset");
  // Phones without an account get the same answer.
  await fill(page, { phone: freshPhone(), code: "123456", password: kPassword });
  await submit(page);
  begins(await errorOf(page, "code"), language, 1005);
}

export const errors = {
  "bad arguments are told at their fields": { test: badArguments },
  "wrong codes, a weak password, a known phone": { test: registration },
  "a code asked for too early": { test: tooEarly },
  "a wrong password, a lock, a disabled account": { test: lockedAndDisabled },
  "wrong inputs of the account's forms": { test: ofTheAccount },
  "a reset of nobody's account": { test: ofTheReset },
};
