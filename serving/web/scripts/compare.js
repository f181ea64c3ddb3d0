// Two ways to make the same viewer's page side by side: strategies, and other models where the server has them.

import { askModels, askPage } from "./api.js";
import { itemsOf } from "./changes.js";
import { element, fill } from "./dom.js";
import { pageRequest, session } from "./session.js";
import { on } from "./signals.js";
import { percent } from "./words.js";

const STRATEGIES = ["template", "independent", "stagewise", "whole"];
const NUM_TITLES = 5;

/** The part of the panel; nothing is asked until two are chosen. */
export function startCompare() {
  const outcome = element("div", { class: "outcome", "aria-live": "polite" });
  const left = element("select", { "aria-label": "Left page" });
  const right = element("select", { "aria-label": "Right page" });
  const run = () => compare(ways[left.value], ways[right.value], outcome);
  const ways = {};
  const node = element("div", { class: "compare" }, element("div", { class: "making" }, left, right, element("button", { type: "button", class: "button small", click: run }, "Compare")), outcome);
  askModels().then(({ models }) => offer(models, ways, left, right), () => offer([{ model_version: "this model", prefix: "" }], ways, left, right));
  on("page", () => outcome.childElementCount && run());
  return node;
}

function offer(models, ways, left, right) {
  for (const model of models) {
    const name = models.length > 1 ? shortened(model.model_version) : "";
    ways[`model|${model.prefix}`] = { words: name || "this page", prefix: model.prefix, overrides: () => ({}) };
  }
  for (const strategy of STRATEGIES) ways[`strategy|${strategy}`] = { words: `strategy ${strategy}`, prefix: "", overrides: () => ({ strategy }) };
  ways["viewer|nobody"] = { words: "an unknown viewer's page", prefix: "", overrides: () => ({ user_id: `${session.id}-nobody` }) };
  for (const select of [left, right]) fill(select, ...Object.entries(ways).map(([key, way]) => element("option", { value: key }, way.words)));
  right.value = models.length > 1 ? `model|${models[1].prefix}` : "strategy|template";
}

async function compare(left, right, outcome) {
  try {
    const [one, two] = await Promise.all([left, right].map((way) => askPage(pageRequest(way.overrides()), way.prefix)));
    fill(outcome, summary(one, two), element("div", { class: "columns" }, column(left.words, one, itemsOf(two)), column(right.words, two, itemsOf(one))));
  } catch (error) {
    fill(outcome, element("p", { role: "alert" }, error.message));
  }
}

function summary(one, two) {
  const [left, right] = [itemsOf(one), itemsOf(two)];
  const common = [...left].filter((item) => right.has(item)).length;
  const all = new Set([...left, ...right]).size || 1;
  const isSame = one.billboard?.item.item_id === two.billboard?.item.item_id;
  return element("p", {}, `${percent(common / all)} of all titles stand on both; ${isSame ? "the same" : "another"} title is featured; ${one.wallMs.toFixed(0)} against ${two.wallMs.toFixed(0)} ms. Bold titles stand on one only.`);
}

function column(words, page, others) {
  const title = (item) => element(others.has(item.item_id) ? "span" : "strong", {}, item.title);
  const featured = page.billboard ? [element("li", {}, element("em", {}, "Featured"), element("p", {}, title(page.billboard.item)))] : [];
  const rows = page.rows.map((row) => element("li", {}, element("em", {}, row.title), element("p", {}, ...row.items.slice(0, NUM_TITLES).flatMap((item, place) => [place ? ", " : "", title(item)]))));
  return element("section", {}, element("h4", {}, words, element("span", { class: "small", title: page.model_version }, shortened(page.model_version))), element("ol", {}, ...featured, ...rows));
}

function shortened(version) {
  return version.length > 22 ? `${version.slice(0, 13)}…${version.slice(-6)}` : version;
}
