// What the server answers; a refusal becomes an Error in the words of its problem document.

const KEY = "marquee-api-key";

export class Refusal extends Error {
  constructor(problem) {
    const where = (problem.errors || []).map((error) => `${error.field}: ${error.message}`).join("; ");
    super([problem.detail || problem.title, where].filter(Boolean).join(" "));
    this.status = problem.status;
  }
}

/** The homepage for `request`, and how long it took on the way; `prefix` asks another model. */
export async function askPage(request, prefix = "") {
  const started = performance.now();
  const page = await send("POST", `${prefix}v1/page`, request);
  return { ...page, wallMs: performance.now() - started };
}

export const askOnboarding = (userId, k) => send("GET", `v1/onboarding?user_id=${encodeURIComponent(userId)}&k=${k}`);
export const answerOnboarding = (userId, answers, k) => send("POST", "v1/onboarding", { user_id: userId, answers, k });
export const askControls = (userId) => send("GET", `v1/users/${encodeURIComponent(userId)}/controls`);
export const putControls = (userId, controls) => send("PUT", `v1/users/${encodeURIComponent(userId)}/controls`, controls);
export const askProfile = (userId) => send("GET", `v1/users/${encodeURIComponent(userId)}/profile`);
export const askViewers = (k) => send("GET", `v1/viewers?k=${k}`);
export const askModels = () => send("GET", "v1/models");
export const askSimilar = (itemId, k) => send("GET", `v1/similar/${encodeURIComponent(itemId)}?k=${k}`);
export const sendEvents = (events) => send("POST", "v1/events", { events }, true);

/** Give the server's API key with every request; it is kept until the browser is closed. */
export function useKey(key) {
  sessionStorage.setItem(KEY, key);
}

async function send(method, path, body, keepalive = false) {
  const options = { method, keepalive, headers: { accept: "application/json" } };
  const key = sessionStorage.getItem(KEY);
  if (key) options.headers.authorization = `Bearer ${key}`;
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["content-type"] = "application/json";
  }
  const answer = await fetch(path, options);
  const read = await answer.json().catch(() => ({ status: answer.status, title: answer.statusText }));
  if (!answer.ok) throw new Refusal(read);
  return read;
}
