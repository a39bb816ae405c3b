// Builds elements. Text is always text, never markup.
import { applyTexts } from "./texts.js";

/// An element with attributes (true: present; false or null: absent; a function: a listener) and children.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  if (attributes["data-text"] || attributes["data-label"]) applyTexts(element);
  return element;
}

/// Shows errors that belong to no field. With `retry` it offers to try again.
export function alertBox() {
  const words = make("p");
  const box = make("div", { class: "alert", role: "alert", tabindex: -1, hidden: true }, words);
  return {
    box,
    clear() {
      box.hidden = true;
      words.textContent = "";
      box.querySelector("button")?.remove();
    },
    show(message, retry) {
      this.clear();
      box.hidden = false;
      words.textContent = message;
      if (retry) box.append(make("button", { type: "button", "data-text": "retry", click: retry }));
      box.focus();
    },
  };
}

/// Disables a button but keeps its focus, which "disabled" would lose.
export function setBusy(button, busy) {
  if (busy) button.setAttribute("aria-disabled", "true");
  else button.removeAttribute("aria-disabled");
}

/// A button that is busy while `act` runs.
export function makeAction(key, act) {
  const button = make("button", { type: "button", "data-text": key });
  button.addEventListener("click", async () => {
    if (isBusy(button)) return;
    setBusy(button, true);
    await act();
    setBusy(button, false);
  });
  return button;
}

export const isBusy = (button) => button.hasAttribute("aria-disabled");
