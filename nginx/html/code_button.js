// The button that requests a code, with a countdown to the next one.
import { call, isTrouble, kOk, makeIntent } from "./api.js";
import { isBusy, make, setBusy } from "./dom.js";
import { duration, text } from "./texts.js";

// When a phone may request the next code. Counted per phone, so all forms share it.
const readyAt = new Map();

/// `purpose` as in POST code; `phone()` as typed; `onStart()`, `onSent()` and `onFailure(reply, again)` report progress. Call
/// `update` when the phone or the language may have changed.
export function makeCodeButton({ purpose, phone, onStart, onSent, onFailure }) {
  const button = make("button", { type: "button", class: "beside" });
  const intent = makeIntent();
  let sending = false;
  let timer;

  const update = () => {
    const seconds = ((readyAt.get(phone()) ?? 0) - performance.now()) / 1000;
    clearTimeout(timer);
    if (seconds > 0) timer = setTimeout(update, Math.min(1000, seconds * 1000));
    setBusy(button, sending || seconds > 0);
    button.textContent = seconds > 0 ? text("sendAgain", { time: duration(Math.ceil(seconds)) }) : text("sendCode");
  };

  const send = async () => {
    if (isBusy(button)) return;
    onStart();
    sending = true;
    update();
    const values = { phone: phone(), purpose };
    const reply = await call("POST", "code", values, { key: intent.keyOf(values) });
    intent.settle(reply);
    sending = false;
    if (reply.retry_after && !isTrouble(reply)) readyAt.set(values.phone, performance.now() + reply.retry_after * 1000);
    update();
    if (reply.code === kOk) onSent();
    else onFailure(reply, send);
  };

  button.addEventListener("click", send);
  return { button, update };
}
