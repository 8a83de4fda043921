// One query under one model: its cards.
import { called, choice, el, fixed, number, table } from "./build.js";
import { heatMap } from "./heatmap.js";
import { rankLines } from "./lines.js";
import { boundariesOf, documents, heads, inside, outcome } from "./model.js";
import { headCards } from "./heads.js";
import { card, patchCell, switchedMap } from "./patches.js";
import { signed } from "./signed.js";
import { words } from "./words.js";

/** The element of a query under model number `model`; `chosen` remembers what is switched to. */
export async function queryView(data, query, model, chosen) {
  const cards = el("div", { class: "cards" });
  cards.append(firstDocuments(data, query, model));
  if (query < data.validation) {
    const columns = await inside(model);
    const told = { data, query, model, columns, chosen };
    const ofHeads = model === 0 ? await heads() : null;
    cards.append(lens(told), words(told), signed(told, ofHeads));
    for (const card of [patches(told), stagePatches(told), contributions(told), alone(told)]) {
      if (card) cards.append(card);
    }
    cards.append(...headCards(told, ofHeads));
  } else {
    const why = "Analyses run on validation queries; of a test query there are ranks, logits and documents.";
    cards.append(el("div", { class: "card" }, el("h3", {}, "Inside"), el("p", {}, why)));
  }
  return el("article", { class: "query", "data-query": query, "data-model": model }, ...heading(data, query, model), cards);
}

function heading(data, query, model) {
  const rank = data.rank.at(model, query);
  const own = data.relevantLogit.at(model, query), other = data.otherLogit.at(model, query);
  const relevant = documents(data.relevant, query).map((d) => `${data.titles[d]} [${data.docIds[d]}]`).join("; ");
  const fact = (name, value, more = "") => el("span", {}, `${name} `, el("b", { class: more }, value));
  const words = data.sharedWords.at(query);
  return [
    el("h2", { dir: "auto" }, data.texts[query]),
    el(
      "div",
      { class: "facts" },
      fact("model", data.models[model].name),
      fact("query", data.ids[query]),
      fact("split", data.test.at(query) ? "test" : "validation"),
      fact("relevant", relevant),
      fact("vocabulary rank", number(rank), rank === 1 ? "first" : "later"),
      fact("", outcome(rank)),
      fact("docid rank", number(data.docid.at(model, query))),
      fact("its logit", number(own)),
      fact("best other document's logit", number(other)),
      fact("difference", number(own - other)),
      fact("content words shared with the document", number(words)),
      ...(data.thirds ? [
        fact("training queries of its documents", number(data.trainingQueries.at(query))),
        fact("overlap of words with the nearest one", number(data.overlap.at(query))),
      ] : []),
    ),
  ];
}

function firstDocuments(data, query, model) {
  const relevant = new Set(documents(data.relevant, query));
  const rows = documents(data.first, model, query).map((d, place) => [
    place + 1, el("span", { class: relevant.has(d) ? "relevant" : null, dir: "auto" }, data.titles[d], relevant.has(d) ? " (relevant)" : ""), data.docIds[d],
  ]);
  return card("First ten documents", "In the order of the run, by docid rank; n = 1 query.", table(["place", "title", "docid"], rows, ["place"]));
}

function lens({ data, query, columns, model }) {
  const lines = data.sources.map((name, source) => ({
    name, values: Array.from({ length: layersOf(columns) }, (_, layer) => columns.lensRank.at(layer, source, query)),
  }));
  const docid = (line, layer) => columns.lensDocid.at(layer, data.sources.indexOf(line.name), query);
  return card(
    "Where the document comes up",
    "Vocabulary rank of the relevant document when a state is read as if it were the last (logit lens); n = 1 query.",
    rankLines({
      label: "Rank of the relevant document by layer, for the residual stream, cross-attention and MLP",
      lines, layers: layersOf(columns), boundaries: model === 0 ? boundariesOf(data) : [],
      said: (line, layer) => `rank ${number(line.values[layer])} (docid rank ${number(docid(line, layer))})`,
    }),
  );
}

const layersOf = (columns) => columns.lensRank.shape[0];

function patches(told) {
  const { data, columns, model, chosen } = told;
  const methods = data.models[model].methods;
  if (!methods.length || !columns.patchRank) return null;
  const columnsOf = Array.from({ length: layersOf(columns) }, (_, layer) => layer);
  return switchedMap({
    title: "One component replaced", key: "patches", methods, chosen,
    said: "What becomes of this query when one component of one layer is replaced.",
    map: { rows: data.components.map(called), columns: columnsOf, across: "decoder layer", boundaries: model === 0 ? boundariesOf(data) : [] },
    cellOf: (method, row, layer, measure) => patchCell(
      told, columns.patchRank.at(method, layer, row, told.query), columns.patchLost.at(method, layer, row, told.query), measure, called(methods[method]),
    ),
  });
}

function stagePatches(told) {
  const { data, columns, model, chosen } = told;
  const methods = data.models[model].methods;
  if (!methods.length || !columns.stageRank) return null;
  return switchedMap({
    title: "One component replaced in a whole stage", key: "stages", methods, chosen,
    said: `Stages of ${data.models[0].name} are ${data.stages.status}: ${Object.entries(data.stages.used).map(([name, [first, last]]) => `${name} ${first === last ? `layer ${first}` : `layers ${first}-${last}`}`).join(", ")}.`,
    map: { rows: data.components.map(called), columns: data.patchedStages.map(called), across: "stage" },
    cellOf: (method, row, stage, measure) => patchCell(
      told, columns.stageRank.at(method, stage, row, told.query), columns.stageLost.at(method, stage, row, told.query), measure, called(methods[method]),
    ),
  });
}

function contributions({ data, query, columns, model, chosen }) {
  const holder = el("div", {});
  const kinds = {
    ratio: { name: "norm of the output / norm of the layer's change", low: 0, high: 1, both: false },
    cosine: { name: "cosine of the output with the residual stream after the layer", low: -1, high: 1, both: true },
  };
  chosen.contribution ??= "ratio";
  const layers = Array.from({ length: layersOf(columns) }, (_, layer) => layer);
  function draw() {
    const kind = kinds[chosen.contribution];
    const cell = (row, layer) => {
      const value = columns[chosen.contribution].at(layer, row, query);
      return Number.isNaN(value) ? null : { value, text: fixed(value, 2), said: `${fixed(value, 3)} (${kind.name}; n = 1 query)` };
    };
    holder.replaceChildren(heatMap({
      label: `Contribution of every component: ${kind.name}`, rows: data.components.map(called), columns: layers, cell, scale: { ...kind, unit: "" }, across: "decoder layer", boundaries: model === 0 ? boundariesOf(data) : [],
    }));
  }
  draw();
  const bar = el("div", { class: "bar" }, choice("Measure", Object.entries(kinds).map(([key, kind]) => [key, kind.name]), chosen.contribution, (value) => {
    chosen.contribution = value;
    draw();
  }));
  return card("What every component adds", "A cosine below zero takes away from what is there.", bar, holder);
}

function alone({ data, query, columns }) {
  if (!columns.alone) return null;
  const rows = data.components.map((name, kind) => [called(name), number(columns.alone.at(kind, query))]);
  return card("Components of one kind alone", "Vocabulary rank of the relevant document when their outputs, summed over the layers, are read as the whole stream; n = 1 query.", table(["component", "vocabulary rank"], rows));
}
