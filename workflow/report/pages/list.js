// The list of queries: search, filters, order; only what is seen is there, so that it may be long.
import { choice, el, number } from "./build.js";
import { documents, outcome } from "./model.js";

const HEIGHT = 58;

export class QueryList {
  constructor(data, chosen) {
    Object.assign(this, { data, chosen });
    this.asked = { text: "", split: "", outcome: "", slice: "", third: "", order: "file", set: null };
    this.box = document.getElementById("list");
    this.status = document.getElementById("count");
    this.texts = data.ids.map((id, query) => this.searched(id, query));
    this.inner = el("div", { role: "presentation", style: "position: relative" });
    this.box.append(this.inner);
    this.controls();
    this.box.addEventListener("scroll", () => this.draw());
    window.addEventListener("resize", () => this.draw());
    this.current = -1;
    this.filter();
  }

  searched(id, query) {
    const titles = documents(this.data.relevant, query).map((d) => this.data.titles[d]);
    return [id, this.data.texts[query], ...titles].join(" ").toLowerCase();
  }

  controls() {
    const set = (key) => (value) => {
      this.asked[key] = value;
      this.filter();
    };
    this.search = el("input", {
      type: "search", placeholder: "Search queries and titles ( / )", "aria-label": "Search queries and titles",
      oninput: () => set("text")(this.search.value.trim().toLowerCase()),
    });
    const splits = [["", "both splits"], ["validation", "validation"], ["test", "test"]];
    const outcomes = [["", "any rank"], ...["correct", "ranked 2 to 10", "ranked below 10"].map((name) => [name, name])];
    const slices = [["", "all words"], ["unshared", "no shared word"], ["shared", "shares a word"], ["verbatim", "verbatim in a document"], ["new", "not verbatim"]];
    const thirds = [["", "all slices"], ...["high", "middle", "low", "none"].flatMap((name) => [
      [`nearestSlice ${name}`, `nearest training query: ${name}`], [`countSlice ${name}`, `training queries: ${name}`],
    ]).sort()];
    const orders = [["file", "in order of files"], ["best", "best rank first"], ["worst", "worst rank first"], ["sure", "largest logit difference"], ["unsure", "smallest logit difference"], ["text", "A to Z"]];
    document.getElementById("controls").append(
      this.search,
      choice("Split", splits, "", set("split")),
      choice("Rank", outcomes, "", set("outcome")),
      choice("Words", slices, "", set("slice")),
      this.data.thirds ? choice("Slice", thirds, "", set("third")) : "",
      choice("Order", orders, "file", set("order")),
    );
  }

  /** Show only the queries of a set, which `name` describes; null for all. */
  only(set, name) {
    this.asked.set = set && { has: set, name };
    this.filter();
  }

  difference(query) {
    const other = this.data.otherLogit.at(0, query);
    return Number.isNaN(other) ? Infinity : this.data.relevantLogit.at(0, query) - other;
  }

  wanted(query) {
    const { text, split, outcome: rank, slice, third, set } = this.asked;
    const data = this.data;
    if (text && !this.texts[query].includes(text)) return false;
    if (split && (split === "test") !== (data.test.at(query) === 1)) return false;
    if (rank && outcome(data.rank.at(0, query)) !== rank) return false;
    if (slice === "unshared" && data.sharedWords.at(query) > 0) return false;
    if (slice === "shared" && data.sharedWords.at(query) === 0) return false;
    if (slice === "verbatim" && !data.verbatim.at(query)) return false;
    if (slice === "new" && data.verbatim.at(query)) return false;
    if (third) {
      const [column, name] = third.split(" ");
      if (data.thirds[data[column].at(query)] !== name) return false;
    }
    return !set || set.has.has(query);
  }

  filter() {
    const { rank } = this.data;
    const orders = {
      best: (a, b) => rank.at(0, a) - rank.at(0, b),
      worst: (a, b) => rank.at(0, b) - rank.at(0, a),
      sure: (a, b) => this.difference(b) - this.difference(a),
      unsure: (a, b) => this.difference(a) - this.difference(b),
      text: (a, b) => (this.data.texts[a] < this.data.texts[b] ? -1 : 1),
    };
    this.shown = this.data.ids.map((_, query) => query).filter((query) => this.wanted(query));
    if (orders[this.asked.order]) this.shown.sort(orders[this.asked.order]);
    this.inner.style.height = `${this.shown.length * HEIGHT}px`;
    this.box.scrollTop = 0;
    this.status.replaceChildren(`${number(this.shown.length)} of ${number(this.data.ids.length)} queries`);
    if (this.asked.set) {
      const clear = el("button", { onclick: () => this.only(null) }, "show all");
      this.status.append(`, ${this.asked.set.name} `, clear);
    }
    this.draw();
  }

  draw() {
    const seen = this.box.clientHeight || 400;
    const from = Math.max(0, Math.floor(this.box.scrollTop / HEIGHT) - 3);
    const to = Math.min(this.shown.length, from + Math.ceil(seen / HEIGHT) + 7);
    const entries = [];
    for (let place = from; place < to; place++) entries.push(this.entry(this.shown[place], place));
    this.inner.replaceChildren(...entries);
    const active = this.shown.indexOf(this.current);
    if (active >= 0) this.box.setAttribute("aria-activedescendant", `entry-${this.current}`);
    else this.box.removeAttribute("aria-activedescendant");
  }

  entry(query, place) {
    const { data } = this;
    const rank = data.rank.at(0, query);
    const relevant = documents(data.relevant, query);
    const first = data.first.at(0, query, 0);
    const wrong = relevant.includes(first) ? "" : `, first: ${data.titles[first] || data.docIds[first]}`;
    const titles = relevant.map((d) => data.titles[d] || data.docIds[d]).join(" / ");
    return el(
      "div",
      {
        class: "entry", role: "option", id: `entry-${query}`, "aria-selected": String(query === this.current),
        style: `top: ${place * HEIGHT}px`, onclick: () => this.chosen(query), "data-query": query,
        "aria-setsize": this.shown.length, "aria-posinset": place + 1,
      },
      el("span", { class: `place ${rank === 1 ? "first" : "later"}` }, number(rank)),
      el("span", { class: "what", dir: "auto" }, data.texts[query]),
      el("span", { class: "which", dir: "auto" }, `${titles}${wrong}`),
    );
  }

  /** Mark a query as the one that is looked at, and bring it into view. */
  mark(query) {
    this.current = query;
    const place = this.shown.indexOf(query);
    const top = place * HEIGHT;
    if (place >= 0 && (top < this.box.scrollTop || top + HEIGHT > this.box.scrollTop + this.box.clientHeight)) {
      this.box.scrollTop = top - this.box.clientHeight / 2 + HEIGHT / 2;
    }
    this.draw();
  }

  /** The query `step` places further on in the list. */
  next(step) {
    const place = this.shown.indexOf(this.current);
    const to = place < 0 ? 0 : Math.min(this.shown.length - 1, Math.max(0, place + step));
    return this.shown[to];
  }
}
