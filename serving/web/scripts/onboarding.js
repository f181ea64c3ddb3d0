// A new viewer's first minute: a few titles to love or leave; the page below follows each answer.

import { answerOnboarding, askOnboarding } from "./api.js";
import { tell } from "./changes.js";
import { byId, element, fill } from "./dom.js";
import { icon } from "./icons.js";
import { poster } from "./poster.js";
import { session } from "./session.js";
import { emit } from "./signals.js";
import { facts, plural } from "./words.js";

const NUM_TITLES = 12;
const ENOUGH = 5;
const ANSWERS = [["like", "up", "I love"], ["dislike", "down", "Not for me:"], ["unknown", "minus", "I do not know"]];

let dismissedFor = null;

/** Show or hide the questions for the viewer of `page`; once begun they stay until the viewer is done. */
export async function offerOnboarding(page) {
  const section = byId("onboarding");
  const isOpenForViewer = !section.hidden && section.dataset.viewer === session.userId;
  if (isOpenForViewer) return;
  section.hidden = true;
  if (!page.is_new || dismissedFor === session.userId) return;
  const userId = session.userId;
  const asked = await askOnboarding(userId, NUM_TITLES).catch(() => null);
  if (!asked?.items.length || userId !== session.userId) return;
  section.dataset.viewer = userId;
  draw(asked);
  section.hidden = false;
}

function draw(asked) {
  const section = byId("onboarding");
  fill(
    section,
    element("div", { class: "onboarding-head" }, element("h2", { id: "onboarding-title" }, asked.question || "What do you love?"), element("p", { class: "count" }), element("button", { type: "button", class: "button", data: { key: "onboarding|done" }, click: dismiss }, "Done")),
    element("ul", { class: "grid", role: "list" }, ...asked.items.map(question)),
  );
  count(asked.num_answers);
}

function question(item) {
  const node = element(
    "li",
    { class: "ask", data: { item: item.item_id } },
    element("span", { class: "frame" }, poster(item)),
    element("span", { class: "unseen" }, `${item.title}, ${facts(item)}`),
    element("span", { class: "answers", role: "group", "aria-label": item.title }, ...ANSWERS.map(([answer, sign, words]) => element("button", { type: "button", class: `round ${answer}`, "aria-label": `${words} ${item.title}`, title: words.replace(":", ""), data: { key: `onboarding|${item.item_id}|${answer}`, answer }, click: () => reply(node, item, answer) }, icon(sign)))),
  );
  return node;
}

async function reply(node, item, answer) {
  node.classList.add("is-answered");
  try {
    const next = await answerOnboarding(session.userId, [{ item_id: item.item_id, answer }], NUM_TITLES);
    replace(node, next.items);
    count(next.num_answers);
    emit("answer", { love: `You love ${item.title}`, like: `You love ${item.title}`, dislike: `${item.title} is not for you`, unknown: `You do not know ${item.title}` }[answer]);
  } catch (error) {
    node.classList.remove("is-answered");
    tell("The answer did not reach the server", [error.message]);
  }
}

/** The next title that is not asked about already takes the place; the focus stays there. */
function replace(node, items) {
  const had = node.contains(document.activeElement);
  const shown = new Set([...node.parentElement.children].map((each) => each.dataset.item));
  const next = items.find((item) => !shown.has(item.item_id));
  const fresh = next && question(next);
  const target = fresh || node.nextElementSibling || node.previousElementSibling;
  if (fresh) node.replaceWith(fresh);
  else node.remove();
  if (had) (target?.querySelector("button") || byId("main")).focus({ preventScroll: true });
}

function count(numAnswers) {
  const words = numAnswers === 0 ? "The page below follows each answer; watching says more than answering." : `${plural(numAnswers, "answer")}. ${numAnswers < ENOUGH ? "The page below follows each of them." : "That is plenty: the page below is yours."}`;
  byId("onboarding").querySelector(".count").textContent = words;
}

function dismiss() {
  dismissedFor = session.userId;
  byId("onboarding").hidden = true;
  byId("billboard").querySelector("button")?.focus();
}
