// A table of the report: sorted by a click on a column, filtered, its CSV one click away.
import { choice, el } from "./build.js";
import { unpack } from "./data.js";

const WIDE = 9, FEW = 12, LONG = 8;
const NUMBER = /^[<>]?\s*-?\d[\d,]*(\.\d+)?(e-?\d+)?/;
// What is read second: counts beside a count, p values, and notes on how it was measured.
const SECOND = /^(n .+|p .*|unchanged|stages|split_mode|cosine_input|repaired %|recall_at_5|ndcg_at_10|corpus|paper, .*)$/;

const main = document.getElementById("main");

function leading(cell) {
  const found = NUMBER.exec(cell);
  return found ? Number(found[0].replace(/[<>,\s]/g, "")) : NaN;
}

/** A cell; what is in square brackets behind a number is its interval, and lighter. */
function shown(cell) {
  const found = /^([-\d.,]+) (\[[-\d.,\s]+\])$/.exec(cell);
  return found ? [found[1], " ", el("span", { class: "interval" }, found[2])] : cell;
}

function tableView({ columns, rows }) {
  const numeric = columns.map((_, i) => {
    const known = rows.map((row) => row[i]).filter((cell) => cell !== "");
    return known.length > 0 && known.filter((cell) => !Number.isNaN(leading(cell))).length >= 0.8 * known.length;
  });
  const wide = columns.length > WIDE;
  const second = columns.map((name) => wide && SECOND.test(name));
  const now = { sort: -1, down: false, every: false, text: "", picked: {} };
  const count = el("span", { role: "status" });
  const body = el("tbody", {}), head = el("tr", {});

  function draw() {
    const seen = columns.map((_, i) => i).filter((i) => now.every || !second[i]);
    const found = rows.filter((row) =>
      Object.entries(now.picked).every(([i, value]) => value === "" || row[i] === value) &&
      (now.text === "" || row.some((cell) => cell.toLowerCase().includes(now.text))));
    if (now.sort >= 0) found.sort(order(now.sort, numeric[now.sort], now.down));
    head.replaceChildren(...seen.map((i) => {
      const direction = now.sort !== i ? null : now.down ? "descending" : "ascending";
      const mark = direction === null ? "" : now.down ? " ↓" : " ↑";
      const press = el("button", { onclick: () => sort(i), title: "Sort by this column" }, columns[i], mark);
      return el("th", { scope: "col", class: numeric[i] ? "number" : null, "aria-sort": direction }, press);
    }));
    body.replaceChildren(...found.map((row) => el("tr", {}, seen.map((i) => el("td", { class: numeric[i] ? "number" : null, dir: numeric[i] ? null : "auto" }, shown(row[i]))))));
    count.textContent = `${found.length} of ${rows.length} rows`;
  }
  function sort(i) {
    now.down = now.sort === i ? !now.down : false;
    now.sort = i;
    draw();
    head.querySelectorAll("button")[[...columns.keys()].filter((c) => now.every || !second[c]).indexOf(i)].focus();
  }

  const bar = el("div", { class: "bar" });
  if (rows.length >= LONG) {
    columns.forEach((name, i) => {
      const values = [...new Set(rows.map((row) => row[i]))];
      if (numeric[i] || second[i] || values.length < 2 || values.length > FEW) return;
      const options = [["", `${name}: all`], ...values.filter((value) => value !== "").map((value) => [value, value])];
      bar.append(choice(name, options, "", (value) => {
        now.picked[i] = value;
        draw();
      }));
    });
    const search = el("input", { type: "search", class: "grow", placeholder: "Rows with this text", "aria-label": "Rows with this text", oninput: () => {
      now.text = search.value.trim().toLowerCase();
      draw();
    } });
    bar.append(search, count);
  }
  if (second.some(Boolean)) {
    const unfold = el("button", { class: "unfold", "aria-pressed": "false", onclick: () => {
      now.every = !now.every;
      unfold.setAttribute("aria-pressed", String(now.every));
      draw();
    } }, `all ${columns.length} columns`);
    bar.append(unfold);
  }
  draw();
  return el("div", {}, bar, el("div", { class: rows.length < 40 ? "scroll alone" : "scroll", tabindex: 0 }, el("table", {}, el("thead", {}, head), body)));
}

function order(column, numeric, down) {
  const sign = down ? -1 : 1;
  return (a, b) => {
    const [x, y] = [a[column], b[column]];
    if (!numeric) return sign * x.localeCompare(y, "en", { numeric: true });
    const [left, right] = [leading(x), leading(y)];
    if (Number.isNaN(left) || Number.isNaN(right)) return Number.isNaN(left) - Number.isNaN(right);
    return sign * (left - right);
  };
}

function block(part) {
  if (part.columns) return tableView(part);
  if (part.heading) return el(part.level > 2 ? "h3" : "h2", { dir: "auto" }, part.heading);
  return el("p", { class: "faint", dir: "auto" }, part.text);
}

async function start() {
  const { facts } = await unpack("table");
  document.getElementById("name").textContent = facts.title;
  if (facts.csv) {
    const save = el("a", { id: "csv", download: facts.file, href: `data:text/csv;charset=utf-8,${encodeURIComponent(facts.csv)}` }, "CSV");
    document.getElementById("top").append(save);
  }
  main.append(el("p", { class: "caption" }, facts.caption), ...facts.blocks.map(block));
  document.documentElement.dataset.drawn = "true";
}

start().catch((error) => {
  main.replaceChildren(el("p", {}, `This page cannot be shown: ${error.message}`));
  throw error;
});
