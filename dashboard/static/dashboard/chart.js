// Small time charts in SVG: depth and dwell as areas, flow as two lines. Axes, a crosshair for pointer and arrow keys.
(() => {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const EDGE = { top: 10, right: 12, bottom: 24, left: 48 };
  const HEIGHT = 220;

  const plain = (value) => (value < 10 && value % 1 ? value.toFixed(1) : Math.round(value).toLocaleString("en-GB"));
  const perSecond = (value) => `${plain(value)}/s`;
  const span = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : ms < 60_000 ? `${+(ms / 1000).toPrecision(3)} s` : `${+(ms / 60_000).toPrecision(3)} min`);

  // What each chart draws: `at` is the place of the value in a point, null where there is none.
  const SERIES = {
    depth: [{ at: 1, name: "buffered", style: "depth", area: true, write: plain }],
    rates: [
      { at: 2, name: "in", style: "in", write: perSecond },
      { at: 3, name: "drained", style: "out", write: perSecond },
    ],
    dwell: [{ at: 4, name: "waited", style: "dwell", area: true, write: span, tick: (ms) => (ms ? span(ms) : "0") }],
  };

  const clock = (seconds, long) => new Date(seconds * 1000).toISOString().slice(11, long ? 19 : 16);
  // All ticks of an axis have the unit of its top.
  const short = (value, top) => {
    const [size, letter] = top >= 1e6 ? [1e6, "M"] : top >= 1e4 ? [1e3, "k"] : [1, ""];
    return value ? `${(value / size).toLocaleString("en-GB")}${letter}` : "0";
  };

  const told = (each, point) => (point[each.at] === null ? "nothing" : each.write(point[each.at]));

  function make(name, attributes, parent) {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    parent?.append(node);
    return node;
  }

  // The step between grid lines: 1, 2 or 5 times a power of ten, so that about five fit.
  function niceStep(top) {
    const rough = Math.max(top, 1) / 5;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find((times) => times * power >= rough) * power;
    return Math.max(step, 1);
  }

  class Chart {
    constructor(figure, page) {
      this.figure = figure;
      this.plot = figure.querySelector(".mo-plot");
      this.label = this.plot.getAttribute("aria-label");
      this.series = SERIES[figure.dataset.chart];
      this.points = [];
      this.chosen = null;
      this.svg = make("svg", { "aria-hidden": "true", focusable: "false" }, this.plot);
      this.tip = this.plot.appendChild(Object.assign(document.createElement("div"), { className: "mo-tip", hidden: true }));
      this.none = this.plot.appendChild(
        Object.assign(document.createElement("p"), { className: "mo-chart-none", hidden: true }),
      );
      page.addEventListener("points", ({ detail }) => this.show(detail));
      new ResizeObserver(() => this.draw()).observe(this.plot);
      this.plot.addEventListener("pointermove", (event) => this.choose(this.indexAt(event)));
      this.plot.addEventListener("pointerleave", () => this.choose(null));
      this.plot.addEventListener("blur", () => this.choose(null));
      this.plot.addEventListener("keydown", (event) => this.step(event));
    }

    show(points) {
      this.points = points;
      this.draw();
    }

    step(event) {
      const last = this.points.length - 1;
      const now = this.chosen ?? last;
      const next = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: last, Escape: null }[event.key];
      if (next === undefined || last < 0) return;
      event.preventDefault();
      this.choose(next === null ? null : Math.min(Math.max(next, 0), last));
    }

    indexAt(event) {
      if (!this.points.length) return null;
      const x = event.clientX - this.plot.getBoundingClientRect().left;
      const part = (x - EDGE.left) / (this.width - EDGE.left - EDGE.right);
      return Math.min(Math.max(Math.round(part * (this.points.length - 1)), 0), this.points.length - 1);
    }

    choose(index) {
      this.chosen = index;
      this.mark();
    }

    x(time) {
      const [first, last] = [this.points[0][0], this.points.at(-1)[0]];
      return EDGE.left + ((time - first) / Math.max(last - first, 1)) * (this.width - EDGE.left - EDGE.right);
    }

    y(value) {
      return HEIGHT - EDGE.bottom - (value / this.top) * (HEIGHT - EDGE.top - EDGE.bottom);
    }

    draw() {
      this.width = this.plot.clientWidth;
      if (!this.width) return;
      this.svg.replaceChildren();
      this.svg.setAttribute("viewBox", `0 0 ${this.width} ${HEIGHT}`);
      this.svg.setAttribute("height", HEIGHT);
      const highest = Math.max(0, ...this.points.flatMap((point) => this.series.map((each) => point[each.at])));
      this.none.hidden = highest > 0;
      this.none.textContent = this.points.length ? this.figure.dataset.empty : this.figure.parentElement.dataset.unknown;
      const step = niceStep(highest);
      this.top = Math.max(Math.ceil(highest / step), 1) * step;
      this.drawGrid(step);
      if (this.points.length > 1) {
        this.drawTimes();
        this.series.forEach((each) => this.drawSeries(each));
      }
      this.cursor = make("g", {}, this.svg);
      this.mark();
      this.tell(highest);
    }

    drawGrid(step) {
      for (let value = 0; value <= this.top; value += step) {
        const y = this.y(value);
        make("line", { x1: EDGE.left, x2: this.width - EDGE.right, y1: y, y2: y, class: value ? "mo-gridline" : "mo-axis" }, this.svg);
        make("text", { x: EDGE.left - 8, y: y + 4, "text-anchor": "end", class: "mo-tick" }, this.svg).textContent = (this.series[0].tick ?? short)(value, this.top);
      }
    }

    drawTimes() {
      const [first, last] = [this.points[0][0], this.points.at(-1)[0]];
      const every = [60, 120, 180, 300, 600].find((gap) => ((last - first) / gap) * 56 < this.width - EDGE.left) ?? 900;
      for (let time = Math.ceil(first / every) * every; time <= last; time += every) {
        const x = this.x(time);
        if (x > this.width - EDGE.right - 12) break;
        make("line", { x1: x, x2: x, y1: HEIGHT - EDGE.bottom, y2: HEIGHT - EDGE.bottom + 4, class: "mo-axis" }, this.svg);
        make("text", { x, y: HEIGHT - 6, "text-anchor": "middle", class: "mo-tick" }, this.svg).textContent = clock(time);
      }
    }

    drawSeries(each) {
      const base = this.y(0).toFixed(1);
      for (const run of this.runs(each)) {
        const path = run.map((point, at) => `${at ? "L" : "M"}${this.x(point[0]).toFixed(1)} ${this.y(point[each.at]).toFixed(1)}`).join("");
        if (each.area) {
          const [left, right] = [this.x(run[0][0]).toFixed(1), this.x(run.at(-1)[0]).toFixed(1)];
          make("path", { d: `${path}L${right} ${base}L${left} ${base}Z`, class: `mo-area mo-fill-${each.style}` }, this.svg);
        }
        make("path", { d: path, class: `mo-line mo-stroke-${each.style}` }, this.svg);
      }
    }

    // The stretches without a gap.
    runs(each) {
      const runs = [[]];
      for (const point of this.points) {
        if (point[each.at] !== null) runs.at(-1).push(point);
        else if (runs.at(-1).length) runs.push([]);
      }
      return runs.filter((run) => run.length);
    }

    mark() {
      const point = this.chosen === null ? null : this.points[Math.min(this.chosen, this.points.length - 1)];
      this.cursor?.replaceChildren();
      this.tip.hidden = !point;
      if (!point || !this.width) return;
      const x = this.x(point[0]);
      make("line", { x1: x, x2: x, y1: EDGE.top, y2: HEIGHT - EDGE.bottom, class: "mo-crosshair" }, this.cursor);
      for (const each of this.series.filter((one) => point[one.at] !== null)) {
        make("circle", { cx: x, cy: this.y(point[each.at]), r: 3.5, class: `mo-dot mo-fill-${each.style}` }, this.cursor);
      }
      this.tip.textContent = [`${clock(point[0], true)} UTC`, ...this.series.map((each) => `${each.name} ${told(each, point)}`)].join(" · ");
      this.tip.style.left = `${Math.min(Math.max(x, this.tip.offsetWidth / 2 + 4), this.width - this.tip.offsetWidth / 2 - 4)}px`;
    }

    tell(highest) {
      const now = this.points.at(-1);
      const words = now ? this.series.map((each) => `${each.name} now ${told(each, now)}`).join(", ") : "nothing recorded";
      this.plot.setAttribute("aria-label", `${this.label}: ${words}, peak ${this.series[0].write(highest)}`);
    }
  }

  const page = document.querySelector("[data-live]");
  page?.querySelectorAll("[data-chart]").forEach((figure) => new Chart(figure, page));
})();
