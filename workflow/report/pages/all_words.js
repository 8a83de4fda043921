// What words of correct queries do, by kind of word.
import { called, choice, el, fixed, interval, number } from "./build.js";
import { heatMap } from "./heatmap.js";
import { boundariesOf, placesOfWords, rowsOf } from "./model.js";
import { card } from "./patches.js";

const MEASURES = {
  logit_difference_lost: { name: "logit difference lost", unit: "of the logit difference lost without a word (1: all of it)", least: 0.1 },
  broken_percent: { name: "no longer first", unit: "percent of words without which the document is no longer first", least: 5 },
};

export function wordsOfAll({ data, chosen }, table) {
  const holder = el("div", {});
  const now = (chosen["all words"] ??= { measure: "logit_difference_lost" });
  const places = placesOfWords([...new Set(table.where)]);
  const before = places.findIndex((place) => place.layer !== undefined);
  function draw() {
    const measure = MEASURES[now.measure];
    const rows = rowsOf(table, { measure: now.measure });
    const groups = [...new Set(rows.map((row) => `${row.kind} ${row.group}`))];
    const found = new Map(rows.map((row) => [`${row.kind} ${row.group} ${row.where}`, row]));
    const cell = (row, column) => {
      const told = found.get(`${groups[row]} ${places[column].name}`);
      if (!told || told.value === null) return null;
      const text = now.measure === "broken_percent" ? Math.round(told.value) : fixed(told.value, 2);
      return { value: told.value, text, said: `${interval(told.value, told.low, told.high)} ${measure.unit} (n = ${number(told.n)} words)` };
    };
    const most = Math.max(measure.least, ...rows.filter((row) => row.n >= 20).map((row) => Math.abs(row.value ?? 0)));
    const both = now.measure !== "broken_percent";
    holder.replaceChildren(heatMap({
      label: `Without a word: ${measure.name}`, rows: groups.map(groupName), columns: places.map((place) => place.short), across: "decoder layers that do not see the word",
      placed: (column) => places[column].long, boundaries: [before, ...boundariesOf(data).map((layer) => before + layer)], size: 26,
      cell, scale: { low: both ? -most : 0, high: most, both, unit: measure.unit },
    }));
  }
  draw();
  const bar = el("div", { class: "bar" }, choice("Measure", Object.entries(MEASURES).map(([key, measure]) => [key, measure.name]), now.measure, (value) => {
    now.measure = value;
    draw();
  }));
  return card("Without a word of the query", "Correct queries, by kind of word: in the document's text or not, how rare it is among the documents (idf), its place, its tokens. The scale of the colours is that of groups of 20 words or more.", bar, holder);
}

function groupName(group) {
  const [kind, name] = group.split(" ");
  if (kind === "all") return "all words";
  if (kind === "in_document") return { in_document: "in document", not_in_document: "not in it", function_word: "function word" }[name] ?? called(name);
  return `${called(kind)}: ${called(name)}`;
}
