/** The library's filters: what fits is drawn in place, so that who changes them stays at them. */

import { announce } from "./announce.js";
import { byId, setText } from "./dom.js";
import { redrawn } from "./focus.js";

/** Counts questions: the answer to an earlier one is not shown any more. */
let turn = 0;

/**
 * @param {HTMLFormElement} form
 * @param {() => void} drawn called when the list is another one
 */
export function wireFilters(form, drawn) {
  const ask = () => {
    const address = `${location.pathname}?${new URLSearchParams(new FormData(form))}`;
    show(address, drawn);
  };
  form.querySelector("[data-without-script]").hidden = true;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  for (const select of form.querySelectorAll("select")) select.addEventListener("change", ask);
}

async function show(address, drawn) {
  turn += 1;
  const mine = turn;
  byId("found").setAttribute("aria-busy", "true");
  const page = await fetched(address);
  if (mine !== turn) return;
  const found = page?.getElementById("found");
  if (!found) {
    // Signed out, or the line is gone: the browser says it better.
    location.assign(address);
    return;
  }
  history.replaceState(history.state, "", address);
  redrawn(byId("content"), () => byId("found").replaceWith(found), byId("filters").elements[0]);
  setText(byId("count"), page.getElementById("count").textContent);
  drawn();
  announce(`${byId("count").textContent}.`);
}

/** @returns {Promise<Document|null>} */
async function fetched(address) {
  try {
    const answer = await fetch(address, { credentials: "same-origin" });
    return answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  } catch {
    return null;
  }
}
