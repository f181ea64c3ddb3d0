// What people read instead of codes.

export const DEVICES = { tv: "Television", laptop: "Laptop", tablet: "Tablet", phone: "Phone" };
export const COMPANIONS = { alone: "Alone", together: "In company" };

/** `Comedy · 2019 · 1 h 29 min`, as far as known. */
export function facts({ genres = [], year, minutes, maturity }, numGenres = 2) {
  return [genres.slice(0, numGenres).join(", "), year, minutes && duration(minutes), maturity && age(maturity)].filter(Boolean).join(" · ");
}

export function duration(minutes) {
  const [hours, rest] = [Math.floor(minutes / 60), Math.round(minutes % 60)];
  return hours ? `${hours} h${rest ? ` ${rest} min` : ""}` : `${rest} min`;
}

export function age(maturity) {
  return /^\d+$/.test(maturity) ? `${maturity}+` : maturity === "all" ? "All ages" : maturity;
}

export function percent(share) {
  return `${Math.round(100 * share)} %`;
}

export function clock(hour) {
  return `${String(hour).padStart(2, "0")}:00`;
}

export function plural(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}

/** A sentence as it goes on behind a colon. */
export function lowered(words) {
  return words.charAt(0).toLowerCase() + words.slice(1);
}

export function listed(words) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

export function viewerName({ userId, isGuest }) {
  return isGuest ? "New viewer" : userId;
}
