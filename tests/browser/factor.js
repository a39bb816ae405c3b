// The second factor: enrolling with the QR code, every way in, recovery codes, confirming, removing.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  alertOf, ask, assert, enterAnew, equal, errorOf, field, fill, follow, hasFocus, kPassword, logIn, logOut, look, noteIs, open, sendCode, shows,
  sql, submit, until,
} from "./support.js";

const kWords = {
  zh: { on: "二次验证已启用。", off: "二次验证已停用。", few: "恢复码快用完了，请生成新的。", used: "您使用了一个恢复码。", wrong: "验证码错误或已过期", qr: "身份验证器的二维码", again: "：每个验证码只能用一次，请等待下一个；若仍不行，请检查手机的时间。" },
  en: {
    on: "From now on, a login needs your authenticator app.", off: "The authenticator app is removed.", used: "You have used a recovery code.",
    few: "You have few recovery codes left. Please make new ones.", wrong: "wrong or expired verification code", qr: "QR code for the authenticator app",
    again: ": each code works once, so wait for the next one. If that is refused, too, check the clock of your phone.",
  },
};

/// The app's code; `steps` of 30 seconds from now.
export function appCode(secret, steps = 0) {
  const when = Math.floor(Date.now() / 1000) + 30 * steps;
  return execFileSync("oathtool", ["--totp", "--base32", `--now=@${when}`, secret], { encoding: "utf8" }).trim();
}

/// As if the app's last code had been used long ago.
export const forgetUsedCodes = () => sql("UPDATE factors SET lastStep = 0");
export const letSessionsAge = () => sql("UPDATE sessions SET authTime = authTime - INTERVAL 11 MINUTE");

/// The secret in the QR code on the screen, as a phone's camera reads it.
async function scan(page) {
  const picture = join(mkdtempSync(join(process.env.TMPDIR, "qr-")), "page.png");
  writeFileSync(picture, await page.screenshot());
  const uri = execFileSync("zbarimg", ["--quiet", "--raw", "--nodbus", picture], { encoding: "utf8" }).trim();
  return new URL(uri).searchParams.get("secret");
}

const secretShown = async (page) => (await page.locator(".secret").textContent()).replaceAll(" ", "");

/// Enrols an app on the view that offers a secret; returns the secret and the recovery codes.
export async function enrol(page, language) {
  await shows(page, "totp");
  await page.locator(".qr").waitFor();
  const secret = await secretShown(page);
  await fill(page, { totp: appCode(secret) });
  await submit(page);
  await shows(page, "recovery");
  await noteIs(page, kWords[language].on);
  const codes = await page.locator(".codes li").allTextContents();
  equal(codes.length, 10, "recovery codes");
  return { secret, codes };
}

async function life({ language, visit }) {
  const { phone, page } = await enterAnew(visit);
  await follow(page, "totp");
  const qr = page.locator(".qr");
  await qr.waitFor();
  equal(await qr.getAttribute("aria-label"), kWords[language].qr, "the picture's name");
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    equal(await scan(page), await secretShown(page), `the QR code, ${colorScheme}`);
  }
  await look(page, language, "totp");
  const secret = await secretShown(page);
  assert((await page.locator(".offer a").getAttribute("href")).startsWith("otpauth://totp/"), "no link to an app");
  await fill(page, { totp: "000000" });
  await submit(page);
  equal(await errorOf(page, "totp"), kWords[language].wrong, "a wrong first code");
  // Pasted with a blank.
  const first = appCode(secret);
  await fill(page, { totp: `${first.slice(0, 3)} ${first.slice(3)}` });
  await submit(page);
  await shows(page, "recovery");
  await look(page, language, "recovery");
  const codes = await page.locator(".codes li").allTextContents();
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator(".actions button").last().click()]);
  const saved = readFileSync(await download.path(), "utf8");
  for (const code of codes) assert(saved.includes(code), `${code} is not in the file`);
  await page.locator(".links a").click();
  await shows(page, "account");
  await until("ten are left", async () => (await page.locator("dd").allTextContents()).includes("10"));
  await look(page, language, "account-factor");
  // They are shown once.
  await page.evaluate(() => { location.hash = "recovery"; });
  await until("the account again", async () => await page.evaluate(() => location.hash) === "#account");
  await logOut(page);

  await logIn(page, phone);
  await until("a field for the code", () => hasFocus(field(page, "totp")));
  equal(await field(page, "totp").getAttribute("autocomplete"), "one-time-code", "autocomplete");
  await look(page, language, "login-factor");
  await fill(page, { totp: "000000" });
  await submit(page);
  equal(await errorOf(page, "totp"), kWords[language].wrong + kWords[language].again, "a wrong code");
  forgetUsedCodes();
  await fill(page, { totp: appCode(secret) });
  await page.keyboard.press("Enter");
  await shows(page, "account");
  await logOut(page);

  await logIn(page, phone);
  await until("a field for the code", () => hasFocus(field(page, "totp")));
  await page.locator("button[data-text='use_recovery_code']").click();
  assert(await hasFocus(field(page, "recovery_code")), "the field for a recovery code has no focus");
  await fill(page, { recovery_code: codes[0].toLowerCase() });
  await submit(page);
  await shows(page, "account");
  await noteIs(page, kWords[language].used);

  await follow(page, "remove-totp");
  await look(page, language, "remove-totp");
  await submit(page);
  await shows(page, "account");
  await noteIs(page, kWords[language].off);
  await logOut(page);
  await logIn(page, phone);
  await shows(page, "account");
}

async function bySms({ language, visit }) {
  const { phone, page } = await enterAnew(visit);
  await follow(page, "totp");
  const { secret } = await enrol(page, language);
  await page.locator(".links a").click();
  await shows(page, "account");
  await logOut(page);
  await shows(page, "login");
  await open(page, "login-code");
  await fill(page, { phone });
  await fill(page, { code: await sendCode(page, phone, "login") });
  await submit(page);
  await until("a field for the app", () => hasFocus(field(page, "totp")));
  await fill(page, { totp: "000000" });
  await submit(page);
  equal(await errorOf(page, "totp"), kWords[language].wrong + kWords[language].again, "a wrong code of the app");
  forgetUsedCodes();
  await fill(page, { totp: appCode(secret) });
  await submit(page);
  await shows(page, "account");
  await logOut(page);
  await shows(page, "login");

  await open(page, "reset");
  await page.reload();
  await shows(page, "reset");
  await fill(page, { phone, password: "seven paper boats 3" });
  await fill(page, { code: await sendCode(page, phone, "reset") });
  await submit(page);
  await until("a field for the app", () => hasFocus(field(page, "totp")));
  forgetUsedCodes();
  await fill(page, { totp: appCode(secret) });
  await submit(page);
  await shows(page, "login");
  equal((await ask("login", { phone, password: "seven paper boats 3" })).code, 1013, "login afterwards");
}

async function confirming({ language, visit }) {
  const { page } = await enterAnew(visit);
  letSessionsAge();
  // Offering a secret needs a confirmation, after which it goes on by itself.
  await page.locator("a[href='#totp']").click();
  await shows(page, "confirm");
  await look(page, language, "confirm");
  await fill(page, { password: kPassword });
  await submit(page);
  const { secret, codes } = await enrol(page, language);
  await page.locator(".links a").click();
  await shows(page, "account");

  // New recovery codes, with both factors.
  letSessionsAge();
  await follow(page, "new-codes");
  await look(page, language, "new-codes");
  await submit(page);
  await shows(page, "confirm");
  await fill(page, { password: kPassword });
  await submit(page);
  await until("a field for the code", () => hasFocus(field(page, "totp")));
  forgetUsedCodes();
  await fill(page, { totp: appCode(secret) });
  await submit(page);
  await shows(page, "new-codes");
  await submit(page);
  await shows(page, "recovery");
  const fresh = await page.locator(".codes li").allTextContents();
  assert(!fresh.includes(codes[0]), "the codes are the old ones");
  await page.locator(".links a").click();
  await shows(page, "account");

  // Removing too.
  letSessionsAge();
  await follow(page, "remove-totp");
  await submit(page);
  await shows(page, "confirm");
  await fill(page, { password: kPassword });
  await submit(page);
  await page.locator("button[data-text='use_recovery_code']").click();
  await fill(page, { recovery_code: fresh[0] });
  await submit(page);
  await shows(page, "remove-totp");
  await submit(page);
  await shows(page, "account");
  await noteIs(page, kWords[language].off);
}

/// What was begun before a confirmation is not done by a later one.
async function cancelled({ visit }) {
  const { page } = await enterAnew(visit);
  letSessionsAge();
  await page.locator("a[href='#totp']").click();
  await shows(page, "confirm");
  await page.locator(".links a").click();
  await shows(page, "account");
  await page.evaluate(() => { location.hash = "confirm"; });
  await shows(page, "confirm");
  await fill(page, { password: kPassword });
  await submit(page);
  await shows(page, "account");
}

async function endedSession({ visit }) {
  const { phone, page } = await enterAnew(visit);
  await follow(page, "totp");
  const { codes } = await enrol(page, "en");
  await page.locator(".links a").click();
  await shows(page, "account");
  await follow(page, "remove-totp");
  sql("DELETE FROM sessions");
  await submit(page);
  await shows(page, "login");
  await logIn(page, phone);
  await page.locator("button[data-text='use_recovery_code']").click();
  await fill(page, { recovery_code: codes[0] });
  await submit(page);
  await shows(page, "account");
  await follow(page, "remove-totp");
  await submit(page);
  await shows(page, "account");
  await noteIs(page, kWords.en.off);
}

/// The reply to a confirmed app is lost: sending it again shows recovery codes.
async function lostReply({ visit }) {
  const { page } = await enterAnew(visit);
  await follow(page, "totp");
  await page.locator(".qr").waitFor();
  const secret = await secretShown(page);
  await page.route("**/factors/totp/confirm", async (route) => {
    await route.fetch();
    await route.abort();
    await page.unroute("**/factors/totp/confirm");
  });
  await fill(page, { totp: appCode(secret) });
  await submit(page);
  await alertOf(page);
  await page.locator("[role=alert] button").click();
  await shows(page, "recovery");
  equal((await page.locator(".codes li").allTextContents()).length, 10, "recovery codes");
}

async function fewCodes({ language, visit }) {
  const { phone, page } = await enterAnew(visit);
  await follow(page, "totp");
  const { codes } = await enrol(page, language);
  for (const code of codes.slice(0, 7)) equal((await ask("login", { phone, password: kPassword, recovery_code: code })).code, 0, code);
  await page.locator(".links a").click();
  await shows(page, "account");
  await logOut(page);
  await logIn(page, phone);
  await page.locator("button[data-text='use_recovery_code']").click();
  await fill(page, { recovery_code: codes[7] });
  await submit(page);
  await shows(page, "account");
  await noteIs(page, kWords[language].few);
}

async function locked({ language, visit }) {
  const { phone, page } = await enterAnew(visit);
  await follow(page, "totp");
  await enrol(page, language);
  await page.locator(".links a").click();
  await shows(page, "account");
  await logOut(page);
  sql("REPLACE INTO throttle SELECT CONCAT('factor:', id), 10, UTC_TIMESTAMP() + INTERVAL 600 SECOND FROM users");
  await logIn(page, phone);
  await until("a field for the code", () => hasFocus(field(page, "totp")));
  await fill(page, { totp: "123456" });
  await submit(page);
  await alertOf(page);
  sql("DELETE FROM throttle");
}

export const factor = {
  "a life with an authenticator app": { test: life },
  "the app at a login by code and a reset": { test: bySms },
  "changes ask for a confirmation": { test: confirming },
  "a confirmation that was cancelled": { test: cancelled, languages: ["en"] },
  "the session ends at the removal": { test: endedSession, languages: ["en"] },
  "the reply to the first code is lost": { test: lostReply, languages: ["en"] },
  "few recovery codes are told": { test: fewCodes },
  "a locked second factor": { test: locked, languages: ["en"] },
};
