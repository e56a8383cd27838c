// Settings of a series: what each does, what others would have found, and then to save them.
import { element, labelled, problem, say } from "./dom.js";
import { all, ask, may } from "./session.js";

const TRIED_POINTS = 5000;

const listOf = (text) => (text.trim() === "auto" || !text.trim() ? "auto" : text.split(",").map((one) => one.trim()).filter(Boolean));
const numberOr = (text) => (text.trim() === "auto" || !text.trim() ? "auto" : Number(text));

const DETECTOR = [
  ["n_estimators", "Trees", "100", Number, "More trees: steadier scores, longer training."],
  ["max_samples", "Rows for each tree", "256", Number, "How much of the history one tree sees."],
  ["contamination", "Share of anomalies", "auto", numberOr, "auto: a threshold calibrated on scores of points that the forest had not seen. 0.01: one point in a hundred."],
  ["season", "Seasons", "auto", listOf, "auto: found from the data. Or lengths such as 1d, 7d; a lone - for none."],
  ["interval", "Sampling interval", "auto", (text) => text.trim() || "auto", "auto: found from the data. Or a length such as 30m."],
  ["timezone", "Time zone", "UTC", (text) => text.trim() || "UTC", "Whose clock days and weeks follow, such as Europe/Berlin."],
  ["random_state", "Seed", "0", Number, "The same data, settings and seed make the same model."],
];

function shownValue(value, byDefault) {
  if (value === undefined) return byDefault;
  if (Array.isArray(value)) return value.length ? value.join(", ") : "-";
  return String(value);
}

export function settings(one, chart, changed) {
  const fields = Object.fromEntries(
    DETECTOR.map(([name, , byDefault]) => [name, element("input", { value: shownValue(one.detector[name], byDefault), autocomplete: "off", "data-name": name })]),
  );
  const description = element("input", { value: one.description, maxlength: "2000" });
  const tags = element("input", { value: one.tags.join(", ") });
  const retrain = element("input", { value: one.retrain });
  const retention = element("input", { value: one.retention_days ?? "", inputmode: "numeric" });
  const wrong = element("div");
  const told = element("p", { role: "status" });

  function detector() {
    const found = {};
    for (const [name, , byDefault, read] of DETECTOR) {
      const text = fields[name].value;
      if (name === "season" && text.trim() === "-") found[name] = [];
      else if (text.trim() !== byDefault) found[name] = read(text);
    }
    return found;
  }

  async function attempt(act) {
    wrong.replaceChildren();
    told.replaceChildren();
    try {
      await act();
    } catch (error) {
      wrong.replaceChildren(problem(error));
    }
  }

  async function compare() {
    told.replaceChildren("Judging by these settings …");
    const base = `/v1/series/${encodeURIComponent(one.name)}`;
    const to = chart.to ?? new Date(Date.parse(one.last_timestamp) + 1).toISOString();
    const stored = await all(`${base}/scores`, { to, order: "desc" }, TRIED_POINTS);
    if (stored.length < 12) throw new Error("There are too few scored points before the end of the view: 12 are needed.");
    stored.reverse();
    const body = { points: stored.map(({ timestamp, value }) => ({ timestamp, value })), detector: detector() };
    const { data } = await ask("POST", "/v1/detect", { body });
    chart.judged = data.filter((score) => score.is_anomaly);
    const today = stored.filter((score) => score.is_anomaly).length;
    await chart.load();
    told.replaceChildren(`Of the last ${stored.length} points to the end of the view these settings find ${chart.judged.length} anomalous (open circles), those of today ${today}. Nothing is saved.`);
  }

  async function save() {
    const body = {
      description: description.value,
      tags: tags.value.split(",").map((tag) => tag.trim()).filter(Boolean),
      retrain: retrain.value.trim(),
      retention_days: retention.value.trim() ? Number(retention.value) : null,
      detector: detector(),
    };
    await ask("PATCH", `/v1/series/${encodeURIComponent(one.name)}`, { body });
    chart.judged = null;
    say("Saved. The detector's settings hold from the next training on.");
    await changed();
  }

  const isAdmin = may("admin");
  return element(
    "form.settings",
    { onsubmit: (event) => { event.preventDefault(); attempt(save); } },
    element("div.grid", {},
      labelled("Description", description),
      labelled("Tags", tags, "Words, parted by commas."),
      labelled("Train again", retrain, "auto: when the history has grown by a quarter. manual: never by itself. Or an interval such as 7d."),
      labelled("Keep for days", retention, "Older points are erased. Empty: never."),
      DETECTOR.map(([name, text, , , does]) => labelled(text, fields[name], does)),
    ),
    wrong,
    told,
    element("div.actions", {},
      element("button", { type: "button", onclick: () => attempt(compare) }, "Try other settings"),
      isAdmin ? element("button.main", { type: "submit" }, "Save") : element("p.quiet", {}, "A key with the scope admin may save."),
    ),
  );
}
