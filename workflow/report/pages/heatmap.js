// A matrix as colours: pointed at or moved over by arrow keys, a cell says its number below.
import { coloured } from "./colours.js";
import { el, numbersOf, svg, table } from "./build.js";

const LEFT = 104, TOP = 6, BOTTOM = 40;

/**
 * `columns` and `rows` are names; `cell(row, column)` gives {value, text, said} or null, `said` being
 * the number with its unit and n. `scale` is {low, high, both}; `chosen(row, column)` is called for a
 * click or Enter. `boundaries` are column numbers before which a dashed line stands; `placed(column)` is
 * what a column is called where its number is read out.
 */
export function heatMap({ label, columns, rows, cell, scale, across, chosen, boundaries = [], size = 34, placed }) {
  const wide = Math.max(16, Math.min(size * 1.5, 660 / columns.length));
  const width = LEFT + wide * columns.length + 4, height = TOP + size * rows.length + BOTTOM;
  const read = el("p", { class: "read", "aria-live": "polite" }, "Point at a cell, or move over the cells with the arrow keys.");
  const cursor = svg("rect", { class: "cursor", width: wide, height: size, visibility: "hidden" });
  const picture = svg("svg", {
    viewBox: `0 0 ${width} ${height}`, width, role: "img", tabindex: 0, "aria-label": label,
  });
  const cells = rows.map((_, row) => columns.map((_, column) => cell(row, column)));
  rows.forEach((name, row) => {
    const y = TOP + row * size;
    picture.append(svg("text", { x: LEFT - 8, y: y + size / 2 + 4, "text-anchor": "end" }, fitting(name)));
    columns.forEach((_, column) => {
      const told = cells[row][column];
      const x = LEFT + column * wide;
      const colour = told ? coloured(told.value, scale.low, scale.high, scale.both) : null;
      picture.append(svg("rect", {
        class: "cell", x, y, width: wide, height: size, fill: colour?.fill ?? "var(--raised)",
        "data-row": row, "data-column": column, style: chosen && told ? "cursor: pointer" : null,
      }));
      if (told && told.text !== "" && wide >= 6.2 * String(told.text).length) {
        const place = { x: x + wide / 2, y: y + size / 2 + 4, "text-anchor": "middle" };
        picture.append(svg("text", { class: "in", style: `fill: ${colour.text}`, ...place }, told.text));
      }
    });
  });
  const every = Math.ceil(columns.length * 14 / 660);
  columns.forEach((name, column) => {
    if (column % every) return;
    const place = { x: LEFT + (column + 0.5) * wide, y: height - BOTTOM + 16, "text-anchor": "middle" };
    picture.append(svg("text", place, name));
  });
  for (const column of boundaries) {
    const x = LEFT + column * wide;
    const ends = { x1: x, x2: x, y1: TOP, y2: height - BOTTOM };
    picture.append(svg("line", { class: "gap", ...ends }), svg("line", { class: "boundary", ...ends }));
  }
  const middle = { x: LEFT + wide * columns.length / 2, y: height - 6, "text-anchor": "middle" };
  picture.append(svg("text", middle, across), cursor);

  let at = null;
  function show(row, column) {
    at = [row, column];
    cursor.setAttribute("x", LEFT + column * wide);
    cursor.setAttribute("y", TOP + row * size);
    cursor.setAttribute("visibility", "visible");
    const told = cells[row][column];
    read.textContent = `${rows[row]}, ${placed ? placed(column) : `${across} ${columns[column]}`}: ${told ? told.said : "nothing was measured"}`;
  }
  const pointed = (event) => {
    const { row, column } = event.target.dataset;
    if (row !== undefined) show(Number(row), Number(column));
    return row !== undefined;
  };
  picture.addEventListener("pointermove", pointed);
  picture.addEventListener("click", (event) => {
    if (pointed(event) && chosen && cells[at[0]][at[1]]) chosen(...at);
  });
  picture.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (step) {
      const from = at ?? [0, -step[1]];
      const inside = (value, length) => Math.min(length - 1, Math.max(0, value));
      show(inside(from[0] + step[0], rows.length), inside(from[1] + step[1], columns.length));
      cursor.scrollIntoView({ block: "nearest", inline: "nearest" });
    } else if (event.key === "Enter" && at && chosen && cells[at[0]][at[1]]) chosen(...at);
    else return;
    event.preventDefault();
  });
  const numbers = () => table([across, ...rows], columns.map((name, column) => [
    placed ? placed(column) : name, ...rows.map((_, row) => cells[row][column]?.said ?? "none"),
  ]));
  return el("div", { class: "picture" }, el("div", { class: "scroll" }, picture), scaleOf(scale), read, numbersOf(numbers));
}

/** The beginning of a name that fits beside the cells. */
function fitting(name) {
  const letters = [...String(name)];
  let left = LEFT - 8;
  const kept = letters.findIndex((letter) => (left -= letter.codePointAt(0) < 0x2e80 ? 6.3 : 12) < 0);
  return kept < 0 ? name : `${letters.slice(0, kept - 1).join("")}…`;
}

/** What the colours stand for. */
function scaleOf({ low, high, both, unit, ends }) {
  const steps = 24;
  const colours = Array.from({ length: steps }, (_, i) => coloured(i / (steps - 1), 0, 1, both).fill);
  const strip = el("span", { class: "strip", "aria-hidden": "true", style: `background: linear-gradient(90deg, ${colours.join(", ")})` });
  const [first, last] = ends ?? [low, high].map((value) => String(Math.round(value * 100) / 100));
  return el("p", { class: "keys" }, el("span", {}, first, " ", strip, " ", last, ` ${unit}`));
}
