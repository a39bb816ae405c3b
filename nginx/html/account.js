// The account: number, since when, the sessions.
import { isTrouble, kOk } from "./api.js";
import { deviceName } from "./device.js";
import { alertBox, isBusy, make, setBusy } from "./dom.js";
import { describe } from "./replies.js";
import { ago, applyTexts, fullDate, fullTime, text } from "./texts.js";

/// +8618866668888 as people write it.
const readable = (phone) => phone.replace(/^(\+86)(\d{3})(\d{4})(\d{4})$/, "$1 $2 $3 $4");

const time = (value, words) => make("time", { datetime: value, title: fullTime(value) }, words);

export class Account {
  #context;
  #alert = alertBox();
  #phone = make("dd", { class: "phone" });
  #since = make("dd");
  #goOn;
  #rows = make("tbody");
  #sessions = [];
  #title = make("h2", { id: "sessions-title", tabindex: -1, "data-text": "sessionsTitle" });

  constructor(context) {
    this.#context = context;
    this.#goOn = make("a", { class: "main button", hidden: true, "data-text": "goOn" });
    this.element = make("div", { class: "account" },
      this.#alert.box, this.#goOn, this.#makeProfile(), this.#makeSessions(), this.#makeDanger());
  }

  /// Shows the person and asks for the sessions. `next`: where the visitor came from, or nothing.
  async show(person, next) {
    this.#alert.clear();
    this.#phone.textContent = readable(person.phone);
    this.#since.replaceChildren(time(person.createTime, fullDate(person.createTime)));
    this.#goOn.hidden = !next;
    if (next) this.#goOn.href = next;
    await this.#load();
  }

  retranslate(person) {
    this.#alert.clear();
    applyTexts(this.element);
    this.#since.replaceChildren(time(person.createTime, fullDate(person.createTime)));
    this.#showSessions();
  }

  /// Forgets whose account it was.
  forget() {
    this.#alert.clear();
    this.#phone.textContent = "";
    this.#since.textContent = "";
    this.#sessions = [];
    this.#showSessions();
  }

  #makeProfile() {
    return make("section", { class: "card", "aria-labelledby": "account-title" },
      make("h1", { id: "account-title", tabindex: -1, "data-text": "accountTitle" }),
      make("dl", {},
        make("div", {}, make("dt", { "data-text": "phone" }), this.#phone),
        make("div", {}, make("dt", { "data-text": "since" }), this.#since)),
      make("div", { class: "actions" },
        make("a", { class: "button", href: "#password", "data-text": "changePassword" }),
        make("a", { class: "button", href: "#phone", "data-text": "changePhone" }),
        this.#makeAction("logout", () => this.#logout({}))));
  }

  #makeSessions() {
    const head = ["device", "lastSeen"].map((key) => make("th", { scope: "col", "data-text": key }));
    return make("section", { class: "card", "aria-labelledby": "sessions-title" },
      this.#title,
      make("p", { class: "intro", "data-text": "sessionsIntro" }),
      make("table", { "aria-labelledby": "sessions-title" },
        make("thead", {}, make("tr", {}, ...head,
          make("th", { scope: "col" }, make("span", { class: "unseen", "data-text": "action" })))),
        this.#rows),
      make("div", { class: "actions" }, this.#makeAction("endAll", () => this.#logout({ all: true }))));
  }

  #makeDanger() {
    return make("section", { class: "card", "aria-labelledby": "danger-title" },
      make("h2", { id: "danger-title", "data-text": "deleteTitle" }),
      make("p", { class: "intro", "data-text": "deleteIntro" }),
      make("div", { class: "actions" }, make("a", { class: "button danger", href: "#delete", "data-text": "deleteLink" })));
  }

  /// A button that is busy while `act` works.
  #makeAction(key, act) {
    const button = make("button", { type: "button", "data-text": key });
    button.addEventListener("click", async () => {
      if (isBusy(button)) return;
      setBusy(button, true);
      await act();
      setBusy(button, false);
    });
    return button;
  }

  /// Sends; gives the reply where it is the service's last word, nothing where that was dealt with.
  async #ask(method, path, values, again) {
    this.#alert.clear();
    const reply = await this.#context.ask(method, path, values);
    if (!reply || !isTrouble(reply)) return reply;
    this.#alert.show(describe(reply), again);
    return null;
  }

  async #load() {
    const reply = await this.#ask("GET", "sessions", undefined, () => this.#load());
    if (reply?.code !== kOk) return;
    this.#sessions = reply.sessions;
    this.#showSessions();
  }

  async #logout(values) {
    const reply = await this.#ask("POST", "logout", values, () => this.#logout(values));
    if (reply?.code === kOk) this.#context.loggedOut("noteLoggedOut");
    else if (reply) this.#alert.show(describe(reply));
  }

  async #end(session) {
    // One that has ended meanwhile is 9002: ended all the same.
    const reply = await this.#ask("DELETE", `sessions/${session.id}`, undefined, () => this.#end(session));
    if (!reply) return;
    if (reply.code === kOk) this.#context.tell("noteEnded");
    await this.#load();
    this.#title.focus();
  }

  #showSessions() {
    this.#rows.replaceChildren(...this.#sessions.map((session) => this.#makeRow(session)));
  }

  #makeRow(session) {
    const device = deviceName(session.agent);
    const badge = make("span", { class: "badge", "data-text": "thisDevice" });
    const end = this.#makeAction("end", () => this.#end(session));
    end.setAttribute("aria-label", text("endOf", { device }));
    return make("tr", {},
      make("th", { scope: "row" }, device, " ", session.current ? badge : null, make("span", { class: "small" }, session.address)),
      make("td", {}, time(session.last_seen, session.current ? text("justNow") : ago(session.last_seen))),
      make("td", { class: "last" }, session.current ? null : end));
  }
}
