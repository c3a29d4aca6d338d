/** Building elements. Text goes in as text nodes, so a file name can hold any markup it likes. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {Element} element
 * @param {Record<string, unknown>} attributes functions become listeners, false and null are left
 *   out, true becomes an empty attribute
 */
function dress(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") {
      element.addEventListener(name, /** @type {EventListener} */ (value));
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
}

/**
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Node|string|null|false|undefined)} children
 * @returns {HTMLElement & any}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  dress(element, attributes);
  element.append(...present(children));
  return element;
}

/**
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Node|string|null|false|undefined)} children
 * @returns {SVGElement}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  dress(element, attributes);
  element.append(...present(children));
  return element;
}

/** @param {(Node|string|null|false|undefined)[]} children */
export function present(children) {
  return /** @type {(Node|string)[]} */ (
    children.filter((child) => child !== null && child !== undefined && child !== false)
  );
}

/** @param {string} id @returns {any} */
export function byId(id) {
  return document.getElementById(id);
}

/**
 * The JSON a template left in the page.
 * @param {string} id
 */
export function embedded(id) {
  const script = document.getElementById(id);
  return script ? JSON.parse(script.textContent || "null") : null;
}

/**
 * Replaces the text only when it differs, so that a live region is not read out again.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {Record<string, unknown>} attributes */
export function icon(path, attributes = {}) {
  return svg(
    "svg",
    { viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", "stroke-width": 2,
      "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true", width: 18,
      height: 18, ...attributes },
    svg("path", { d: path }),
  );
}

export const ICONS = {
  play: "M7 4.5v15l12-7.5z",
  pause: "M8 5v14M16 5v14",
  frameBack: "M15 6l-6 6 6 6",
  frameOn: "M9 6l6 6-6 6",
  previous: "M18 6l-7 6 7 6zM6 6v12",
  next: "M6 6l7 6-7 6zM18 6v12",
  film: "M4 5h16v14H4zM8 5v14M16 5v14M4 12h4M16 12h4",
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9h.01",
};
