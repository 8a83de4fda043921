// Ranks layer by layer as lines, on a logarithmic axis with the best rank on top.
import { COMPONENT_COLOURS } from "./colours.js";
import { called, el, number, numbersOf, svg, table } from "./build.js";

const LEFT = 58, RIGHT = 12, TOP = 10, BOTTOM = 40, HEIGHT = 250, WIDTH = 640;

/** `lines` are {name, values, low, high}, bounds where there are some; `said(line, layer)` is read out. */
export function rankLines({ label, lines, layers, said, boundaries = [] }) {
  const most = Math.max(10, ...lines.flatMap((line) => [...line.values, ...(line.high ?? [])]).filter(Number.isFinite));
  const tops = Math.ceil(Math.log10(most));
  const x = (layer) => LEFT + ((layer + 0.5) * (WIDTH - LEFT - RIGHT)) / layers;
  const y = (rank) => TOP + (Math.log10(Math.max(1, rank)) * (HEIGHT - TOP - BOTTOM)) / tops;
  const read = el("p", { class: "read", "aria-live": "polite" }, "Point at a layer, or move along with the arrow keys.");
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, role: "img", tabindex: 0, "aria-label": label });
  for (let power = 0; power <= tops; power++) {
    const at = y(10 ** power);
    picture.append(svg("line", { class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: at, y2: at }));
    picture.append(svg("text", { x: LEFT - 6, y: at + 4, "text-anchor": "end" }, number(10 ** power)));
  }
  for (let layer = 0; layer < layers; layer++) {
    picture.append(svg("text", { x: x(layer), y: HEIGHT - BOTTOM + 18, "text-anchor": "middle" }, layer));
  }
  for (const layer of boundaries) {
    const at = x(layer - 0.5);
    picture.append(svg("line", { class: "boundary", x1: at, x2: at, y1: TOP, y2: HEIGHT - BOTTOM }));
  }
  picture.append(svg("text", { x: (LEFT + WIDTH) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, "decoder layer"));
  for (const line of lines) {
    const colour = COMPONENT_COLOURS[line.name] ?? "var(--faint)";
    const known = line.values.map((rank, layer) => [layer, rank]).filter(([, rank]) => Number.isFinite(rank));
    if (line.low) {
      const edge = [...known.map(([l]) => [l, line.low[l]]), ...known.map(([l]) => [l, line.high[l]]).reverse()];
      const points = edge.map(([l, rank]) => `${x(l)},${y(rank)}`).join(" ");
      picture.append(svg("polygon", { points, style: `fill: ${colour}; opacity: .2` }));
    }
    const points = known.map(([l, rank]) => `${x(l)},${y(rank)}`).join(" ");
    picture.append(svg("polyline", { points, style: `fill: none; stroke: ${colour}; stroke-width: 2` }));
    for (const [l, rank] of known) picture.append(svg("circle", { cx: x(l), cy: y(rank), r: 3.5, style: `fill: ${colour}` }));
  }
  const cursor = svg("line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden", style: "stroke-width: 1" });
  picture.append(cursor);

  let at = -1;
  function show(layer) {
    at = Math.min(layers - 1, Math.max(0, layer));
    for (const end of ["x1", "x2"]) cursor.setAttribute(end, x(at));
    cursor.setAttribute("visibility", "visible");
    read.textContent = `Layer ${at}: ${lines.map((line) => `${called(line.name)} ${said(line, at)}`).join("; ")}`;
  }
  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    const inside = ((event.clientX - box.left) / box.width) * WIDTH - LEFT;
    show(Math.floor((inside * layers) / (WIDTH - LEFT - RIGHT)));
  });
  picture.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    show(at + step);
    event.preventDefault();
  });
  const keys = el("p", { class: "keys" }, lines.map((line) => el(
    "span", {}, el("span", { class: "key", style: `background: ${COMPONENT_COLOURS[line.name] ?? "var(--faint)"}` }), called(line.name),
  )));
  const numbers = () => table(
    ["layer", ...lines.map((line) => called(line.name))],
    Array.from({ length: layers }, (_, layer) => [layer, ...lines.map((line) => said(line, layer))]),
  );
  return el("div", { class: "picture" }, el("div", { class: "scroll" }, picture), keys, read, numbersOf(numbers));
}
