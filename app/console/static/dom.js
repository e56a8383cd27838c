// Elements out of plain data. Text is always text: nothing that a tenant wrote becomes markup.

/** `element("a.big", { href: "/", onclick: f }, "text", child)`; null children are left out. */
export function element(kind, given = {}, ...children) {
  const [tag, ...classes] = kind.split(".");
  const made = document.createElement(tag || "div");
  if (classes.length) made.className = classes.join(" ");
  for (const [name, value] of Object.entries(given)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && typeof value !== "string") made[name] = value;
    else if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** rows: lists of cells, each text or an element. */
export function table(caption, titles, rows, whenEmpty) {
  if (!rows.length && whenEmpty) return element("p.quiet", {}, whenEmpty);
  return element(
    "div.scrolls",
    { tabindex: "0", role: "region", "aria-label": caption },
    element(
      "table",
      {},
      element("caption.unseen", {}, caption),
      element("thead", {}, element("tr", {}, titles.map((title) => element("th", { scope: "col" }, title)))),
      element("tbody", {}, rows.map((row) => (row instanceof Node ? row : tableRow(row, {}, titles)))),
    ),
  );
}

/** On a phone a row is a card, in which each cell has its title beside it. */
export function tableRow(cells, given = {}, titles = []) {
  return element("tr", given, cells.map((cell, place) => element("td", { "data-title": titles[place] ?? null }, cell ?? "")));
}

const LOCAL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** In the viewer's zone; UTC is shown on hover, and read to who cannot hover. */
export function time(utc, isExact = false) {
  if (!utc) return "–";
  const at = new Date(utc);
  return element("time", { datetime: utc, title: `${utc} (UTC)` }, (isExact ? EXACT : LOCAL).format(at));
}

const PLAIN = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 6 });
const COUNT = new Intl.NumberFormat();

export function number(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "object") {
    return Object.entries(value).map(([name, one]) => `${name} ${number(one)}`).join(", ");
  }
  return PLAIN.format(value);
}

export const count = (value) => COUNT.format(value ?? 0);

/** A score is near 1 where it matters: how far it is from there tells more. */
export const score = (value) => (value === null ? "–" : value.toFixed(value > 0.999 ? 5 : 3));

export function badge(status) {
  return element(`span.badge.is-${status}`, {}, status);
}

/** A line of the newest values; a gap where one is missing. */
export function sparkline(values, name) {
  const known = values.filter((value) => value !== null);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 120 32");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", "spark");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", known.length ? `The newest ${values.length} values of ${name}` : "No values yet");
  if (known.length < 2) return svg;
  const low = Math.min(...known);
  const height = Math.max(...known) - low || 1;
  let path = "";
  let isBroken = true;
  values.forEach((value, place) => {
    if (value === null) {
      isBroken = true;
      return;
    }
    const x = (place / (values.length - 1)) * 118 + 1;
    const y = 30 - ((value - low) / height) * 28;
    path += `${isBroken ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
    isBroken = false;
  });
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

export function say(text, isError = false) {
  const place = document.getElementById("said");
  place.className = isError ? "is-error" : "";
  place.replaceChildren(text);
  if (text) setTimeout(() => place.textContent === text && place.replaceChildren(), 8000);
}

/** A problem of the API, with each field that is wrong. */
export function problem(error) {
  const listed = (error.errors ?? []).map((one) =>
    element("li", {}, one.row === undefined ? `${one.field}: ${one.message}` : `line ${one.row}${one.column ? `, ${one.column}` : ""}: ${one.message}`),
  );
  return element(
    "div.problem",
    { role: "alert" },
    element("p", {}, error.message),
    listed.length ? element("ul", {}, listed) : null,
    error.requestId ? element("p.quiet", {}, `Request ${error.requestId}`) : null,
  );
}

/** A label, its field, and what it does. */
export function labelled(text, field, told) {
  const id = field.id || `field-${Math.random().toString(36).slice(2)}`;
  field.id = id;
  if (told) field.setAttribute("aria-describedby", `${id}-told`);
  return element(
    "div.field",
    {},
    element("label", { for: id }, text),
    field,
    told ? element("small", { id: `${id}-told` }, told) : null,
  );
}
