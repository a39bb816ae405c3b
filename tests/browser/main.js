// Runs the tests one after another, those about texts in both languages; TESTS is a pattern of their names.
import { alone } from "./alone.js";
import { states } from "./states.js";
import { errors } from "./errors.js";
import { factor } from "./factor.js";
import { old } from "./old.js";
import { passkey } from "./passkey.js";
import { rules } from "./rules.js";
import { sessions } from "./sessions.js";
import { stale } from "./stale.js";
import { trouble } from "./trouble.js";
import { makeVisitor, photograph, startBrowser, stopBrowser } from "./support.js";

const wanted = new RegExp(process.env.TESTS ?? "");
let passed = 0;
let failed = 0;

async function run(name, language, { test, options }) {
  const whole = `${name} (${language})`;
  if (!wanted.test(whole)) return;
  const began = Date.now();
  let visitor;
  try {
    visitor = await makeVisitor(language, options);
    await test(visitor);
    if (visitor.complaints.length > 0) throw new Error(`the browser complains:\n    ${visitor.complaints.join("\n    ")}`);
    ++passed;
    console.log(`  ok ${whole}, ${((Date.now() - began) / 1000).toFixed(1)} s`);
  } catch (error) {
    ++failed;
    console.log(`  FAILED ${whole}: ${error.stack}`);
    for (const page of visitor?.context.pages() ?? []) {
      console.log(`    at ${page.url()}: ${await page.locator("main").innerText().catch(() => "no page")}`);
      await photograph(page, `failed-${whole.replace(/\W+/g, "-")}`).catch(() => {});
    }
  }
  await visitor?.close();
}

await startBrowser();
for (const [name, test] of Object.entries({ ...states, ...errors, ...factor, ...passkey, ...rules, ...sessions, ...stale, ...trouble, ...alone, ...old })) {
  for (const language of test.languages ?? ["zh", "en"]) await run(name, language, test);
}
await stopBrowser();
if (passed + failed === 0) console.log("no test has such a name");
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
