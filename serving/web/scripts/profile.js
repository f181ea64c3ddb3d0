// How a viewer watches, in plain words and a few bars.

import { askProfile } from "./api.js";
import { openDialog } from "./dialog.js";
import { element } from "./dom.js";
import { session } from "./session.js";
import { clock, DEVICES, percent, plural, viewerName } from "./words.js";

const SHARES = [
  ["completion", "of a title is watched on average"],
  ["continues", "of the sittings go on with a title begun before"],
  ["binge", "of the sittings hold three episodes or more"],
  ["next_episode", "of the episodes watched to their end are followed by the next"],
  ["short_form", "of the plays are of half an hour or less"],
  ["exploration", "of the plays are in genres that are new"],
  ["pauses", "of the plays are paused"],
  ["together", "happens in company"],
];

export async function openProfile() {
  const heading = `How ${viewerName(session)} watches`;
  try {
    openDialog("profile", heading, ...content(await askProfile(session.userId)));
  } catch (error) {
    openDialog("profile", heading, element("p", { role: "alert" }, error.message));
  }
}

function content(profile) {
  const shares = SHARES.filter(([name]) => profile[name] !== null);
  const usual = Object.fromEntries(profile.usual.map(({ name, share }) => [name, share]));
  return [
    element("p", { class: "small" }, `From ${plural(profile.num_events, "play")}. The fewer there are, the nearer the shares stay to everybody's.`),
    profile.words.length ? element("ul", { class: "sentences" }, ...profile.words.map((words) => element("li", {}, words))) : element("p", {}, "Nothing is known yet. Play something."),
    shares.length ? element("dl", { class: "shares" }, ...shares.flatMap(([name, words]) => [element("dt", {}, percent(profile[name])), element("dd", {}, words, " ", element("span", { class: "small" }, `(everybody: ${percent(usual[name])})`))])) : null,
    profile.hours.length ? hours(profile.hours) : null,
    bars("Devices", profile.devices, DEVICES),
    bars("Genres", profile.genres.slice(0, 6), {}),
  ];
}

function hours(shares) {
  const most = Math.max(...shares) || 1;
  const best = shares.indexOf(Math.max(...shares));
  const columns = shares.map((share, hour) => element("span", { variables: { share: `${(100 * share) / most}%` }, title: `${clock(hour)}: ${percent(share)}` }));
  return element("figure", {}, element("figcaption", {}, `Plays by hour; most at ${clock(best)}`), element("div", { class: "hours", role: "img", "aria-label": `Plays by hour of the day, most at ${clock(best)}` }, ...columns), element("div", { class: "hours-axis", "aria-hidden": "true" }, ...["00", "06", "12", "18", "24"].map((hour) => element("span", {}, hour))));
}

function bars(heading, shares, names) {
  if (!shares.length) return null;
  const lines = shares.map(({ name, share }) => element("li", {}, element("span", {}, names[name] || name), element("span", { class: "bar", "aria-hidden": "true", variables: { share: percent(share).replace(" ", "") } }), element("span", { class: "small" }, percent(share))));
  return element("section", {}, element("h3", {}, heading), element("ul", { class: "bars", role: "list" }, ...lines));
}
