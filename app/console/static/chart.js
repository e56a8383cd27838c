// The chart of a series: value, expected band, anomalies, events, feedback and models. Zooming in
// loads finer data; what is drawn is never more than a screen can show.
import { get } from "./session.js";

const PARTS = 800;

// Plotly shows a Date in the viewer's zone, and text as it stands.
const local = (utc) => new Date(utc);

/** Those of the style sheet, as light or dark has them. */
function coloursNow() {
  const probe = document.createElement("i");
  document.body.append(probe);
  const of = (name) => {
    probe.style.color = `var(--${name})`;
    return [name, getComputedStyle(probe).color];
  };
  const found = Object.fromEntries(["text", "line", "value", "band", "bad", "good", "faint"].map(of));
  probe.remove();
  return found;
}

/** Of the values, not of the band: early on that may be wide enough to make them a line. */
function heights(data) {
  const known = [...data.least, ...data.greatest, ...data.anomalies.map((one) => one.value)].filter((one) => one !== null);
  if (!known.length) return undefined;
  const low = known.reduce((a, b) => Math.min(a, b));
  const high = known.reduce((a, b) => Math.max(a, b));
  const room = (high - low) * 0.12 || Math.abs(high) * 0.1 || 1;
  return [low - room, high + room];
}

function traces(data, judged, colours) {
  const at = data.timestamps.map(local);
  const isCut = data.part_s !== null;
  const value = isCut
    ? { x: at.flatMap((one) => [one, local(one.getTime() + (data.part_s * 1000) / 2)]), y: data.least.flatMap((low, i) => [low, data.greatest[i]]) }
    : { x: at, y: data.least };
  const bounds = { mode: "lines", line: { width: 0 }, hoverinfo: "skip", showlegend: false, connectgaps: false };
  return [
    { ...bounds, x: at, y: data.lower, name: "lower" },
    { ...bounds, x: at, y: data.upper, name: "expected range", fill: "tonexty", fillcolor: colours.band, showlegend: true },
    { x: at, y: data.expected, name: "expected", mode: "lines", line: { width: 1, dash: "dot", color: colours.text }, hoverinfo: "skip", opacity: 0.6 },
    { ...value, name: data.field, mode: "lines", line: { width: 1.3, color: colours.value }, connectgaps: false },
    {
      x: data.anomalies.map((one) => local(one.timestamp)),
      y: data.anomalies.map((one) => one.value),
      text: data.anomalies.map((one) => `${one.reason}${one.points > 1 ? ` (and ${one.points - 1} more close by)` : ""}`),
      name: "anomaly",
      mode: "markers",
      marker: { size: data.anomalies.map((one) => (one.alert ? 11 : 8)), color: colours.bad, symbol: "circle" },
      hovertemplate: "%{y}<br>%{text}<extra></extra>",
    },
    ...(judged ? [{
      x: judged.map((one) => local(one.timestamp)),
      y: judged.map((one) => (typeof one.value === "object" && one.value ? one.value[data.field] : one.value)),
      name: "with these settings",
      mode: "markers",
      marker: { size: 13, color: colours.good, symbol: "circle-open", line: { width: 2 } },
      hoverinfo: "x+y+name",
    }] : []),
  ];
}

function marks(events, feedback, models, span, colours) {
  const [from, to] = span;
  const inside = (utc) => utc >= from && utc <= to;
  return {
    shapes: [
      ...events.map((one) => ({ type: "rect", xref: "x", yref: "paper", x0: local(one.start), x1: local(one.end ?? to), y0: 0, y1: 1, fillcolor: colours.bad, opacity: 0.12, line: { width: 0 }, layer: "below" })),
      ...models.filter((one) => inside(one.to_timestamp)).map((one) => ({ type: "line", xref: "x", yref: "paper", x0: local(one.to_timestamp), x1: local(one.to_timestamp), y0: 0, y1: 1, line: { width: 1, dash: "dash", color: colours.faint } })),
    ],
    annotations: [
      ...models.filter((one) => inside(one.to_timestamp)).slice(0, 12).map((one) => ({ x: local(one.to_timestamp), y: 1, yref: "paper", text: `model ${one.version}`, showarrow: false, font: { size: 10, color: colours.text }, xanchor: "right" })),
      ...feedback.filter((one) => inside(one.timestamp)).slice(0, 200).map((one) => ({ x: local(one.timestamp), y: 0, yref: "paper", yanchor: "bottom", text: one.label === "anomaly" ? "✓" : "✗", hovertext: `${one.label}${one.note ? `: ${one.note}` : ""}`, showarrow: false, font: { size: 14, color: colours.text } })),
    ],
  };
}

export class Chart {
  constructor(place, name, onspan) {
    Object.assign(this, { place, name, onspan, from: null, to: null, field: null, judged: null, isDrawn: false, turn: 0 });
  }

  /** What the server has of the span now. */
  async load() {
    const turn = ++this.turn;
    const base = `/v1/series/${encodeURIComponent(this.name)}`;
    const span = { from: this.from, to: this.to };
    const [data, events, feedback, models] = await Promise.all([
      get(`${base}/chart`, { ...span, field: this.field, buckets: PARTS }),
      get("/v1/events", { series: this.name, to: this.to, limit: 300 }),
      get(`${base}/feedback`, { ...span, limit: 300 }),
      get(`${base}/models`, { limit: 50 }),
    ]);
    if (turn !== this.turn) return;
    const seen = events.data.filter((one) => !one.end || one.end >= data.from);
    this.draw(data, seen, feedback.data, models.data);
  }

  draw(data, events, feedback, models) {
    const colours = coloursNow();
    const span = [data.from, data.to];
    const axis = { gridcolor: colours.line, linecolor: colours.line, zeroline: false, automargin: true };
    const layout = {
      ...marks(events, feedback, models, span, colours),
      margin: { l: 50, r: 16, t: 8, b: 36 },
      paper_bgcolor: "transparent",
      plot_bgcolor: "transparent",
      font: { color: colours.text, family: "system-ui, sans-serif", size: 12 },
      xaxis: { ...axis, type: "date", range: span.map(local) },
      yaxis: { ...axis, fixedrange: true, range: heights(data) },
      legend: { orientation: "h", y: -0.12 },
      hovermode: "closest",
      dragmode: "zoom",
      uirevision: "one",
    };
    // Its bar of buttons writes a style element, which the page's policy does not let in.
    const config = { responsive: true, displayModeBar: false, scrollZoom: false, doubleClick: false };
    this.isDrawing = true;
    window.Plotly.react(this.place, traces(data, this.judged, colours), layout, config).then(() => {
      this.isDrawing = false;
    });
    this.ondrawn?.(data);
    this.place.dataset.points = String(data.timestamps.length);
    this.place.dataset.anomalies = String(data.anomalies.length);
    if (!this.isDrawn) this.listen();
    this.isDrawn = true;
  }

  listen() {
    let waiting = null;
    this.place.on("plotly_relayout", (changed) => {
      if (this.isDrawing) return;
      const isWhole = changed["xaxis.autorange"] || changed["xaxis.showspikes"] !== undefined;
      const range = changed["xaxis.range"] ?? [changed["xaxis.range[0]"], changed["xaxis.range[1]"]];
      if (!isWhole && !range[0]) return;
      clearTimeout(waiting);
      waiting = setTimeout(() => this.onspan(isWhole ? [null, null] : range.map((one) => new Date(one).toISOString())), 250);
    });
    this.place.on("plotly_doubleclick", () => {
      clearTimeout(waiting);
      this.onspan([null, null]);
      return false;
    });
  }
}
