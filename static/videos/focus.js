/** Who works with the keyboard stays where they are when what has the focus goes away. */

/**
 * Call it before `going` is hidden or taken out: the first of `nexts` that can take the focus has
 * it then. Nothing happens where the focus is elsewhere.
 * @param {Element} going
 * @param {...(HTMLElement|null|undefined)} nexts what cannot be reached with Tab is made to take it
 */
export function handOn(going, ...nexts) {
  if (!going.contains(document.activeElement)) return;
  for (const next of nexts) {
    if (next && takes(next)) return;
  }
}

/**
 * Call it after something inside `root` may have been hidden.
 * @param {Element} root
 * @param {HTMLElement} next
 */
export function leaveHidden(root, next) {
  const at = document.activeElement;
  if (root.contains(at) && !at.checkVisibility({ visibilityProperty: true })) takes(next);
}

/**
 * Draws; what had the focus inside `root` has it again, or what now stands for it, or `fallback`.
 * @param {Element} root
 * @param {() => void} draw
 * @param {HTMLElement|null} [fallback]
 */
export function redrawn(root, draw, fallback) {
  const had = /** @type {HTMLElement} */ (document.activeElement);
  const place = root.contains(had) && had !== root ? placeOf(root, had) : null;
  draw();
  if (!place || document.activeElement === had) return;
  // Whoever drew may have put it somewhere on purpose.
  if (document.activeElement && document.activeElement !== document.body) return;
  const alike = alikes(root, place.tag, place.name);
  for (const next of [had, alike[place.at], alike[0], fallback]) {
    if (next?.isConnected && takes(next)) return;
  }
}

/** @param {Element} element what stands beside it in a list: the next one, or else the one before */
export function neighbour(element) {
  return /** @type {HTMLElement|null} */ (element.nextElementSibling || element.previousElementSibling);
}

/** @param {HTMLElement} element */
function takes(element) {
  element.focus();
  if (document.activeElement === element) return true;
  if (element.matches("a, button, input, select, [tabindex]")) return false;
  element.setAttribute("tabindex", "-1");
  element.focus();
  return document.activeElement === element;
}

function placeOf(root, element) {
  const name = nameOf(element);
  return { tag: element.tagName, name, at: alikes(root, element.tagName, name).indexOf(element) };
}

function alikes(root, tag, name) {
  return [...root.querySelectorAll(tag)].filter((element) => nameOf(element) === name);
}

function nameOf(element) {
  return element.dataset.segment || element.getAttribute("href") ||
    element.getAttribute("aria-label") || element.textContent;
}
