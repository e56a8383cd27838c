// All series at a glance, and what is going on; for an operator, the installation.
import { badge, count, element, number, problem, score, sparkline, table, time } from "./dom.js";
import { showInstallation } from "./operator.js";
import { everySo, get, may, signedIn } from "./session.js";

const seriesAddress = (name, query = "") => `/series/${encodeURIComponent(name)}${query}`;
const link = (name) => element("a", { href: seriesAddress(name) }, name);

function card(one) {
  return element(
    "li.card",
    {},
    element("h2", {}, link(one.name), badge(one.open_event ? "event" : one.status)),
    sparkline(one.recent, one.name),
    element("p", {}, element("strong", {}, number(one.last_value)), " ", time(one.last_timestamp)),
    element("p.quiet", {}, `${count(one.points)} points`, one.description ? ` · ${one.description}` : ""),
  );
}

function firstSteps() {
  return element(
    "section.first",
    {},
    element("h2", {}, "Nothing is watched yet"),
    element(
      "ol",
      {},
      element("li", {}, element("a", { href: "/upload" }, "Upload a CSV"), " with a time and a value in each row: the series is made, and trained once there are 64 points."),
      element("li", {}, "Send new points to ", element("code", {}, "POST /v1/series/{name}/score"), ": each is judged at once. ", element("a", { href: "/docs" }, "Try it")),
      element("li", {}, "What is anomalous appears here, and as events."),
    ),
  );
}

function news(anomalies, events, jobs) {
  const active = jobs.filter((job) => job.status === "queued" || job.status === "running");
  const failed = jobs.filter((job) => job.status === "failed").slice(0, 5);
  return [
    element("h2", {}, "Open events"),
    table("Open events", ["Since", "Series", "Peak"], events.map((one) => [time(one.start), element("a", { href: seriesAddress(one.series) }, one.series), score(one.peak.score)]), "None."),
    element("h2", {}, "Newest anomalies"),
    table("Newest anomalies", ["When", "Series", "Why"], anomalies.map((one) => [time(one.timestamp), element("a", { href: seriesAddress(one.series, `?at=${encodeURIComponent(one.timestamp)}`) }, one.series), one.reason]), "None."),
    element("h2", {}, "Training"),
    active.length
      ? element("ul.plain", {}, active.map((job) => element("li", {}, link(job.subject), " ", element("progress", { max: 1, value: job.progress, "aria-label": `Training of ${job.subject}` }), ` ${job.status}`)))
      : element("p.quiet", {}, "Nothing is being trained."),
    failed.length
      ? element("div", {}, element("h2", {}, "Failed"), element("ul.plain", {}, failed.map((job) => element("li", {}, link(job.subject), ` ${job.error} `, time(job.finished_at)))))
      : null,
  ].filter(Boolean);
}

async function showOverview(page) {
  const asked = new URLSearchParams(location.search);
  const state = { prefix: asked.get("prefix") ?? "", pages: 1, asked: 0 };
  const cards = element("ul.cards");
  const aside = element("aside", { "aria-label": "News" });
  const more = element("button", { type: "button", hidden: true, onclick: () => { state.pages += 1; return refresh(); } }, "More series");
  const empty = element("div");
  const prefix = element("input", { type: "search", value: state.prefix, placeholder: "Name begins with", "aria-label": "Name begins with" });
  const filter = element("form.filter", { role: "search", onsubmit: (event) => event.preventDefault() }, prefix);
  prefix.addEventListener("input", () => {
    state.prefix = prefix.value;
    state.pages = 1;
    history.replaceState(null, "", state.prefix ? `?prefix=${encodeURIComponent(state.prefix)}` : "/");
    refresh().catch((error) => empty.replaceChildren(problem(error)));
  });

  async function refresh() {
    const turn = (state.asked += 1);
    const [watched, anomalies, events, jobs] = await Promise.all([
      get("/v1/overview", { prefix: state.prefix, limit: Math.min(1000, 60 * state.pages) }),
      get("/v1/anomalies", { limit: 10 }),
      get("/v1/events", { open: true, limit: 20 }),
      get("/v1/jobs", { limit: 50 }),
    ]);
    if (turn !== state.asked) return; // asked again meanwhile
    cards.replaceChildren(...watched.data.map(card));
    more.hidden = !watched.next || 60 * state.pages >= 1000; // beyond, one looks for a name
    const isNew = !watched.data.length && !state.prefix;
    empty.replaceChildren(isNew ? firstSteps() : watched.data.length ? "" : element("p", {}, "No series has a name that begins so."));
    aside.hidden = isNew;
    filter.hidden = isNew;
    aside.replaceChildren(...news(anomalies.data, events.data, jobs.data));
  }

  page.replaceChildren(
    element("div.heading", {}, element("h1", {}, "Series"), filter, may("admin") ? element("a.button", { href: "/upload" }, "Upload") : null),
    element("div.split", {}, element("section", { "aria-label": "Series" }, empty, cards, more), aside),
  );
  await refresh();
  everySo(10, refresh);
}

signedIn((page, session) => (session.is_operator ? showInstallation(page) : showOverview(page)));
