// One series: its chart, the table under it, training and settings.
import { Chart } from "./chart.js";
import { badge, count, element, number, problem, say, score, tableRow, time } from "./dom.js";
import { verdict } from "./events.js";
import { ask, download, everySo, get, may, signedIn } from "./session.js";
import { settings } from "./settings.js";

const AROUND_MS = 3 * 86_400_000;
const TITLES = ["When", "Value", "Expected", "Score", "Why", "Was it one?"];

function readState() {
  const asked = new URLSearchParams(location.search);
  const at = asked.get("at") && Date.parse(asked.get("at"));
  const span = at
    ? [new Date(at - AROUND_MS).toISOString(), new Date(at + AROUND_MS).toISOString()]
    : [asked.get("from"), asked.get("to")];
  return { from: span[0], to: span[1], field: asked.get("field"), anomalies: asked.get("anomalies") !== "no", minScore: asked.get("min_score") ?? "" };
}

function writeState(state) {
  const given = { from: state.from, to: state.to, field: state.field, anomalies: state.anomalies ? null : "no", min_score: state.minScore || null };
  const query = new URLSearchParams(Object.entries(given).filter(([, value]) => value));
  history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}`);
}

async function showSeries(page) {
  const name = page.dataset.series;
  const base = `/v1/series/${encodeURIComponent(name)}`;
  let one = await get(base);
  const state = readState();
  const chart = new Chart(element("div.chart", { id: "chart", role: "img", "aria-label": `Chart of ${name}; the table below has the same` }), name, move);
  const status = element("span");
  const facts = element("p.quiet");
  const rows = element("tbody");
  const wrong = element("div");
  const more = element("button", { type: "button", hidden: true, onclick: () => fill(false) }, "Older rows");
  const training = element("div", { role: "status" });
  const details = element("details", {}, element("summary", {}, "Settings"));
  const sampled = element("p.quiet", { hidden: true }, "Drawn from a sample for now: very many points came lately, and are still being looked through. Every anomaly is marked.");
  chart.ondrawn = (data) => { sampled.hidden = !data.is_sampled; };
  const zones = element("p.quiet");
  let cursor = null;

  function describe() {
    status.replaceChildren(badge(one.status));
    facts.replaceChildren(...[`${count(one.points)} points`, ...(one.last_timestamp ? [", ", time(one.first_timestamp), " to ", time(one.last_timestamp)] : []), one.model_version ? ` · model ${one.model_version}` : "", one.description ? ` · ${one.description}` : ""]);
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    zones.replaceChildren(`Times are those of ${zone}; hours and weekdays in reasons those of ${one.detector.timezone ?? "UTC"}, the zone of the series. Whoever points at a time sees it in UTC.`);
  }

  async function move([from, to]) {
    Object.assign(state, { from, to });
    writeState(state);
    await refresh();
  }

  function scoreRow(given) {
    const said = element("div");
    const tell = async (label) => {
      try {
        show(await ask("PUT", `${base}/scores/${given.timestamp}/feedback`, { body: { label } }));
        say(label ? `Noted: ${label}` : "Taken back");
        await chart.load();
      } catch (error) {
        say(error.message, true);
      }
    };
    const show = (judged) => said.replaceChildren(verdict(judged.feedback, tell));
    if (given.is_anomaly) show(given);
    const expected = typeof given.expected === "object" ? number(given.expected) : `${number(given.expected)} (${number(given.lower)} to ${number(given.upper)})`;
    return tableRow([time(given.timestamp, true), number(given.value), expected, score(given.score), given.is_anomaly ? given.reason : "", said], { class: given.is_anomaly ? "is-anomaly" : null }, TITLES);
  }

  async function fill(isAnew = true) {
    const query = { from: state.from, to: state.to, anomalies_only: state.anomalies, min_score: state.minScore, order: "desc", limit: 50, cursor: isAnew ? null : cursor };
    const [found, feedback] = await Promise.all([
      get(`${base}/scores`, query),
      get(`${base}/feedback`, { from: state.from, to: state.to, limit: 1000 }),
    ]);
    const known = new Map(feedback.data.filter((one) => !one.event).map((one) => [one.timestamp, one]));
    if (isAnew) rows.replaceChildren();
    rows.append(...found.data.map((given) => scoreRow({ ...given, feedback: known.get(given.timestamp) ?? null })));
    if (!rows.children.length) rows.append(tableRow([state.anomalies ? "No anomalies in this span." : "No scores in this span."]));
    cursor = found.next;
    more.hidden = !found.next;
  }

  const refill = () => {
    wrong.replaceChildren();
    return fill().catch((error) => wrong.replaceChildren(problem(error)));
  };

  async function refresh() {
    Object.assign(chart, { from: state.from, to: state.to, field: state.field });
    wrong.replaceChildren();
    try {
      await Promise.all([one.points ? chart.load() : null, fill()]);
    } catch (error) {
      if (error.status === 401) throw error;
      wrong.replaceChildren(problem(error));
    }
  }

  async function train() {
    const job = await ask("POST", `${base}/train`);
    const bar = element("progress", { max: 1, value: 0, "aria-label": "Training" });
    const text = element("span", {}, " queued");
    training.replaceChildren(bar, text);
    for (;;) {
      const now = await get(`/v1/jobs/${job.id}`);
      bar.value = now.progress;
      text.textContent = ` ${now.status} ${Math.round(now.progress * 100)} %`;
      if (now.status === "failed") return training.replaceChildren(problem(new Error(now.error)));
      if (now.status === "succeeded") break;
      await new Promise((go) => setTimeout(go, 500));
    }
    one = await get(base);
    training.replaceChildren(`Trained: model ${one.model_version} judges from now on.`);
    describe();
    return refresh();
  }

  const field = one.fields.length > 1
    ? element("select", { "aria-label": "Field", onchange: (event) => { state.field = event.target.value; writeState(state); refresh(); } }, one.fields.map((name) => element("option", { value: name, selected: name === state.field }, name)))
    : null;
  const only = element("input", { type: "checkbox", id: "only", checked: state.anomalies, onchange: () => { state.anomalies = only.checked; writeState(state); refill(); } });
  const least = element("input", { type: "number", min: "0", max: "1", step: "any", value: state.minScore, placeholder: "Score from", "aria-label": "Score from", onchange: () => { state.minScore = least.value; writeState(state); refill(); } });
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(settings(one, chart, async () => { one = await get(base); describe(); }));
  });

  describe();
  page.replaceChildren(
    element("div.heading", {}, element("h1", {}, name, " ", status), field,
      may("write") ? element("button", { type: "button", onclick: () => train().catch((error) => training.replaceChildren(problem(error))) }, "Train") : null,
      element("button", { type: "button", onclick: () => download(`${base}/scores`, { from: state.from, to: state.to }, `${name}.csv`).catch((error) => say(error.message, true)) }, "Export CSV"),
      element("button", { type: "button", onclick: () => move([null, null]) }, "Whole span")),
    facts,
    training,
    wrong,
    one.points ? chart.place : element("p.first", {}, "No points yet. ", element("a", { href: `/upload?series=${encodeURIComponent(name)}` }, "Upload a CSV")),
    sampled,
    details,
    element("div.heading", {}, element("h2", {}, "Scores"), element("div.filter", {}, only, element("label", { for: "only" }, "Anomalies only"), least)),
    element("div.scrolls", { tabindex: "0", role: "region", "aria-label": "Scores" }, element("table", {}, element("thead", {}, element("tr", {}, TITLES.map((title) => element("th", { scope: "col" }, title)))), rows)),
    more,
    zones,
  );
  await refresh();
  everySo(3, async () => {
    const now = await get(base);
    const isNew = now.points !== one.points || now.model_version !== one.model_version;
    one = now;
    if (!isNew) return;
    describe();
    if (!state.to || Date.parse(state.to) >= Date.parse(now.last_timestamp)) await refresh();
  });
}

if (document.getElementById("page").dataset.page === "series") signedIn(showSeries);
