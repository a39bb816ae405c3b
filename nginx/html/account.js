// The account view: number, creation date, sessions.
import { isTrouble, kOk } from "./api.js";
import { deviceName } from "./device.js";
import { alertBox, make, makeAction } from "./dom.js";
import { makeFactors } from "./factors.js";
import { makePasskeys } from "./passkeys.js";
import { describe } from "./replies.js";
import { ago, applyTexts, fullDate, fullTime, text } from "./texts.js";

/// Formats +8618866668888 as people write it.
const readable = (phone) => phone.replace(/^(\+86)(\d{3})(\d{4})(\d{4})$/, "$1 $2 $3 $4");

const time = (value, words) => make("time", { datetime: value, title: fullTime(value) }, words);

/// The account view. `context` as for the forms.
export function makeAccount(context) {
  const trouble = alertBox();
  const phone = make("dd", { class: "phone" });
  const since = make("dd");
  const rows = make("tbody");
  const title = make("h2", { id: "sessions-title", tabindex: -1, "data-text": "sessionsTitle" });
  const goOn = make("a", { class: "main button", hidden: true, "data-text": "goOn" });
  const passkeys = makePasskeys(context, trouble, () => factors.load());
  const factors = makeFactors(context, trouble, passkeys);
  const element = make("div", { class: "account" }, trouble.box, goOn, makeProfile(), passkeys.element, factors.element, makeSessions(), makeDanger());
  let sessions = [];

  /// Shows the account and requests its sessions. `next`: where the visitor came from, or nothing.
  async function show(person, next) {
    trouble.clear();
    phone.textContent = readable(person.phone);
    since.replaceChildren(time(person.createTime, fullDate(person.createTime)));
    goOn.hidden = !next;
    if (next) goOn.href = next;
    await Promise.all([load(), factors.load()]);
  }

  function retranslate(person) {
    trouble.clear();
    applyTexts(element);
    since.replaceChildren(time(person.createTime, fullDate(person.createTime)));
    factors.retranslate();
    passkeys.retranslate();
    showSessions();
  }

  /// Clears the account's data.
  function forget() {
    trouble.clear();
    phone.textContent = "";
    since.textContent = "";
    sessions = [];
    factors.forget();
    showSessions();
  }

  function makeProfile() {
    return make("section", { class: "card", "aria-labelledby": "account-title" },
      make("h1", { id: "account-title", tabindex: -1, "data-text": "accountTitle" }),
      make("dl", {},
        make("div", {}, make("dt", { "data-text": "phone" }), phone),
        make("div", {}, make("dt", { "data-text": "since" }), since)),
      make("div", { class: "actions" },
        make("a", { class: "button", href: "#password", "data-text": "changePassword" }),
        make("a", { class: "button", href: "#phone", "data-text": "changePhone" }),
        makeAction("logout", () => logout({}))));
  }

  function makeSessions() {
    const head = ["device", "lastSeen"].map((key) => make("th", { scope: "col", "data-text": key }));
    return make("section", { class: "card", "aria-labelledby": "sessions-title" },
      title,
      make("p", { class: "intro", "data-text": "sessionsIntro" }),
      make("table", { "aria-labelledby": "sessions-title" },
        make("thead", {}, make("tr", {}, ...head,
          make("th", { scope: "col" }, make("span", { class: "unseen", "data-text": "action" })))),
        rows),
      make("div", { class: "actions" }, makeAction("endAll", () => logout({ all: true }))));
  }

  function makeDanger() {
    return make("section", { class: "card", "aria-labelledby": "danger-title" },
      make("h2", { id: "danger-title", "data-text": "deleteTitle" }),
      make("p", { class: "intro", "data-text": "deleteIntro" }),
      make("div", { class: "actions" }, make("a", { class: "button danger", href: "#delete", "data-text": "deleteLink" })));
  }

  /// Sends a request; returns the reply, or nothing if it was already handled.
  async function ask(method, path, values, again) {
    trouble.clear();
    const reply = await context.ask(method, path, values);
    if (!reply || !isTrouble(reply)) return reply;
    trouble.show(describe(reply), again);
    return null;
  }

  async function load() {
    const reply = await ask("GET", "sessions", undefined, () => load());
    if (reply?.code !== kOk) return;
    sessions = reply.sessions;
    showSessions();
  }

  async function logout(values) {
    const reply = await ask("POST", "logout", values, () => logout(values));
    if (reply?.code === kOk) context.loggedOut("noteLoggedOut");
    else if (reply) trouble.show(describe(reply));
  }

  async function end(session) {
    // 9002: the session has already ended, which is what was wanted.
    const reply = await ask("DELETE", `sessions/${session.id}`, undefined, () => end(session));
    if (!reply) return;
    if (reply.code === kOk) context.tell("noteEnded");
    await load();
    title.focus();
  }

  function showSessions() {
    rows.replaceChildren(...sessions.map((session) => makeRow(session)));
  }

  function makeRow(session) {
    const device = deviceName(session.agent);
    const badge = make("span", { class: "badge", "data-text": "thisDevice" });
    const button = makeAction("end", () => end(session));
    button.setAttribute("aria-label", text("endOf", { device }));
    return make("tr", {},
      make("th", { scope: "row" }, device, " ", session.current ? badge : null, make("span", { class: "small" }, session.address)),
      make("td", {}, time(session.last_seen, session.current ? text("justNow") : ago(session.last_seen))),
      make("td", { class: "last" }, session.current ? null : button));
  }

  return { element, show, retranslate, forget };
}
