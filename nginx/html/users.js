// The page: who is logged in, which view is shown, and messages from other tabs.
import { makeAccount } from "./account.js";
import { call, isTrouble, kNotLoggedIn, kOk } from "./api.js";
import { alertBox, make, makeAction } from "./dom.js";
import { makeRecoveryCodes } from "./factors.js";
import { makeForm } from "./form.js";
import { kForms } from "./forms.js";
import { nextAddress } from "./next.js";
import { describe } from "./replies.js";
import { applyTexts, chooseLanguage, figures, language, locale, text } from "./texts.js";

const kAskAgain = 3000; // milliseconds between checks whether the service is back
const kChanged = "users.changed"; // storage key, written to notify other tabs

const note = document.getElementById("note");
const place = document.getElementById("view");
const switcher = document.getElementById("language");

let next = null; // where the visitor came from
const findNext = nextAddress(location.search).then((address) => { next = address; });
let person = null; // the reply of GET me; nothing: not logged in
let known = false; // whether the service has replied
let owner; // the id of the account last shown; nothing once the login is shown
let generation = 0; // increased when the page clears; replies of an older generation are outdated
let shown = ""; // the name of the view
let arrived = false; // whether a view has been shown
let noteKey = ""; // message shown above the view
let pendingNote = ""; // message for the next view
let unconfirmed = ""; // the view to show once the user has confirmed

function tell(key) {
  noteKey = key;
  note.textContent = key ? text(key) : "";
}

/// Who is logged in may have changed. If storage is blocked, other tabs notice when somebody looks at them.
function tellOtherTabs() {
  try { localStorage.setItem(kChanged, `${Date.now()} ${Math.random()}`); } catch { /* blocked */ }
}

/// What the views receive.
const context = {
  tell,
  typedPassword: false, // at the login just now
  hasPasskey: null, // not known yet
  removing: null, // the passkey that the view remove-passkey is about: id, name, used
  phone: () => person?.phone ?? "",
  go(name, key = "") {
    pendingNote = key;
    location.hash = name;
  },
  async loggedIn(key) {
    tellOtherTabs();
    known = false;
    // So the back button leads to where the visitor came from, not to the login.
    if (next) location.replace(next);
    else await check({ in: key });
  },
  loggedOut(key) {
    tellOtherTabs();
    ++generation;
    become(null, key);
  },
  async changed(key) {
    tellOtherTabs();
    const reply = await context.ask("GET", "me");
    if (reply?.code === kOk) person = reply;
    if (reply) context.go("account", key);
  },
  /// Sends a request for the shown account. Returns null if the page now shows another one, or if the service says that this
  /// one is not logged in: the page then clears it and asks who is.
  async ask(method, path, values) {
    const account = person.id;
    const reply = await call(method, path, values, { account });
    if (person?.id !== account) return null;
    if (reply.code !== kNotLoggedIn) return reply;
    hide();
    await check();
    return null;
  },
};

/// Asks for the password and a second factor, then shows the view `name`.
context.confirmThen = (name) => {
  unconfirmed = name;
  context.go("confirm");
};
context.confirmed = (key) => {
  // A protected location has asked for it.
  if (!unconfirmed && next) location.replace(next);
  else context.go(unconfirmed || "account", key);
};
context.showRecoveryCodes = (reply, key) => {
  recovery.take(reply.recovery_codes);
  context.go("recovery", key);
};

const forms = {};
const account = makeAccount(context);
const recovery = makeRecoveryCodes();
const trouble = alertBox();
const deniedTrouble = alertBox();
const views = {
  account: account.element,
  recovery: recovery.element,
  loading: make("p", { class: "loading", role: "status", "data-text": "loading" }),
  denied: make("section", { class: "card", "aria-labelledby": "denied-title" },
    make("h1", { id: "denied-title", tabindex: -1, "data-text": "deniedTitle" }), make("p", { class: "intro", "data-text": "deniedIntro" }), deniedTrouble.box,
    make("div", { class: "actions" }, makeAction("loginAsOther", logInAsOther)), make("p", { class: "links" }, make("a", { href: "#account", "data-text": "toAccount" }))),
  away: make("section", { class: "card" }, make("h1", { id: "away-title", tabindex: -1, "data-text": "awayTitle" }), trouble.box),
};
for (const [name, spec] of Object.entries(kForms)) {
  forms[name] = makeForm(name, spec, context);
  views[name] = makeFormView(name, spec);
}

/// The address that was asked for stays in the page's own.
async function logInAsOther() {
  deniedTrouble.clear();
  const reply = await context.ask("POST", "logout");
  if (!reply) return;
  if (reply.code === kOk) context.loggedOut();
  else deniedTrouble.show(describe(reply), isTrouble(reply) ? logInAsOther : null);
}

function makeFormView(name, spec) {
  const tab = (route, key) =>
    make("a", { href: `#${route}`, "aria-current": route === name ? "page" : null, "data-text": key });
  return make("section", { class: "card form", "aria-labelledby": `${name}-title` },
    make("h1", { id: `${name}-title`, tabindex: -1, "data-text": spec.title }),
    spec.intro ? make("p", { class: "intro", "data-text": spec.intro }) : null,
    forms[name].above?.element ?? null,
    spec.tabs ? make("nav", { class: "tabs", "data-label": "waysToLogIn" }, tab("login", "byPassword"), tab("login-code", "byCode")) : null,
    forms[name].element,
    make("p", { class: "links" }, ...spec.links.map(([href, key]) => make("a", { href, "data-text": key }))));
}

/// The view in the address, if the current user may see it.
function chosenView() {
  if (!known) return "loading";
  const name = location.hash.slice(1);
  const fits = ["account", "denied"].includes(name) ? person : name === "recovery" ? person && !recovery.isEmpty() : Object.keys(kForms).includes(name) && Boolean(kForms[name].account) === Boolean(person);
  return fits ? name : person ? "account" : "login";
}

function setAddress(name) {
  if (location.hash.slice(1) !== name) history.replaceState(null, "", `${location.pathname}${location.search}#${name}`);
}

function show(key = "") {
  const name = chosenView();
  if (known) setAddress(name);
  const typed = forms[shown]?.value("phone") ?? "";
  if (shown !== name) {
    forms[shown]?.forget();
    if (shown === "recovery") recovery.forget();
    if (shown === "confirm") unconfirmed = "";
    shown = name;
    place.replaceChildren(views[name]);
    place.dataset.view = name;
    forms[name]?.retranslate();
    if (!person && typed) forms[name]?.set("phone", typed);
  }
  tell(key);
  showTitle();
  if (name === "account") account.show(person, next);
  forms[name]?.show();
  // Not on arrival: the browser starts at the top of the page.
  if (arrived) views[name].querySelector("h1")?.focus();
  arrived ||= known;
}

function showTitle() {
  document.title = `${views[shown].querySelector("h1")?.textContent ?? text("loading")} · ${text("brand")}`;
}

/// Removes from the page which account was shown and everything typed.
function forget() {
  person = null;
  unconfirmed = "";
  account.forget();
  recovery.forget();
  for (const form of Object.values(forms)) form.forget(true);
}

/// Shows nothing until the service says who is logged in.
function hide() {
  ++generation;
  known = false;
  forget();
  show();
}

/// Another user is logged in, or nobody is.
function become(now, key) {
  if (now?.id !== owner) forget();
  // Closes a form that was opened for the other account.
  if (now && owner && now.id !== owner) setAddress("account");
  person = now;
  owner = now?.id;
  known = true;
  show(key);
}

/// Asks the service who is logged in, and shows the view; `notes`: messages about a login or logout.
async function check(notes = {}) {
  const asked = generation;
  // If nobody is logged in, a 401 would be an error in the browser's console.
  const reply = await call("GET", "me?optional=true");
  await findNext;
  if (asked !== generation) return;
  if (isTrouble(reply)) {
    if (!known) showAway(reply);
    return;
  }
  figures.shortest = reply.password_min_length ?? figures.shortest;
  const now = reply.code === kOk ? reply : null;
  if (known && now?.id === person?.id && now?.phone === person?.phone) return;
  if (now) become(now, owner && owner !== now.id ? "noteOther" : notes.in);
  else become(null, notes.out ?? (owner ? "noteExpired" : ""));
}

function showAway(reply) {
  if (shown !== "away") {
    shown = "away";
    place.replaceChildren(views.away);
    place.dataset.view = shown;
    trouble.show(describe(reply, "awaySoon"), () => check());
    showTitle();
  }
  setTimeout(() => { if (!known) check(); }, kAskAgain);
}

function translate() {
  document.documentElement.lang = locale();
  applyTexts(document.body);
  for (const view of Object.values(views)) applyTexts(view);
  for (const form of Object.values(forms)) form.retranslate();
  if (person) account.retranslate(person);
  switcher.textContent = text("otherLanguage");
  switcher.lang = language() === "zh" ? "en" : "zh-CN";
  tell(noteKey);
  if (shown) showTitle();
}

switcher.hidden = false;
switcher.addEventListener("click", () => {
  chooseLanguage(language() === "zh" ? "en" : "zh");
  translate();
});
addEventListener("hashchange", () => {
  show(pendingNote);
  pendingNote = "";
});
// Another tab has logged in or out, or this one was in the background for long.
addEventListener("storage", (event) => { if (event.key === kChanged) check({ out: "noteLoggedOut" }); });
document.addEventListener("visibilitychange", () => { if (known && !document.hidden) check(); });
addEventListener("focus", () => { if (known) check(); });
// The browser may keep a page that was left; the back button shows it unchanged.
addEventListener("pagehide", hide);
addEventListener("pageshow", (event) => { if (event.persisted) check(); });

translate();
show();
check();
