// A CSV from the desk: how its first rows are read, then all of it, with progress, errors by line.
import { count, element, labelled, number, problem, table, time } from "./dom.js";
import { ask, changing, get, Problem, signedIn } from "./session.js";

const PREVIEW_BYTES = 64 * 1024;

async function beginning(file) {
  const text = await file.slice(0, PREVIEW_BYTES).text();
  const cut = file.size > PREVIEW_BYTES ? text.lastIndexOf("\n") + 1 : text.length;
  return text.slice(0, cut || text.length);
}

/** Names in the first line; the server says how they are parted and read. */
function columnsOf(text) {
  const line = text.replace(/^\ufeff/, "").split(/\r?\n/, 1)[0];
  const delimiter = [";", "\t", ","].find((one) => line.includes(one)) ?? ",";
  return line.split(delimiter).map((one) => one.trim().replace(/^"|"$/g, ""));
}

function choice(text, columns, chosen, first, onchange) {
  const made = element("select", { onchange }, element("option", { value: "" }, first), columns.map((name) => element("option", { value: name, selected: name === chosen }, name)));
  return [made, labelled(text, made)];
}

/** fetch does not tell how much was sent. */
function send(path, file, tell) {
  return new Promise((done, fail) => {
    const asked = new XMLHttpRequest();
    asked.open("POST", path);
    asked.setRequestHeader("Content-Type", "text/csv");
    for (const [name, value] of Object.entries(changing())) asked.setRequestHeader(name, value);
    asked.upload.onprogress = (event) => tell(event.loaded / file.size);
    asked.onload = () => {
      let body = {};
      try {
        body = JSON.parse(asked.responseText);
      } catch {}
      if (asked.status < 300) done(body);
      else fail(new Problem(asked.status, body));
    };
    asked.onerror = () => fail(new Problem(0, { detail: "The connection broke. Nothing of this upload was stored; sending it again is safe." }));
    asked.send(file);
  });
}

async function showUpload(page) {
  const wanted = new URLSearchParams(location.search).get("series") ?? "";
  const known = (await get("/v1/series", { limit: 1000 })).data;
  const input = element("input", { type: "file", accept: ".csv,text/csv,.tsv,.txt", id: "file" });
  const drop = element("label.drop", { for: "file" }, element("strong", {}, "Drop a CSV here"), " or choose one", input);
  const place = element("div");
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("is-over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("is-over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("is-over");
    if (event.dataTransfer.files[0]) look(event.dataTransfer.files[0]);
  });
  input.addEventListener("change", () => input.files[0] && look(input.files[0]));

  async function look(file) {
    const text = await beginning(file);
    const columns = columnsOf(text);
    const guess = columns.find((name) => /^(timestamp|time|datetime|date)$/i.test(name));
    const result = element("div", { "aria-live": "polite" });
    const series = element("input", { value: wanted || file.name.replace(/\.(csv|tsv|txt)$/i, "").replace(/[^A-Za-z0-9._:-]+/g, "-").replace(/^[^A-Za-z0-9]+/, ""), list: "known", required: true, maxlength: "200" });
    const onError = element("input", { type: "checkbox", id: "skip" });
    const onConflict = element("input", { type: "checkbox", id: "replace" });
    const [timestamp, timestampField] = choice("Time", columns, guess === "timestamp" ? "" : guess, "timestamp", preview);
    const [value, valueField] = choice("Value", columns, "", "all other columns", preview);
    const bar = element("progress", { max: 1, value: 0, hidden: true, "aria-label": "Upload" });
    const outcome = element("div", { "aria-live": "polite" });
    const mapped = () => ({ timestamp_column: timestamp.value, value_column: value.value });
    const query = (given) => new URLSearchParams(Object.entries(given).filter(([, one]) => one));

    async function preview() {
      try {
        const answer = await fetch(`/v1/preview?${query(mapped())}`, { method: "POST", headers: { "Content-Type": "text/csv", ...changing() }, body: text });
        const body = await answer.json();
        if (!answer.ok) throw new Problem(answer.status, body);
        result.replaceChildren(
          table("How the first rows are read", ["Line", "Time", "UTC", ...body.columns], body.rows.slice(0, 8).map((row) => [String(row.row), time(row.timestamp, true), row.timestamp, ...row.values.map(number)]), "No row can be read."),
          body.errors.length ? problem(Object.assign(new Error(`${body.errors.length} of the first ${body.received} rows cannot be read`), { errors: body.errors.slice(0, 10) })) : "",
        );
        return body.columns;
      } catch (error) {
        result.replaceChildren(problem(error));
        return null;
      }
    }

    async function upload(event) {
      event.preventDefault();
      outcome.replaceChildren();
      const columns = await preview();
      if (!columns) return;
      const name = series.value.trim();
      let isNew = false;
      try {
        if (!known.some((one) => one.name === name)) {
          await ask("POST", "/v1/series", { body: { name, fields: columns }, headers: { "Idempotency-Key": crypto.randomUUID() } });
          known.push({ name });
          isNew = true;
        }
        bar.hidden = false;
        const given = { ...mapped(), on_error: onError.checked && "skip", on_conflict: onConflict.checked && "replace" };
        const report = await send(`/v1/series/${encodeURIComponent(name)}/points?${query(given)}`, file, (share) => { bar.value = share; });
        bar.value = 1;
        outcome.replaceChildren(
          element("p", {}, element("strong", {}, `${count(report.stored)} points stored`), `, ${count(report.duplicates)} were there already, ${count(report.rejected)} left out. `, report.job ? "A model is being trained. " : "", element("a", { href: `/series/${encodeURIComponent(name)}` }, `Look at ${name}`)),
          report.errors.length ? problem(Object.assign(new Error("Left out:"), { errors: report.errors })) : "",
        );
      } catch (error) {
        bar.hidden = true;
        if (isNew) {
          known.pop();
          await ask("DELETE", `/v1/series/${encodeURIComponent(name)}`).catch(() => null);
        }
        outcome.replaceChildren(problem(error));
      }
    }

    place.replaceChildren(
      element("form", { onsubmit: upload },
        element("h2", {}, file.name, element("span.quiet", {}, ` ${count(file.size)} bytes`)),
        element("div.grid", {}, timestampField, valueField, labelled("Series", series, "One that is there, or a new one.")),
        element("datalist", { id: "known" }, known.map((one) => element("option", { value: one.name }))),
        result,
        element("p", {}, onError, element("label", { for: "skip" }, " Leave out rows that cannot be read, instead of refusing all"), element("br"), onConflict, element("label", { for: "replace" }, " Replace points of the same time with another value")),
        element("div.actions", {}, element("button.main", { type: "submit" }, "Upload"), bar),
        outcome,
      ),
    );
    await preview();
  }

  page.replaceChildren(element("h1", {}, "Upload"), element("p.quiet", {}, "A header row; a column with the time, one for each value. Comma, semicolon or tab; UTF-8."), drop, place);
}

signedIn(showUpload);
