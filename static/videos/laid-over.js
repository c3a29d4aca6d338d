/**
 * How one picture lies in another: an outline of it, or the pictures laid over each other, half
 * transparent or as their difference.
 */

import { el, setText, svg } from "./dom.js";
import { fitted, inverse, laid, placed, unchanged } from "./placing.js";

/** @typedef {import("./types.js").Segment} Segment */
/** @typedef {import("./placing.js").Matrix} Matrix */
/** @typedef {import("./screen.js").Screen} Screen */

/** What one press after the other shows. */
const MODES = [
  { name: "beside", label: "Lay over (o)", told: "" },
  { name: "blend", label: "Show the difference (o)", told: "half and half" },
  { name: "difference", label: "Side by side (o)", told: "black is where they are the same" },
];

export class LaidOver {
  /**
   * @param {Screen} left this video
   * @param {Screen} right the other one
   */
  constructor(left, right) {
    this.left = left;
    this.right = right;
    this.mode = MODES[0];
    /** @type {Matrix|null} */
    this.matrix = null;
    /** @type {Segment|null} */
    this.segment = null;
    this.caption = el("p", { class: "laid-caption", hidden: true });
    this.element = el("div", { class: "pair-screens" }, this.caption, left.element, right.element);
    this.button = el("button", { class: "button", type: "button", "data-role": "overlay",
      click: () => this.next() }, MODES[0].label);
    this.slider = el("input", { type: "range", min: 0, max: 1, step: 0.05, value: 0.5,
      "aria-label": "How much of this video covers the other",
      input: () => this.mix(Number(this.slider.value)) });
    this.mixer = el("label", { class: "mixer", hidden: true }, "Other", this.slider, "This");
    this.outlines = [left, right].map((side) => {
      const shape = svg("polygon");
      const corner = svg("polyline");
      const drawing = svg("svg", { class: "outline", viewBox: "0 0 1 1",
        preserveAspectRatio: "none", "aria-hidden": "true" }, shape, corner);
      side.picture.parentElement?.append(drawing);
      return { side, drawing, shape, corner };
    });
    const redraw = new ResizeObserver(() => this.draw());
    for (const side of [left, right]) {
      if (side.picture.parentElement) redraw.observe(side.picture.parentElement);
      for (const event of ["loadedmetadata", "load"]) {
        side.picture.addEventListener(event, () => this.draw());
      }
    }
    this.mix(0.5);
    this.show();
  }

  /** @param {Segment|null} segment the one whose pictures are compared */
  update(segment) {
    if (segment === this.segment) return;
    this.segment = segment;
    const told = segment?.transform?.matrix;
    this.matrix = told ? [[told[0], told[1], told[2]], [told[3], told[4], told[5]]] : null;
    this.draw();
  }

  next() {
    this.mode = MODES[(MODES.indexOf(this.mode) + 1) % MODES.length];
    this.show();
  }

  show() {
    this.element.dataset.mode = this.mode.name;
    setText(this.button, this.mode.label);
    this.caption.hidden = this.mode.name === "beside";
    setText(this.caption, `This video over the other, as it lies there: ${this.mode.told}`);
    this.mixer.hidden = this.mode.name !== "blend";
    this.draw();
  }

  /** @param {number} share of this video, 0..1 */
  mix(share) {
    this.element.style.setProperty("--mix", String(share));
    this.slider.setAttribute("aria-valuetext", `${Math.round(share * 100)}% of this video`);
  }

  draw() {
    const over = this.mode.name !== "beside";
    const mirrored = Boolean(this.segment?.mirrored);
    const matrix = this.matrix || (mirrored ? [[-1, 0, 1], [0, 1, 0]] : [[1, 0, 0], [0, 1, 0]]);
    const [here, there] = [this.left, this.right].map((side) => fitted(side.picture));
    this.left.picture.style.transform = over && here && there ? laid(matrix, here, there) : "";
    const shown = !over && this.matrix !== null && !unchanged(this.matrix);
    // The other one's edges lie in this picture only where it is an inset.
    const inset = this.segment?.transform?.box;
    const maps = [shown && inset && inverse(matrix), shown && matrix];
    this.outlines.forEach(({ drawing, shape, corner, side }, index) => {
      const place = fitted(side.picture);
      const map = maps[index];
      drawing.toggleAttribute("hidden", !map || !place);
      if (!map || !place) return;
      for (const name of ["left", "top", "width", "height"]) {
        drawing.style.setProperty(name, `${place[name]}px`);
      }
      const at = (x, y) => placed(map, x, y).join(",");
      shape.setAttribute("points", [at(0, 0), at(1, 0), at(1, 1), at(0, 1)].join(" "));
      corner.setAttribute("points", [at(0, 0.18), at(0, 0), at(0.12, 0)].join(" "));
    });
  }
}
