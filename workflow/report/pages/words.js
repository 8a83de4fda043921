// The words of a query, and what becomes of it when the decoder does not read one of them.
import { number } from "./build.js";
import { boundariesOf, placesOfWords } from "./model.js";
import { card, patchCell, switchedMap } from "./patches.js";

const TITLE = "Without one of its words";

export function words(told) {
  const { data, query, columns, model, chosen } = told;
  if (!columns.words) return card(TITLE, `query_words was not computed for ${data.models[model].name}.`);
  const count = columns.words.at(query);
  if (Number.isNaN(count)) {
    const analysed = Array.from({ length: data.validation }, (_, i) => columns.words.at(i)).filter((value) => !Number.isNaN(value));
    return card(TITLE, `Words are knocked out of correct queries alone: n = ${number(analysed.length)} of ${number(data.validation)} validation queries of ${data.models[model].name}. This one is not among them, nothing was measured.`);
  }
  const first = columns.firstWord.at(query);
  const places = placesOfWords(columns.wordPlaces);
  const before = places.findIndex((place) => place.layer !== undefined);
  const tokens = (word) => {
    const pieces = columns.pieces.at(first + word);
    return pieces === 1 ? "its token" : `its ${pieces} tokens`;
  };
  const part = switchedMap({
    title: TITLE, key: "words", methods: [], chosen, measure: "lost",
    said: "What becomes of this query when the cross-attention of a stage, of all layers or of one layer does not see a word; mean: when the encoder's states at the word are the mean state of all words.",
    map: {
      rows: Array.from({ length: count }, (_, word) => columns.wordTexts[first + word]),
      columns: places.map((place) => place.short), across: "decoder layers that do not see the word", placed: (column) => places[column].long,
      boundaries: [before, ...(model === 0 ? boundariesOf(data).map((layer) => before + layer) : [])], size: 26,
    },
    cellOf: (_, word, place, measure) => patchCell(
      told, columns.wordRank.at(places[place].at, first + word), columns.wordLost.at(places[place].at, first + word), measure,
      places[place].long === "mean state" ? `${tokens(word)} with the mean state` : `${tokens(word)} unseen`,
    ),
  });
  part.classList.add("wide");
  return part;
}
