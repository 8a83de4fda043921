// How to use the page.
import { el, number } from "./build.js";

const KEYS = [
  ["arrow down, arrow up (or j, k)", "next and previous query of the list"],
  ["/", "search"],
  ["q, a, ?", "one query, all queries, this page"],
  ["Tab", "to the next switch or picture"],
  ["arrow keys in a picture", "from cell to cell, its number is said below"],
  ["Enter in a picture of all queries", "list the queries that break there"],
];

export function helpText(data) {
  const items = [
    "Left are all validation and test queries, with the vocabulary rank of the relevant document. The line below a query is the relevant document and, where another one was put first, that one.",
    "Analyses run on validation queries; of test queries there are ranks, logits and documents. Words are knocked out of correct queries alone.",
    "Vocabulary rank counts all tokens, docid rank the documents alone; both count from 1. Logits are kept to 0.001, those after patches or without a word to 0.01.",
    "A number of one query has no interval; those of all queries are the report's, with 95 % intervals and n.",
    "\"Compare with another query\" keeps this one on the right while you go on; with two models, both panes go on together.",
  ];
  if (data.headsLeftOut) items.push(`Heads are kept for an even sample: ${number(data.validation - data.headsLeftOut)} of ${number(data.validation)} validation queries.`);
  return el(
    "div", { class: "help" },
    el("h2", {}, "How to use this page"),
    el("ul", {}, items.map((text) => el("li", {}, text))),
    el("h3", {}, "Keys"),
    el("table", {}, el("tbody", {}, KEYS.map(([key, what]) => el("tr", {}, el("td", {}, key), el("td", {}, what))))),
    el("p", { class: "faint" }, "This page is one file. It asks nobody for anything and works without a network."),
  );
}
