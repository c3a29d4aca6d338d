/** The form that names an address to fetch a file from, and what an earlier visit named. */

import { csrfToken } from "./csrf.js";
import { byId, embedded } from "./dom.js";
import { ImportJob, nameIn } from "./import-job.js";
import { problemParts } from "./problem.js";
import { UploadError } from "./upload-request.js";
import { post } from "./video-request.js";

/**
 * @param {HTMLElement} jobs the list of cards
 * @param {(name: string) => import("./job-card.js").JobCard} addCard
 */
export function wireImports(jobs, addCard) {
  const form = byId("import-form");
  if (!form) return;
  const field = byId("address");
  const ask = (url) => post(form.action, csrfToken(), { url });

  function begin(row) {
    const card = addCard(nameIn(row.url));
    new ImportJob(card, row, ask).follow();
    return card.element;
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    tell(null);
    try {
      const address = field.value.trim();
      if (!address) throw new UploadError("no_address", "Name the address of a file.", "", false);
      jobs.prepend(begin(await ask(address)));
      field.value = "";
    } catch (error) {
      tell(error);
      field.focus();
    }
  });
  // Until then the form would leave the page.
  form.querySelector("button").disabled = false;
  jobs.append(...(embedded("imports") || []).map(begin));
}

/** @param {Error|null} error why nothing is fetched; null takes it away */
function tell(error) {
  const problem = byId("address-problem");
  const known = !error || error instanceof UploadError ? error
    : new UploadError("network", "The connection broke.", "Check the network, then try again.", true);
  problem.hidden = !known;
  byId("address").setAttribute("aria-invalid", String(Boolean(known)));
  if (known) {
    problem.replaceChildren(
      ...problemParts({ message: known.title, code: known.code }, known.detail));
  }
}
