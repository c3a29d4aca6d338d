/** The upload page: choosing, dropping, and the list of what became of it. */

import { csrfToken } from "./csrf.js";
import { byId, embedded } from "./dom.js";
import { takeDrops, takePastes } from "./drop-zone.js";
import { titleOf } from "./format.js";
import { wireImports } from "./import-form.js";
import { JobCard } from "./job-card.js";
import { listUnfinished, takenUp } from "./unfinished.js";
import { UploadQueue } from "./upload-queue.js";

const AT_ONCE = 2;

const form = byId("upload-form");
const input = byId("file");
const zone = byId("drop-zone");
const jobs = byId("jobs");
const empty = byId("no-uploads");
const stopped = byId("unfinished");
const queue = new UploadQueue(AT_ONCE);
/** @type {Set<JobCard>} */
const cards = new Set();

const site = {
  library: form.dataset.library,
  resumable: form.dataset.resumable,
  direct: form.dataset.direct,
  token: () => csrfToken(form),
  accept: input.accept,
  maxBytes: Number(form.dataset.maxBytes) || 0,
  maxDuration: Number(form.dataset.maxDuration) || 0,
};

function addCard(name) {
  const card = new JobCard(name, queue, site, (gone) => {
    cards.delete(gone);
    empty.hidden = cards.size > 0;
  });
  cards.add(card);
  empty.hidden = true;
  return card;
}

/** @param {FileList|File[]} files */
function takeAll(files) {
  for (const file of files) {
    const card = addCard(file.name);
    jobs.prepend(card.element);
    takenUp(stopped, file, card.element);
    card.take(file);
  }
}

/** The page knows their states; what matches is asked for one after the other. */
async function listRecent() {
  const known = (embedded("recent") || []).map((video) => {
    const card = addCard(titleOf(video));
    jobs.append(card.element);
    card.recall(video);
    return { card, video };
  });
  for (const { card, video } of known) await card.catchUp(video);
}

function wireForm() {
  for (const element of form.querySelectorAll("[data-with-script]")) element.hidden = false;
  for (const element of form.querySelectorAll("[data-without-script]")) element.hidden = true;
  input.multiple = true;
  input.classList.add("sr-only");
  input.tabIndex = -1;
  input.setAttribute("aria-hidden", "true");
  byId("choose").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    takeAll([...input.files]);
    input.value = "";
  });
  form.addEventListener("submit", (event) => event.preventDefault());
}

addEventListener("beforeunload", (event) => {
  if ([...cards].some((card) => card.unsent)) event.preventDefault();
});

wireForm();
takeDrops(zone, takeAll);
takePastes(takeAll);
wireImports(jobs, addCard);
listRecent();
listUnfinished(stopped, site, () => input.click());
