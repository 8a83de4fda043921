// The data of the page as questions that pictures ask of it.
import { called } from "./build.js";
import { unpack } from "./data.js";

const INSIDE = {};

/** Facts and columns of the list of queries. */
export async function openQueries() {
  const pack = await unpack("queries");
  return { ...pack.facts, ...pack.columns, validation: countOf(pack.columns.test) };
}

/** How many queries are validation queries: those come first, and only they are looked into. */
function countOf(test) {
  let count = 0;
  while (count < test.values.length && !test.at(count)) count++;
  return count;
}

/** The columns of one model's inside, unpacked when they are first asked for. */
export function inside(number) {
  INSIDE[number] ??= unpack(`inside-${number}`).then((pack) => ({ ...pack?.facts, ...pack?.columns }));
  return INSIDE[number];
}

/** The columns of heads, or null. */
export function heads() {
  INSIDE.heads ??= unpack("heads").then((pack) => pack && { ...pack.facts, ...pack.columns });
  return INSIDE.heads;
}

/** "correct", "ranked 2 to 10" or "ranked below 10", by vocabulary rank. */
export function outcome(rank) {
  return rank === 1 ? "correct" : rank <= 10 ? "ranked 2 to 10" : "ranked below 10";
}

/** Document numbers of a query, from `relevant` or `first`. */
export function documents(column, ...place) {
  const found = [];
  for (let i = 0; i < column.shape.at(-1); i++) {
    const document = column.at(...place, i);
    if (!Number.isNaN(document)) found.push(document);
  }
  return found;
}

/** The validation queries whose document is first in the unmodified model and not after a patch. */
export function broken(data, column, place) {
  const found = new Set();
  for (let query = 0; query < data.validation; query++) {
    if (data.rank.at(0, query) === 1 && column.at(...place, query) > 1) found.add(query);
  }
  return found;
}

/** Layers before which a stage begins, without the first. */
export function boundariesOf(data) {
  return Object.values(data.stages.used).slice(1).map(([first]) => first);
}

/** Rows of a table that have these values, as {column: value}. */
export function rowsOf(table, wanted) {
  const [first] = Object.values(table);
  const found = [];
  for (let i = 0; i < first.length; i++) {
    if (!Object.entries(wanted).every(([name, value]) => table[name][i] === value)) continue;
    found.push(Object.fromEntries(Object.keys(table).map((name) => [name, table[name][i]])));
  }
  return found;
}

/** Places in which a word is not seen as people call them, single layers last; `at` is the number in `names`. */
export function placesOfWords(names) {
  const known = names.map((name, at) => ({ ...placed(name), name, at }));
  return [...known.filter((place) => place.layer === undefined), ...known.filter((place) => place.layer !== undefined)];
}

function placed(name) {
  if (name.startsWith("layer")) {
    const layer = Number(name.slice("layer".length));
    return { short: layer, long: `decoder layer ${layer}`, layer };
  }
  if (name === "mean_state") return { short: "mean", long: "mean state" };
  return { short: name, long: name === "all" ? called(name) : `Stage ${name}` };
}
