// The service's words on what went wrong, and what to do now.
import { isTrouble, kAway } from "./api.js";
import { duration, language, text } from "./texts.js";

const kHelpOfCode = { 1008: "lockedHelp", 1010: "weakHelp", 1011: "disabledHelp", 1012: "disabledHelp" };

/// What the service says, and then the page's own `help`, where there is one.
export const explain = (words, help) => (help ? words + text("join") + help : words);

/// A reply that is no success. `troubleHelp`: the key of what to add where the same may succeed a moment later.
export function describe(reply, troubleHelp) {
  if (isTrouble(reply)) {
    return explain(reply.code === kAway ? text("away") : reply.msg, troubleHelp && text(troubleHelp));
  }
  const help = [];
  if (reply.retry_after) help.push(text("waitHelp", { time: duration(reply.retry_after) }));
  if (kHelpOfCode[reply.code]) help.push(text(kHelpOfCode[reply.code]));
  return explain(reply.msg, help.join(language() === "zh" ? "" : " "));
}
