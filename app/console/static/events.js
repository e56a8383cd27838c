// Events across series, newest first, to be answered with one click or one key.
import { badge, count, element, problem, say, score, tableRow, time } from "./dom.js";
import { ask, everySo, get, may, signedIn } from "./session.js";

const TITLES = ["Start", "Series", "End", "Peak", "Points", "Why", "Was it one?"];
const LABELS = [["anomaly", "Yes", "y"], ["normal", "Normal", "n"]];

export function verdict(feedback, tell) {
  const buttons = LABELS.map(([label, text, key]) =>
    element("button.small", {
      type: "button",
      disabled: !may("write"),
      "aria-pressed": String(feedback?.label === label),
      title: `${label === "anomaly" ? "It was an anomaly" : "This is normal here"} (${key})`,
      onclick: () => tell(feedback?.label === label ? null : label),
    }, text),
  );
  const said = feedback ? element("small.quiet", {}, `${feedback.note ? `${feedback.note} · ` : ""}by ${feedback.by ?? "?"} `, time(feedback.at)) : null;
  return element("div.verdict", {}, buttons, said);
}

async function showEvents(page) {
  const asked = new URLSearchParams(location.search);
  const state = { series: asked.get("series") ?? "", open: asked.get("open") ?? "", cursor: null, events: [] };
  const series = element("input", { type: "search", value: state.series, "aria-label": "Series", placeholder: "Series" });
  const open = element("select", { "aria-label": "Which" }, [["", "All"], ["true", "Open"], ["false", "Over"]].map(([value, text]) => element("option", { value, selected: value === state.open }, text)));
  const body = element("tbody");
  const wrong = element("div");
  const more = element("button", { type: "button", hidden: true, onclick: () => load(false) }, "Older events");

  function row(event) {
    const tell = async (label, note = event.feedback?.note ?? "") => {
      try {
        Object.assign(event, await ask("PUT", `/v1/events/${event.id}/feedback`, { body: { label, note: label ? note : "" } }));
        const drawn = row(event);
        made.replaceWith(drawn);
        drawn.focus();
        say(label ? `Noted: ${label}` : "Taken back");
      } catch (error) {
        say(error.message, true);
      }
    };
    const address = `/series/${encodeURIComponent(event.series)}?at=${encodeURIComponent(event.peak.timestamp)}`;
    const made = tableRow(
      [time(event.start), element("a", { href: address }, event.series), event.end ? time(event.end) : badge("open"), score(event.peak.score), count(event.points), event.reason, verdict(event.feedback, tell)],
      { tabindex: "0", "data-event": event.id },
      TITLES,
    );
    made.addEventListener("keydown", (pressed) => {
      if (pressed.target !== made || pressed.ctrlKey || pressed.metaKey || pressed.altKey) return;
      if (pressed.key === "y") tell("anomaly");
      else if (pressed.key === "n") tell("normal");
      else if (pressed.key === "u") tell(null);
      else if (pressed.key === "j" || pressed.key === "ArrowDown") made.nextElementSibling?.focus();
      else if (pressed.key === "k" || pressed.key === "ArrowUp") made.previousElementSibling?.focus();
      else if (pressed.key === "Enter") location.assign(address);
      else return;
      pressed.preventDefault();
    });
    return made;
  }

  async function load(isAnew = true) {
    try {
      const cursor = isAnew ? null : state.cursor;
      const found = await get("/v1/events", { series: state.series, open: state.open, limit: 50, cursor });
      if (isAnew) body.replaceChildren();
      body.append(...found.data.map(row));
      state.cursor = found.next;
      more.hidden = !found.next;
      const nothing = isAnew && !found.data.length;
      wrong.replaceChildren(nothing ? element("p.quiet", {}, "No such events.") : "");
      state.newest = found.data[0]?.id ?? state.newest;
    } catch (error) {
      if (error.status === 401) throw error;
      wrong.replaceChildren(problem(error));
    }
  }

  function changed() {
    Object.assign(state, { series: series.value.trim(), open: open.value });
    const query = new URLSearchParams(Object.entries({ series: state.series, open: state.open }).filter(([, value]) => value));
    history.replaceState(null, "", `/events${query.size ? `?${query}` : ""}`);
    return load();
  }
  series.addEventListener("change", changed);
  open.addEventListener("change", changed);

  page.replaceChildren(
    element("div.heading", {}, element("h1", {}, "Events"), element("form.filter", { role: "search", onsubmit: (event) => { event.preventDefault(); changed(); } }, series, open)),
    element("p.quiet", {}, "Anomalous points that belong together are one event. Say whether it was one; what you say is kept with it. Keys: ", element("kbd", {}, "j"), " ", element("kbd", {}, "k"), " move, ", element("kbd", {}, "y"), " yes, ", element("kbd", {}, "n"), " normal, ", element("kbd", {}, "u"), " take back."),
    wrong,
    element("div.scrolls", { tabindex: "0", role: "region", "aria-label": "Events" }, element("table", {}, element("thead", {}, tableHead()), body)),
    more,
  );
  await load();
  body.firstElementChild?.focus({ preventScroll: true });
  everySo(15, async () => {
    const found = await get("/v1/events", { series: state.series, open: state.open, limit: 1 });
    if (found.data[0] && found.data[0].id !== state.newest) say("There are newer events: load the page anew.");
  });
}

function tableHead() {
  return element("tr", {}, TITLES.map((text) => element("th", { scope: "col" }, text)));
}

if (document.getElementById("page").dataset.page === "events") signedIn(showEvents);
