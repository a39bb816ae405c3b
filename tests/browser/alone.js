// The page by keyboard only, without JavaScript, with the language chosen by hand; names of devices; the API reference.
import {
  assert, codeSentTo, equal, field, forgetLimits, freshPhone, hasFocus, kNarrow, kPassword, kWide, look, origin, photograph,
  shows, until,
} from "./support.js";

/// Presses Tab until the element has a visible focus.
async function tabTo(page, selector) {
  const target = page.locator(selector);
  for (let presses = 0; presses < 40; ++presses) {
    await page.keyboard.press("Tab");
    if (!await hasFocus(target)) continue;
    const outline = await target.evaluate((element) => getComputedStyle(element).outlineStyle);
    assert(outline !== "none", `the focus on ${selector} is not seen`);
    return;
  }
  throw new Error(`Tab does not reach ${selector}`);
}

async function press(page, selector, key = "Enter") {
  await tabTo(page, selector);
  await page.keyboard.press(key);
}

async function type(page, selector, words) {
  await tabTo(page, selector);
  await page.keyboard.type(words);
}

async function keyboard({ visit }) {
  const phone = freshPhone();
  const page = await visit();
  await shows(page, "login");
  await press(page, "a[href='#register']");
  await shows(page, "register");
  assert(await hasFocus(page.locator("h1")), "a new view does not begin at its title");
  await type(page, "#register-phone", phone);
  forgetLimits();
  await press(page, "button.beside");
  await until("the code's field has the focus", () => hasFocus(field(page, "code")));
  await page.keyboard.type(await codeSentTo(phone, "regist"));
  assert(!await hasFocus(page.locator("button.beside")), "the focus is on the button");
  await type(page, "#register-password", "short");
  await page.keyboard.press("Enter");
  await until("the wrong field has the focus", async () => await field(page, "password").getAttribute("aria-invalid") === "true");
  assert(await hasFocus(field(page, "password")), "the wrong field has no focus");
  await page.keyboard.press("Control+A");
  await page.keyboard.type(kPassword);
  await press(page, "button.inside", "Space");
  equal(await field(page, "password").getAttribute("type"), "text", "the password's field, shown");
  await press(page, "form button.main");
  await shows(page, "account");
  await press(page, "a[href='#delete']");
  await shows(page, "delete");
  await type(page, "#delete-password", kPassword);
  await press(page, "input[type=checkbox]", "Space");
  await press(page, "form button.main");
  await shows(page, "login");
}

async function withoutScript({ language, visit }) {
  const page = await visit();
  const shown = await page.locator("main").innerText();
  assert(shown.includes("为本站启用 JavaScript") && shown.includes("allow JavaScript for this site"), shown);
  equal(await page.locator("button:visible, input:visible").count(), 0, "what would not work");
  const session = await page.context().newCDPSession(page);
  for (const [size, viewport] of [["narrow", kNarrow], ["wide", kWide]]) {
    await page.setViewportSize(viewport);
    const { cssContentSize } = await session.send("Page.getLayoutMetrics");
    assert(cssContentSize.width <= viewport.width, `${cssContentSize.width} px wide`);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await photograph(page, `no-script-${language}-${size}-${colorScheme}`);
    }
  }
}

async function languageByHand({ language, visit }) {
  const other = language === "zh" ? "en" : "zh";
  const page = await visit();
  await shows(page, "login");
  const languages = [];
  page.on("request", (request) => { if (request.method() === "POST") languages.push(request.headers()["accept-language"]); });
  const submitEmpty = async () => {
    await page.locator("form button.main").click();
    await until("an error", async () => await field(page, "phone").getAttribute("aria-invalid") === "true");
    return page.locator("#login-phone-error").textContent();
  };
  const first = await submitEmpty();
  await page.locator("#language").click();
  equal(await page.locator("h1").textContent(), other === "zh" ? "登录" : "Log in", "the title");
  equal(await page.evaluate(() => document.documentElement.lang), other === "zh" ? "zh-CN" : "en", "the page's language");
  equal(await page.locator("#login-phone-error").textContent(), "", "an error in the other language");
  const second = await submitEmpty();
  assert(first.startsWith(language === "zh" ? "入参非法" : "invalid arguments"), first);
  assert(second.startsWith(other === "zh" ? "入参非法" : "invalid arguments"), second);
  equal(languages, language === "zh" ? ["zh-CN", "en"] : ["en", "zh-CN"], "languages asked for");
  await page.reload();
  await shows(page, "login");
  equal(await page.locator("h1").textContent(), other === "zh" ? "登录" : "Log in", "the title after a reload");
  await look(page, other, "language-by-hand");
}

const kAgents = {
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36 Edg/150.0.0.0": ["Edge", "Windows"],
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0": ["Firefox", "Windows"],
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15": ["Safari", "macOS"],
  "Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/150.0 Mobile/15E148 Safari/604.1": ["Chrome", "iPad"],
  "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36": ["Samsung Internet", "Android"],
  "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0 Mobile Safari/537.36 MicroMessenger/8.0.50": ["WeChat", "Android"],
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36 OPR/120.0": ["Opera", "Linux"],
};

async function devices({ language, visit }) {
  const page = await visit();
  const nameOf = (agent) => page.evaluate(async (text) => (await import("/users/static/device.js")).deviceName(text), agent);
  for (const [agent, [browser, system]] of Object.entries(kAgents)) {
    equal(await nameOf(agent), language === "zh" ? `${system} 上的 ${browser}` : `${browser} on ${system}`, agent);
  }
  equal(await nameOf("curl/8.5.0"), "curl", "a program");
  const unknown = language === "zh" ? "未知设备" : "Unknown device";
  for (const agent of ["", "<img src=x onerror=alert(1)>", "（）"]) equal(await nameOf(agent), unknown, JSON.stringify(agent));
}

/// Made from the description of the API, which unit tests compare with the service's tables.
async function reference({ language, visit }) {
  const { paths, components } = await (await fetch(`${origin}/users/openapi.json`)).json();
  const operations = Object.values(paths).flatMap((path) => Object.values(path).map(({ operationId }) => operationId));
  const described = Object.values(components.schemas).filter((schema) => "x-status" in schema);
  const codes = new Set(described.map(({ properties }) => properties.data.properties.code.const)).size;
  const page = await visit("/users/docs/");
  await page.locator("h1").waitFor();
  equal(await page.locator("section.endpoint > h3").evaluateAll((titles) => titles.map(({ id }) => id).sort()), [...operations].sort(), "what is described");
  equal(await page.locator("tr[id^='code-']").count(), codes, "result codes");
  equal(await page.getByText(/\b(undefined|NaN|\[object)/).allTextContents(), [], "what could not be told");
  await page.locator(`nav a[href='#${operations.at(-1)}']`).first().click();
  equal(await page.evaluate(() => location.hash), `#${operations.at(-1)}`, "the address");
  await look(page, language, "docs");
}

export const alone = {
  "by keyboard alone": { test: keyboard },
  "without JavaScript": { test: withoutScript, options: { javaScriptEnabled: false } },
  "the language by hand": { test: languageByHand },
  "names of devices": { test: devices },
  "the reference of the API": { test: reference, languages: ["en"] },
};
