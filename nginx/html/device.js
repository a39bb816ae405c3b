// Names a session's device from its User-Agent.
import { text } from "./texts.js";

// The first match counts: most browsers also include the names of their ancestors.
const kBrowsers = [
  [/MicroMessenger\//, "WeChat"], [/\bEdg(?:A|iOS)?\//, "Edge"], [/\bOPR\//, "Opera"], [/SamsungBrowser\//, "Samsung Internet"],
  [/\b(?:Firefox|FxiOS)\//, "Firefox"], [/(?:Chrome|CriOS)\//, "Chrome"], [/\bSafari\//, "Safari"],
];
const kSystems = [
  [/iPhone/, "iPhone"], [/iPad/, "iPad"], [/HarmonyOS|OpenHarmony/, "HarmonyOS"], [/Android/, "Android"], [/Windows/, "Windows"],
  [/Mac OS X|Macintosh/, "macOS"], [/\bCrOS\b/, "ChromeOS"], [/Linux|X11/, "Linux"],
];

const find = (table, agent) => table.find(([pattern]) => pattern.test(agent))?.[1];

/// "Firefox on Windows"; for a program its own name, such as "curl".
export function deviceName(agent) {
  const browser = find(kBrowsers, agent);
  const system = find(kSystems, agent);
  if (browser && system) return text("deviceOn", { browser, system });
  return browser ?? system ?? (/^[\w.-]{1,40}/.exec(agent)?.[0] || text("unknownDevice"));
}
