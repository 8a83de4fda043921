// What patches do to one query, as maps with switches for method and measure.
import { called, choice, el, fixed, number } from "./build.js";
import { heatMap } from "./heatmap.js";

const MEASURES = { rank: "rank after the patch", lost: "logit difference lost" };

/** A part of the page with a title and a sentence. */
export function card(title, said, ...content) {
  return el("section", { class: "card", "aria-label": title }, el("h3", {}, title), el("p", {}, said), ...content);
}

/** What a patch did to this query, as a cell of a map. */
export function patchCell({ data, query, model }, rank, lost, measure, what) {
  if (Number.isNaN(rank)) return null;
  const before = data.relevantLogit.at(model, query) - data.otherLogit.at(model, query);
  const clean = data.rank.at(model, query);
  const said = `vocabulary rank ${number(clean)} before, ${number(rank)} after; logit difference ${fixed(before, 2)} before, ${fixed(before - lost, 2)} after, so ${fixed(lost, 2)} lost (${what}; n = 1 query)`;
  return measure === "rank"
    ? { value: Math.log10(rank), text: short(rank), said }
    : { value: lost, text: fixed(lost, 1), said };
}

const short = (rank) => (rank < 1000 ? rank : `${Math.round(rank / 1000)}k`);

/** Colours of a measure; `most` is the largest value of it, in the map or given. */
export function scaleOfPatches(measure, values) {
  const known = values.filter(Number.isFinite);
  if (measure === "rank") {
    const high = Math.max(1, ...known);
    return { low: 0, high, both: false, unit: "vocabulary rank after the patch", ends: ["1", short(Math.round(10 ** high))] };
  }
  const most = Math.max(1, ...known.map(Math.abs));
  return { low: -most, high: most, both: true, unit: "logits lost (blue: gained)" };
}

/**
 * A map of patches with switches for method, where there are methods, and measure, at first the one
 * given; `cellOf(method, row, column, measure)`.
 */
export function switchedMap({ title, said, methods, chosen, key, map, cellOf, measure = "rank" }) {
  const holder = el("div", {});
  const now = (chosen[key] ??= { method: methods[0], measure });
  if (!methods.includes(now.method)) now.method = methods[0];
  function draw() {
    const method = methods.indexOf(now.method);
    const cell = (row, column) => cellOf(method, row, column, now.measure);
    const values = map.rows.flatMap((_, row) => map.columns.map((_, column) => cell(row, column)?.value));
    holder.replaceChildren(heatMap({ ...map, cell, scale: scaleOfPatches(now.measure, values), label: [`${title}: ${MEASURES[now.measure]}`, ...methods.slice(0, 1).map(() => `method ${called(now.method)}`)].join(", ") }));
  }
  const changed = (name) => (value) => {
    now[name] = value;
    draw();
  };
  draw();
  const bar = el(
    "div", { class: "bar" },
    methods.length ? choice("Method", methods.map((name) => [name, called(name)]), now.method, changed("method")) : null,
    choice("Measure", Object.entries(MEASURES), now.measure, changed("measure")),
  );
  return card(title, said, bar, holder);
}
