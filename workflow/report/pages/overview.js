// All queries: the tables' rows as maps with intervals; from a cell to the queries that break there.
import { signedOfAll } from "./all_signed.js";
import { wordsOfAll } from "./all_words.js";
import { called, choice, el, fixed, interval, number } from "./build.js";
import { heatMap } from "./heatmap.js";
import { rankLines } from "./lines.js";
import { boundariesOf, broken, heads, inside, rowsOf } from "./model.js";
import { card } from "./patches.js";

const EFFECTS = {
  broken: { value: "broken_percent", low: "low", high: "high", n: "n", unit: "percent of correct queries no longer first", to: (most) => [0, Math.max(5, most), false] },
  lost: { value: "logit_difference_lost", low: "logit_difference_lost_low", high: "logit_difference_lost_high", n: "logit_difference_lost_n", unit: "logit difference lost (1: relevant and best other document level)", to: (most) => [-Math.max(0.2, most), Math.max(0.2, most), true] },
};

/** The element of all queries; `filter(set, name)` shows the queries of a cell in the list. */
export async function overview(data, chosen, filter) {
  const cards = el("div", { class: "cards" });
  const told = { data, chosen, filter, columns: await inside(0) };
  const { tables } = data;
  const layers = Array.from({ length: data.layers }, (_, layer) => layer);
  const stages = { across: "decoder layer", boundaries: boundariesOf(data), columns: layers };
  if (tables.patching) {
    cards.append(effects(told, "One component replaced", tables.patching, data.models[0].methods, {
      ...stages, rows: data.components, row: "component", column: "layer",
      ranks: told.columns.patchRank, place: (method, row, column) => [method, column, row],
    }));
  }
  if (tables.patching_by_stage) {
    cards.append(effects(told, "One component replaced in a whole stage", tables.patching_by_stage, data.models[0].methods, {
      across: "stage", columns: data.patchedStages, rows: data.components, row: "component", column: "stage",
      ranks: told.columns.stageRank, place: (method, row, column) => [method, column, row],
    }));
  }
  if (tables.rank_development) cards.append(development(told, tables.rank_development));
  if (tables.query_words) cards.append(wordsOfAll(told, tables.query_words));
  if (tables.signed_contributions) cards.append(signedOfAll(told, tables.signed_contributions, stages));
  if (tables.contributions) cards.append(contributions(told, tables.contributions, stages));
  if (tables.patching_heads) cards.append(...(await headEffects(told, tables.patching_heads, stages)));
  const said = "Every number is that of the report's table, with its 95 % interval and n. A click on a patch, or Enter, lists the queries whose document is no longer first.";
  return el("div", {}, el("h2", {}, `All queries of ${data.model}`), el("p", { class: "faint" }, said), cards);
}

function effects({ data, chosen, filter }, title, table, methods, map, more = {}) {
  const holder = el("div", {});
  const now = (chosen[`all ${title}`] ??= { method: methods[0], measure: "broken" });
  function draw() {
    const measure = EFFECTS[now.measure];
    const rows = rowsOf(table, { method: now.method, ...more });
    const of = (row, column) => rows.find((r) => r[map.row] === map.rows[row] && r[map.column] === map.columns[column]);
    const cell = (row, column) => {
      const found = of(row, column);
      const value = found?.[measure.value];
      if (value === undefined || value === null) return null;
      const said = `${interval(value, found[measure.low], found[measure.high])} ${measure.unit} (${called(now.method)}; n = ${number(found[measure.n])})`;
      return { value, text: now.measure === "broken" ? Math.round(value) : fixed(value, 2), said };
    };
    const most = Math.max(0, ...rows.map((row) => Math.abs(row[measure.value] ?? 0)));
    const [low, high, both] = measure.to(most);
    const list = (row, column) => {
      const set = broken(data, map.ranks, map.place(methods.indexOf(now.method), row, column));
      filter(set, `broken by ${called(now.method)} in ${map.across} ${map.columns[column]}, ${called(map.rows[row])}`);
    };
    holder.replaceChildren(heatMap({
      ...map, label: `${title}: ${measure.unit}, ${called(now.method)}`, rows: map.rows.map(called), columns: map.columns.map((name) => (typeof name === "number" ? name : called(name))),
      cell, scale: { low, high, both, unit: measure.unit }, chosen: map.ranks ? list : null,
    }));
  }
  const changed = (name) => (value) => {
    now[name] = value;
    draw();
  };
  draw();
  const bar = el(
    "div", { class: "bar" },
    choice("Method", methods.map((name) => [name, called(name)]), now.method, changed("method")),
    choice("Measure", [["broken", "no longer first"], ["lost", "logit difference lost"]], now.measure, changed("measure")),
  );
  return card(title, "Correct queries whose document is no longer first, or what is lost of the logit difference.", bar, holder);
}

async function headEffects(told, table, stages) {
  const columns = await heads();
  if (!columns || !told.data.headMethods.length) return [];
  const { data } = told;
  const all = { ...told, data: { ...data, rank: { at: (model, query) => data.rank.at(model, query) } } };
  return data.attentions.map((component, attention) => effects(
    all, `One head of ${called(component)} replaced`, table, data.headMethods,
    {
      ...stages, size: 26, rows: Array.from({ length: columns.heads }, (_, head) => head), row: "head", column: "layer",
      ranks: columns.headRank && keptRanks(columns), place: (method, head, layer) => [method, layer, attention, head],
    },
    { component },
  ));
}

/** Ranks of heads by the number of the query, of which not all are kept. */
function keptRanks(columns) {
  return {
    at: (...place) => {
      const kept = columns.kept.at(place.at(-1));
      return Number.isNaN(kept) ? NaN : columns.headRank.at(...place.slice(0, -1), kept);
    },
  };
}

function viewsOf(table) {
  return [...new Set(table.queries)];
}

function contributions({ data, chosen }, table, stages) {
  const holder = el("div", {});
  const measures = [...new Set(table.measure)];
  const now = (chosen["all contributions"] ??= { view: viewsOf(table)[0], measure: measures.includes("ratio") ? "ratio" : measures[0] });
  function draw() {
    const rows = rowsOf(table, { queries: now.view, measure: now.measure });
    const both = now.measure.startsWith("cosine");
    const cell = (row, layer) => {
      const found = rows.find((r) => r.component === data.components[row] && r.layer === layer);
      return found ? { value: found.value, text: fixed(found.value, 2), said: `${interval(found.value, found.low, found.high)} (${called(now.measure)}, mean over ${called(now.view)} queries; n = ${number(found.n)})` } : null;
    };
    const high = both ? 1 : Math.max(1e-9, ...rows.map((row) => row.value));
    holder.replaceChildren(heatMap({ ...stages, label: `Contributions: ${called(now.measure)}`, rows: data.components.map(called), cell, scale: { low: both ? -1 : 0, high, both, unit: called(now.measure) } }));
  }
  draw();
  const bar = switches(table, now, draw, measures);
  return card("What every component adds", "Means over the queries of a view.", bar, holder);
}

function development({ data, chosen }, table) {
  const holder = el("div", {});
  const measures = [...new Set(table.measure)];
  const now = (chosen["all development"] ??= { view: viewsOf(table)[0], measure: measures[0] });
  function draw() {
    const rows = rowsOf(table, { queries: now.view, measure: now.measure });
    const lines = data.sources.map((name) => {
      const own = Array.from({ length: data.layers }, (_, layer) => rows.find((r) => r.source === name && r.layer === layer));
      const values = (key) => own.map((row) => row?.[key] ?? NaN);
      return { name, values: values("value"), low: values("low"), high: values("high"), own };
    });
    holder.replaceChildren(rankLines({
      label: `${called(now.measure)} by layer`, lines, layers: data.layers, boundaries: boundariesOf(data),
      said: (line, layer) => {
        const row = line.own[layer];
        return row ? `${interval(row.value, row.low, row.high)} (n = ${number(row.n)})` : "none";
      },
    }));
  }
  draw();
  return card("Where the document comes up", "Ranks under the logit lens, layer by layer; bands are 95 % intervals.", switches(table, now, draw, measures), holder);
}

function switches(table, now, draw, measures) {
  const changed = (name) => (value) => {
    now[name] = value;
    draw();
  };
  return el(
    "div", { class: "bar" },
    choice("Queries", viewsOf(table).map((name) => [name, `${called(name === "all" ? "every" : name)} queries`]), now.view, changed("view")),
    choice("Measure", measures.map((name) => [name, called(name)]), now.measure, changed("measure")),
  );
}
