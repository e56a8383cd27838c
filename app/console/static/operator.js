// The installation, for who runs it: tenants, their anomalies, the audit log, queue and workers.
import { count, element, labelled, number, problem, say, score, table, time } from "./dom.js";
import { ask, everySo, get } from "./session.js";

const LIMITS = ["requests_per_s", "points_per_day", "series", "stored_points", "upload_bytes", "concurrent_trainings", "model_versions"];
const USE = { series: "series", stored_points: "points", points_per_day: "today" };
const FACTS = [["tenants", "Tenants"], ["series", "Series"], ["points", "Points"], ["models", "Model versions"], ["jobs_running", "Jobs running"], ["jobs_queued", "Jobs waiting"], ["queue_depth", "In the queue"], ["jobs_failed_24h", "Failed in 24 h"], ["workers", "Workers"]];

function facts(overview, ready) {
  const parts = Object.entries(ready).filter(([name]) => name !== "status").map(([name, state]) => `${name} ${typeof state === "object" ? state.status ?? JSON.stringify(state) : state}`);
  return [
    element("dl.facts", {}, FACTS.map(([name, text]) => element("div", {}, element("dt", {}, text), element("dd", {}, overview[name] === null ? "–" : count(overview[name]))))),
    element("p.quiet", {}, `${ready.status}: ${parts.join(" · ")}`),
  ];
}

function limitsForm(tenant, changed) {
  const fields = Object.fromEntries(LIMITS.map((name) => [name, element("input", { value: tenant.limits[name] ?? "", inputmode: "decimal" })]));
  const wrong = element("div");
  return element(
    "form",
    {
      onsubmit: async (event) => {
        event.preventDefault();
        const limits = Object.fromEntries(LIMITS.filter((name) => fields[name].value !== String(tenant.limits[name] ?? "")).map((name) => [name, fields[name].value.trim() ? Number(fields[name].value) : null]));
        try {
          await ask("PATCH", `/v1/tenants/${tenant.slug}`, { body: { limits } });
          say("Saved");
          await changed();
        } catch (error) {
          wrong.replaceChildren(problem(error));
        }
      },
    },
    element("div.grid", {}, LIMITS.map((name) => labelled(name.replaceAll("_", " "), fields[name]))),
    element("p.quiet", {}, "Empty: as the installation sets it."),
    wrong,
    element("button", { type: "submit" }, "Save limits"),
  );
}

/** Beside the limits of the same names, with a word where little is left. */
function inUse({ use, limits }) {
  const lines = Object.entries(USE).map(([name, text]) => {
    const isNear = limits[name] !== null && use[name] >= 0.9 * limits[name];
    return element("div", {}, `${count(use[name])} ${text}${isNear ? " " : ""}`, isNear ? element("span.badge.is-failed", {}, `of ${count(limits[name])}`) : null);
  });
  return element("div.use", {}, lines);
}

function tenantRows(tenant, changed) {
  const isActive = tenant.status === "active";
  const turn = async () => {
    if (isActive && !confirm(`Suspend ${tenant.slug}? Its keys open nothing until it is active again; its data stay.`)) return;
    try {
      await ask("PATCH", `/v1/tenants/${tenant.slug}`, { body: { status: isActive ? "suspended" : "active" } });
      await changed();
    } catch (error) {
      say(error.message, true);
    }
  };
  return [
    element("span", {}, element("strong", {}, tenant.slug), ` ${tenant.name}`),
    element(`span.badge.is-${tenant.status}`, {}, tenant.status),
    time(tenant.created_at),
    inUse(tenant),
    element("details", {}, element("summary", {}, `${number(tenant.limits.requests_per_s)} requests/s, ${count(tenant.limits.series)} series`), limitsForm(tenant, changed)),
    element("button.small", { type: "button", onclick: turn }, isActive ? "Suspend" : "Activate"),
  ];
}

function newTenant(changed) {
  const slug = element("input", { required: true, pattern: "[a-z0-9][a-z0-9\\-]{0,62}", autocomplete: "off" });
  const name = element("input", { required: true, autocomplete: "off" });
  const outcome = element("div", { "aria-live": "polite" });
  return element(
    "form",
    {
      onsubmit: async (event) => {
        event.preventDefault();
        try {
          const made = await ask("POST", "/v1/tenants", { body: { slug: slug.value, name: name.value }, headers: { "Idempotency-Key": crypto.randomUUID() } });
          outcome.replaceChildren(element("p", {}, "Its first key, shown this once: ", element("code.secret", {}, made.api_key.secret)));
          slug.value = name.value = "";
          await changed();
        } catch (error) {
          outcome.replaceChildren(problem(error));
        }
      },
    },
    element("div.grid", {}, labelled("Slug", slug, "Lower case letters, digits and hyphens."), labelled("Name", name)),
    element("button", { type: "submit" }, "Make a tenant"),
    outcome,
  );
}

export async function showInstallation(page) {
  const place = Object.fromEntries(["facts", "tenants", "anomalies", "audit"].map((name) => [name, element("div")]));
  const asked = new URLSearchParams(location.search);
  const tenant = element("input", { type: "search", value: asked.get("tenant") ?? "", "aria-label": "Tenant", placeholder: "All tenants" });
  tenant.addEventListener("change", () => {
    history.replaceState(null, "", tenant.value ? `/?tenant=${encodeURIComponent(tenant.value)}` : "/");
    refreshSlow().catch((error) => place.anomalies.replaceChildren(problem(error)));
  });

  async function refreshFacts() {
    const [overview, ready] = await Promise.all([get("/v1/admin/overview"), fetch("/readyz").then((answer) => answer.json())]);
    place.facts.replaceChildren(...facts(overview, ready));
  }
  const listed = { pages: 1, asked: 0 };
  const prefix = element("input", { type: "search", "aria-label": "Begins with", placeholder: "Slug begins with", oninput: () => { listed.pages = 1; refreshTenants().catch((error) => place.tenants.replaceChildren(problem(error))); } });
  const more = element("button", { type: "button", hidden: true, onclick: () => { listed.pages += 1; return refreshTenants(); } }, "More tenants");
  async function refreshTenants() {
    const turn = (listed.asked += 1);
    const found = await get("/v1/tenants", { prefix: prefix.value.trim(), limit: Math.min(1000, 50 * listed.pages) });
    if (turn !== listed.asked) return; // asked again meanwhile
    const none = prefix.value ? "No slug begins so." : "No tenants yet.";
    place.tenants.replaceChildren(table("Tenants", ["Tenant", "Status", "Since", "Use", "Limits", "Change"], found.data.map((one) => tenantRows(one, refreshTenants)), none));
    more.hidden = !found.next || 50 * listed.pages >= 1000; // beyond, one looks for a name
  }
  // To read across tenants is an act that the audit log has: not again and again.
  async function refreshSlow() {
    const query = { tenant: tenant.value.trim(), limit: 20 };
    const [anomalies, audit] = await Promise.all([get("/v1/admin/anomalies", query), get("/v1/admin/audit", query)]);
    place.anomalies.replaceChildren(table("Anomalies of all tenants", ["When", "Tenant", "Series", "Score", "Why"], anomalies.data.map((one) => [time(one.timestamp), one.tenant, one.series, score(one.score), one.reason]), "None."));
    place.audit.replaceChildren(table("Audit log", ["When", "Who", "Did", "To", "From"], audit.data.map((one) => [time(one.at, true), one.actor ?? one.actor_kind, one.action, [one.tenant, one.subject_name ?? one.subject].filter(Boolean).join(" "), one.from_address ?? ""]), "Nothing yet."));
  }

  page.replaceChildren(
    element("div.heading", {}, element("h1", {}, "Installation"), element("span.quiet", {}, `version ${page.dataset.version}`)),
    place.facts,
    element("div.heading", {}, element("h2", {}, "Tenants"), element("form.filter", { role: "search", onsubmit: (event) => event.preventDefault() }, prefix)),
    place.tenants, more, element("details", {}, element("summary", {}, "Make a tenant"), newTenant(() => Promise.all([refreshTenants(), refreshFacts()]))),
    element("div.heading", {}, element("h2", {}, "Across tenants"), element("form.filter", { role: "search", onsubmit: (event) => event.preventDefault() }, tenant)),
    element("h3", {}, "Newest anomalies"), place.anomalies,
    element("h3", {}, "Audit log"), place.audit,
  );
  await Promise.all([refreshFacts(), refreshTenants(), refreshSlow()]);
  everySo(10, refreshFacts);
}
