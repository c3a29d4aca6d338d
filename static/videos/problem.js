/** Why something did not work, on screen: what happened stands out, what to do about it follows. */

import { el } from "./dom.js";

/**
 * @param {{message: string, code: string}} fault its first sentence says what happened
 * @param {string} [advice]
 * @returns {(Node|string)[]}
 */
export function problemParts({ message, code }, advice = "") {
  const [, happened, todo] = /^(.*?[.!?])(?:\s+(.*))?$/s.exec(message) || ["", message, ""];
  const rest = [todo, advice].filter(Boolean).join(" ");
  return [el("strong", {}, happened), rest ? `${rest} ` : "", el("code", {}, code)];
}
