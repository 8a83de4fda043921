// Elements and numbers as text. Text of a corpus gets into the page here alone, and never as markup.
const SVG = "http://www.w3.org/2000/svg";

function grown(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children.flat()) {
    if (child === null || child === undefined) continue;
    element.append(child.nodeType ? child : document.createTextNode(String(child)));
  }
  return element;
}

/** An HTML element; children are elements or text. */
export function el(tag, attributes = {}, ...children) {
  return grown(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return grown(document.createElementNS(SVG, tag), attributes, children);
}

/** A choice with a label: `options` are [value, text]. */
export function choice(label, options, chosen, changed) {
  const select = el(
    "select",
    { "aria-label": label, onchange: () => changed(select.value) },
    options.map(([value, text]) => el("option", { value, selected: value === chosen }, text)),
  );
  return select;
}

/** Three significant digits; whole numbers whole. */
export function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "none";
  if (Number.isInteger(value)) return value.toLocaleString("en");
  const size = Math.abs(value);
  const digits = Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(size))));
  return value.toFixed(size < 1e-6 ? 0 : digits);
}

/** So many digits, and no zero with a sign. */
export function fixed(value, digits) {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text;
}

export function interval(value, low, high) {
  const known = low !== null && low !== undefined && !Number.isNaN(low);
  return known ? `${number(value)} [${number(low)}, ${number(high)}]` : number(value);
}

const NAMES = {
  self_attention: "self-attention",
  cross_attention: "cross-attention",
  mlp: "MLP",
  residual: "residual stream",
  mean_leave_one_out: "mean, leave one out",
  pretrained: "pre-trained",
  donor_random: "random donor",
  donor_rival: "donor of the rival",
  donor_pairs: "given donor",
  ranked_2_to_10: "ranked 2 to 10",
  ranked_below_10: "ranked below 10",
  vocabulary_rank_median: "vocabulary rank, median",
  docid_rank_median: "docid rank, median",
  mean_docid_rank: "mean rank of docids",
  mean_other_rank: "mean rank of other tokens",
  ratio: "norm / norm of the layer's change",
  cosine_input: "cosine with the stream before",
  cosine_output: "cosine with the stream after",
  all: "all layers",
};

/** What people call it. */
export function called(name) {
  return NAMES[name] ?? String(name).replaceAll("_", " ");
}

/** A table; the columns whose names are in `numeric` are numbers. */
export function table(columns, rows, numeric = columns.slice(1)) {
  const side = (name) => ({ class: numeric.includes(name) ? "number" : null });
  return el(
    "div",
    { class: "scroll" },
    el(
      "table",
      {},
      el("thead", {}, el("tr", {}, columns.map((name) => el("th", { ...side(name), scope: "col" }, name)))),
      el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell, i) => el("td", side(columns[i]), cell))))),
    ),
  );
}

/** What a picture shows as numbers, made when it is asked for. */
export function numbersOf(make) {
  const details = el("details", {}, el("summary", {}, "As numbers"));
  details.addEventListener("toggle", () => {
    if (details.open && details.childElementCount === 1) details.append(make());
  });
  return details;
}
