// The explorer: what is looked at, and how one gets there.
import { choice, el } from "./build.js";
import { helpText } from "./help.js";
import { QueryList } from "./list.js";
import { openQueries } from "./model.js";
import { overview } from "./overview.js";
import { queryView } from "./query.js";

const started = performance.now();
const main = document.getElementById("main");
const chosen = {};
const state = { view: "query", query: 0, model: 0, beside: null };
let data, list, latest = 0, drawn = "";

/** Draw what `state` says; the last of several calls wins. */
async function draw() {
  const own = ++latest;
  let content;
  if (state.view === "all") content = await overview(data, chosen, filtered);
  else if (state.view === "help") content = helpText(data);
  else content = await panes();
  if (own !== latest) return;
  const shape = [state.view, Boolean(state.beside)].join();
  const top = shape === drawn ? main.scrollTop : 0;
  drawn = shape;
  main.replaceChildren(content);
  main.scrollTop = top;
  for (const view of ["query", "all", "help"]) {
    document.getElementById(`show-${view}`).setAttribute("aria-pressed", String(state.view === view));
  }
  remember();
  document.documentElement.dataset.drawn = String(Math.round(performance.now() - started));
}

async function panes() {
  const shown = [await queryView(data, state.query, state.model, chosen)];
  if (state.beside) shown.push(await queryView(data, state.beside.query, state.beside.model, chosen));
  return el("div", {}, comparison(), el("div", { class: shown.length > 1 ? "panes two" : "panes" }, shown));
}

/** The bar that puts a second query, or the same under another model, beside the first. */
function comparison() {
  const bar = el("div", { class: "bar" });
  const models = data.models.map((model, i) => [String(i), model.name]);
  if (models.length > 1) {
    bar.append(choice("Model", models, String(state.model), (value) => go({ model: Number(value) })));
  }
  if (state.beside) {
    if (models.length > 1) {
      const set = (value) => go({ beside: { ...state.beside, model: Number(value) } });
      bar.append("beside", choice("Model beside it", models, String(state.beside.model), set));
    }
    bar.append(
      el("button", { id: "swap", onclick: () => go({ query: state.beside.query, model: state.beside.model, beside: { query: state.query, model: state.model } }) }, "Swap"),
      el("button", { id: "single", onclick: () => go({ beside: null }) }, "One only"),
    );
    return bar;
  }
  bar.append(el("button", { id: "keep", onclick: () => go({ beside: { query: state.query, model: state.model } }) }, "Compare with another query"));
  if (models.length > 1) {
    const other = state.model === 0 ? 1 : 0;
    bar.append(el("button", { id: "other-model", onclick: () => go({ beside: { query: state.query, model: other } }) }, `Compare with ${data.models[other].name}`));
  }
  return bar;
}

/** Look at something else. With two panes of one query, both go on to the next. */
function go(change) {
  const both = state.beside && state.beside.query === state.query && state.beside.model !== state.model;
  Object.assign(state, change);
  if (both && change.query !== undefined && change.beside === undefined) state.beside = { ...state.beside, query: change.query };
  list.mark(state.query);
  return draw();
}

function look(query) {
  return go({ query, view: "query" });
}

function filtered(set, name) {
  list.only(set, name);
  if (matchMedia("(max-width: 820px)").matches) document.getElementById("side").scrollIntoView();
}

/** Put what is looked at into the address, where the host of the page allows it. */
function remember() {
  const parts = { q: data.ids[state.query], view: state.view === "query" ? null : state.view, model: state.model || null };
  if (state.beside) Object.assign(parts, { with: data.ids[state.beside.query], under: state.beside.model || null });
  const words = Object.entries(parts).filter(([, value]) => value !== null).map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
  try {
    history.replaceState(null, "", `#${words.join("&")}`);
  } catch {
    // In a frame of a report the address is not ours.
  }
}

function recall() {
  const told = new URLSearchParams(location.hash.slice(1));
  const query = data.ids.indexOf(told.get("q"));
  const model = (name) => Math.min(data.models.length - 1, Math.max(0, Number(told.get(name)) || 0));
  if (query >= 0) state.query = query;
  state.model = model("model");
  state.view = ["all", "help"].includes(told.get("view")) ? told.get("view") : "query";
  const beside = data.ids.indexOf(told.get("with"));
  state.beside = beside >= 0 ? { query: beside, model: model("under") } : null;
}

document.addEventListener("keydown", (event) => {
  const within = event.target.closest("input, select, svg, summary");
  if (event.key === "Escape" && within) event.target.blur();
  if (within || event.ctrlKey || event.metaKey || event.altKey || !list) return;
  const steps = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1, PageDown: 10, PageUp: -10 };
  if (event.key in steps) {
    const next = list.next(steps[event.key]);
    if (next !== undefined) look(next);
  } else if (event.key === "/") list.search.focus();
  else if (event.key === "a") go({ view: "all" });
  else if (event.key === "q") go({ view: "query" });
  else if (event.key === "?") go({ view: "help" });
  else return;
  event.preventDefault();
});

async function start() {
  data = await openQueries();
  document.getElementById("name").textContent = `${data.model} on ${data.dataset}`;
  list = new QueryList(data, look);
  recall();
  for (const view of ["query", "all", "help"]) {
    document.getElementById(`show-${view}`).addEventListener("click", () => go({ view }));
  }
  window.addEventListener("hashchange", () => {
    recall();
    go({});
  });
  await go({});
}

start().catch((error) => {
  main.replaceChildren(el("p", {}, `This page cannot be shown: ${error.message}`));
  throw error;
});
