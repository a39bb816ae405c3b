// The service's messages for errors, and what to do.
import { isTrouble, kAway } from "./api.js";
import { duration, language, text } from "./texts.js";

const kHelpOfCode = { 1008: "lockedHelp", 1010: "weakHelp", 1011: "disabledHelp", 1012: "disabledHelp" };

/// The service's message, then the page's own `help` if there is one.
export const explain = (words, help) => (help ? words + text("join") + help : words);

/// For a reply that is an error. `troubleHelp`: the key of the text to add if a retry may succeed.
export function describe(reply, troubleHelp) {
  if (isTrouble(reply)) {
    return explain(reply.code === kAway ? text("away") : reply.msg, troubleHelp && text(troubleHelp));
  }
  const help = [];
  if (reply.retry_after) help.push(text("waitHelp", { time: duration(reply.retry_after) }));
  if (kHelpOfCode[reply.code]) help.push(text(kHelpOfCode[reply.code]));
  return explain(reply.msg, help.join(language() === "zh" ? "" : " "));
}
