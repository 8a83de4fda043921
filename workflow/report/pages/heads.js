// What the heads of a query's decoder do: patches of single heads, and what cross-attention heads say.
import { called, choice, el, number } from "./build.js";
import { boundariesOf } from "./model.js";
import { card, patchCell, switchedMap } from "./patches.js";

/** Cards of the heads, on demand: they are drawn when they are opened. */
export function headCards(told, columns) {
  const { data, query } = told;
  if (!columns) return [];
  const kept = columns.kept.at(query);
  if (Number.isNaN(kept)) {
    const left = `${number(data.headsLeftOut)} of ${number(data.validation)} validation queries are shown without their heads, to keep this page small; this is one of them.`;
    return [card("Heads", left)];
  }
  const found = [says(told, columns, kept)];
  if (columns.headRank) found.unshift(...data.attentions.map((_, attention) => headPatches(told, columns, kept, attention)));
  return found;
}

function headPatches(told, columns, kept, attention) {
  const { data, chosen } = told;
  const methods = data.headMethods;
  const name = called(data.attentions[attention]);
  return switchedMap({
    title: `One head of ${name} replaced`, key: `heads-${attention}`, methods, chosen,
    said: `What becomes of this query when one head's output is replaced.`,
    map: {
      rows: Array.from({ length: columns.heads }, (_, head) => `head ${head}`),
      columns: Array.from({ length: data.layers }, (_, layer) => layer),
      across: "decoder layer", boundaries: boundariesOf(data), size: 26,
    },
    cellOf: (method, head, layer, measure) => patchCell(
      told, columns.headRank.at(method, layer, attention, head, kept), columns.headLost.at(method, layer, attention, head, kept), measure, called(methods[method]),
    ),
  });
}

function says({ data, chosen }, columns, kept) {
  const holder = el("div", { class: "scroll" });
  const names = [...Object.keys(data.stages.used), "all"];
  const layersIn = (name) => data.stages.used[name] ?? [0, data.layers - 1];
  chosen.says ??= "II";
  function draw() {
    const [first, last] = layersIn(chosen.says);
    const rows = [];
    for (let layer = first; layer <= last; layer++) {
      for (let head = 0; head < columns.heads; head++) rows.push(rowOf(layer, head));
    }
    const head = el("thead", {}, el("tr", {}, ["layer", "head", "best tokens, the first first"].map((name) => el("th", { scope: "col" }, name))));
    holder.replaceChildren(el("table", { class: "say" }, head, el("tbody", {}, rows)));
  }
  function rowOf(layer, head) {
    const tokens = [];
    for (let place = 0; place < columns.word.shape[2]; place++) {
      const word = columns.word.at(layer, head, place, kept);
      if (!Number.isNaN(word)) tokens.push(el("span", { class: "token", dir: "auto" }, columns.words[word]));
    }
    return el("tr", {}, el("td", { class: "number" }, layer), el("td", { class: "number" }, head), el("td", {}, tokens));
  }
  draw();
  const options = names.map((name) => [name, name === "all" ? "all layers" : `Stage ${name}`]);
  const bar = el("div", { class: "bar" }, choice("Layers", options, chosen.says, (value) => {
    chosen.says = value;
    draw();
  }));
  const part = card("What the cross-attention heads say", "Tokens of highest logit when a head's output is read as if it were the last state; a document is in brackets; n = 1 query.", bar, holder);
  part.classList.add("wide");
  return part;
}
