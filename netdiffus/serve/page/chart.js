// A chart of lines over steps, in SVG. Lines are {name, key, x, y}; y may hold null.
"use strict";

const svg = (tag, attributes = {}, ...children) => {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...children);
  return e;
};

// number writes a value in about four digits.
const number = v => {
  if (v === null || v === undefined || v === "" || v === "NaN" || v === "+NaN") return "–";
  if (typeof v === "string") return v; // NaN and infinities
  if (v === 0) return "0";
  const size = Math.abs(v);
  if (size >= 1e5 || size < 1e-3) return v.toExponential(2).replace(/\.?0*e\+?/, "e");
  return String(Number(v.toPrecision(4)));
};

// ticks are round numbers between two.
const ticks = (low, high, most) => {
  const raw = (high - low) / most, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= raw);
  const list = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) list.push(Math.abs(v) < step * 1e-9 ? 0 : v);
  return list;
};

class Chart {
  constructor(title, lines, {log = false} = {}) {
    this.title = title;
    this.lines = lines;
    this.log = log;
    this.at = null;
    this.last = document.createElement("span");
    this.read = document.createElement("div");
    this.read.className = "read";
    this.svg = svg("svg", {viewBox: "0 0 460 220", role: "img", tabindex: "0"});
    const caption = document.createElement("figcaption");
    caption.append(title, this.last);
    this.figure = document.createElement("figure");
    this.figure.className = "chart";
    this.figure.append(caption, this.svg, this.read);
    this.svg.addEventListener("pointermove", e => this.point(e));
    this.svg.addEventListener("pointerleave", () => this.show(null));
    this.svg.addEventListener("keydown", e => this.press(e));
    this.svg.addEventListener("blur", () => this.show(null));
    this.draw();
  }

  draw() {
    const drawn = this.lines.map(l => {
      const kept = {...l, x: [], y: []};
      l.y.forEach((v, i) => { if (typeof v === "number" && (!this.log || v > 0)) { kept.x.push(l.x[i]); kept.y.push(v); } });
      return kept;
    }).filter(l => l.x.length);
    this.drawn = drawn;
    this.svg.replaceChildren();
    if (!drawn.length) {
      this.svg.append(svg("text", {x: 20, y: 30}, "no numbers to draw"));
      this.svg.setAttribute("aria-label", this.title + ": no numbers to draw");
      return;
    }
    const scale = this.log ? Math.log10 : v => v;
    const xs = drawn.flatMap(l => [l.x[0], l.x[l.x.length - 1]]), ys = drawn.flatMap(l => l.y.map(scale));
    let left = Math.min(...xs), right = Math.max(...xs);
    let low = ys.reduce((a, b) => Math.min(a, b)), high = ys.reduce((a, b) => Math.max(a, b));
    if (right === left) { left -= 1; right += 1; }
    if (high - low < 1e-12 * Math.max(1, Math.abs(high))) { const pad = Math.abs(high) * .05 || 1; low -= pad; high += pad; }
    const X = v => 52 + (v - left) / (right - left) * 398, Y = v => 192 - (scale(v) - low) / (high - low) * 180;
    this.X = X;
    for (const v of ticks(low, high, 5)) {
      const y = 192 - (v - low) / (high - low) * 180;
      this.svg.append(svg("line", {class: "grid", x1: 52, x2: 450, y1: y, y2: y}), svg("text", {x: 47, y: y + 4, "text-anchor": "end"}, number(this.log ? 10 ** v : v)));
    }
    for (const v of ticks(left, right, 5)) this.svg.append(svg("text", {x: X(v), y: 210, "text-anchor": X(v) > 430 ? "end" : "middle"}, v >= 1e5 ? number(v) : Number(v.toPrecision(8))));
    for (const l of drawn) {
      const d = l.x.map((v, i) => (i ? "L" : "M") + X(v).toFixed(1) + " " + Y(l.y[i]).toFixed(1)).join("");
      this.svg.append(svg("path", {class: "line k" + l.key % 8, d}));
    }
    this.cross = svg("line", {class: "cross", y1: 12, y2: 192, visibility: "hidden"});
    this.svg.append(this.cross);
    const ends = drawn.map(l => (drawn.length > 1 ? l.name + " " : "") + number(l.y[l.y.length - 1]));
    this.last.textContent = drawn.length === 1 ? "last " + ends[0] : "";
    this.svg.setAttribute("aria-label", `${this.title}, steps ${left} to ${right}; last ${ends.join(", ")}. Arrow keys read values.`);
    this.show(this.at);
  }

  // show reads the values nearest to a step.
  show(step) {
    this.at = step;
    if (step === null || !this.cross) {
      this.cross?.setAttribute("visibility", "hidden");
      this.read.textContent = "";
      return;
    }
    const found = this.drawn.map(l => {
      let i = l.x.findIndex(v => v >= step);
      if (i < 0) i = l.x.length - 1;
      if (i > 0 && step - l.x[i - 1] < l.x[i] - step) i--;
      return [l, i];
    });
    const x = this.X(found[0][0].x[found[0][1]]);
    this.cross.setAttribute("x1", x);
    this.cross.setAttribute("x2", x);
    this.cross.setAttribute("visibility", "visible");
    this.read.textContent = found.map(([l, i]) => (this.drawn.length > 1 ? l.name + " " : "") + `step ${l.x[i]}: ${number(l.y[i])}`).join(" · ");
  }

  point(e) {
    if (!this.drawn?.length) return;
    const box = this.svg.getBoundingClientRect(), x = (e.clientX - box.left) / box.width * 460;
    const all = this.drawn.flatMap(l => l.x), left = Math.min(...all), right = Math.max(...all);
    this.show(left + (x - 52) / 398 * (right - left));
  }

  press(e) {
    const steps = this.drawn?.[0]?.x, move = {ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20}[e.key];
    if (!steps || !move) return;
    e.preventDefault();
    let i = this.at === null ? (move > 0 ? -1 : steps.length) : steps.findIndex(v => v >= this.at);
    i = Math.max(0, Math.min(steps.length - 1, i + move));
    this.show(steps[i]);
    say(this.read.textContent);
  }
}
