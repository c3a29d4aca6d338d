/** The pattern that says "match" without colour. */

import { svg } from "./dom.js";

let made = 0;

/** @returns {{element: SVGElement, url: string}} a pattern for one drawing's defs, and its paint */
export function hatch() {
  made += 1;
  const id = `hatch-${made}`;
  return {
    element: svg("pattern", { id, width: 7, height: 7, patternUnits: "userSpaceOnUse",
      patternTransform: "rotate(45)" }, svg("rect", { class: "hatch-line", width: 2.5, height: 7 })),
    url: `url(#${id})`,
  };
}
