// What components, and heads on demand, add to the logit difference of a query.
import { called, choice, el, fixed, number } from "./build.js";
import { heatMap } from "./heatmap.js";
import { boundariesOf } from "./model.js";
import { card } from "./patches.js";

const TITLE = "Who writes the logit difference";
const UNIT = "logits for the document (blue: for its rival)";

/** `heads` are the columns of heads of this model, or null. */
export function signed(told, heads) {
  const { data, query, columns, model, chosen } = told;
  if (!columns.signed) return card(TITLE, `signed_contributions was not computed for ${data.models[model].name}.`);
  const start = columns.signedStart.at(query);
  if (Number.isNaN(start)) return card(TITLE, without(told));
  const layers = Array.from({ length: columns.signed.shape[0] }, (_, layer) => layer);
  const whole = { name: "components", rows: data.components.map(called), at: (row, layer) => columns.signed.at(layer, row, query) };
  const parts = { components: whole };
  const kept = heads?.headSigned ? heads.kept.at(query) : NaN;
  if (!Number.isNaN(kept)) {
    data.attentions.forEach((name, attention) => {
      const rows = Array.from({ length: heads.heads }, (_, head) => `head ${head}`);
      parts[name] = { name: `heads of ${called(name)}`, rows, at: (head, layer) => heads.headSigned.at(layer, attention, head, kept) };
    });
  }
  const difference = fixed(data.relevantLogit.at(model, query) - data.otherLogit.at(model, query), 3);
  const holder = el("div", {});
  chosen.signed ??= "components";
  function draw() {
    const shown = parts[chosen.signed] ?? whole;
    const values = layers.flatMap((layer) => shown.rows.map((_, row) => Math.abs(shown.at(row, layer))));
    const most = Math.max(0.1, ...values);
    const cell = (row, layer) => {
      const value = shown.at(row, layer);
      return { value, text: fixed(value, 2), said: `${fixed(value, 3)} of ${difference} logits of difference (n = 1 query)` };
    };
    holder.replaceChildren(heatMap({
      label: `${TITLE}: ${shown.name}`, rows: shown.rows, columns: layers, cell, scale: { low: -most, high: most, both: true, unit: UNIT },
      across: "decoder layer", boundaries: model === 0 ? boundariesOf(data) : [], size: shown === whole ? 34 : 26,
    }));
  }
  draw();
  const options = Object.entries(parts).map(([key, part]) => [key, part.name]);
  const bar = options.length < 2 ? null : el("div", { class: "bar" }, choice("Parts", options, parts[chosen.signed] ? chosen.signed : "components", (value) => {
    chosen.signed = value;
    draw();
  }));
  const said = `What each adds to the logit of the relevant document minus that of its rival, the best other document. Components add up to ${difference} logits, with ${fixed(start, 3)} of the start token's embedding; n = 1 query.`;
  return card(TITLE, said, ...[bar].filter(Boolean), holder);
}

function without({ data, columns, model }) {
  let known = 0;
  for (let query = 0; query < data.validation; query++) known += Number(!Number.isNaN(columns.signedStart.at(query)));
  return `All documents are relevant to this query, so there is no rival and no difference; n = ${number(known)} of ${number(data.validation)} validation queries of ${data.models[model].name} have one.`;
}
