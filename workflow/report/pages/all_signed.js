// What components, and heads on demand, add to the logit difference, as means over many queries.
import { called, choice, el, fixed, interval, number } from "./build.js";
import { heatMap } from "./heatmap.js";
import { rowsOf } from "./model.js";
import { card } from "./patches.js";

/** `map` is what all maps of layers share. */
export function signedOfAll({ data, chosen }, table, map) {
  const holder = el("div", {});
  const views = [...new Set(table.queries)];
  const heads = Math.max(...table.head) + 1;
  const parts = { components: "components", ...Object.fromEntries(data.attentions.map((name) => [name, `heads of ${called(name)}`])) };
  const now = (chosen["all signed"] ??= { view: views[0], part: "components" });
  function draw() {
    const whole = now.part === "components";
    const names = whole ? data.components : Array.from({ length: heads }, (_, head) => head);
    const rows = rowsOf(table, { queries: now.view, ...(whole ? { head: -1 } : { component: now.part }) });
    const place = new Map(rows.map((row) => [`${whole ? row.component : row.head} ${row.layer}`, row]));
    const cell = (row, layer) => {
      const found = place.get(`${names[row]} ${layer}`);
      return found ? { value: found.value, text: fixed(found.value, 2), said: `${interval(found.value, found.low, found.high)} logits of the difference (mean over ${called(now.view)} queries; n = ${number(found.n)})` } : null;
    };
    const most = Math.max(0.1, ...rows.filter((row) => row.head >= 0 || whole).map((row) => Math.abs(row.value)));
    holder.replaceChildren(heatMap({
      ...map, label: `Who writes the logit difference: ${parts[now.part]}, ${called(now.view)} queries`, rows: names.map((name) => (whole ? called(name) : `head ${name}`)),
      cell, scale: { low: -most, high: most, both: true, unit: "logits for the document (blue: for its rival)" }, size: whole ? 34 : 26,
    }));
  }
  const changed = (name) => (value) => {
    now[name] = value;
    draw();
  };
  draw();
  const bar = el(
    "div", { class: "bar" },
    choice("Queries", views.map((name) => [name, `${called(name)} queries`]), now.view, changed("view")),
    choice("Parts", Object.entries(parts), now.part, changed("part")),
  );
  return card("Who writes the logit difference", "What each adds to the logit of the relevant document minus that of its rival, the best other document; means over the queries of a view.", bar, holder);
}
