// Who is signed in, and how the API is asked. A cookie that scripts cannot read stands for the key.
import { element, labelled, problem, say } from "./dom.js";

const page = document.getElementById("page");
let session = null;

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail ?? body.title ?? `The server answered ${status}`);
    this.status = status;
    this.code = body.code;
    this.errors = body.errors ?? [];
    this.requestId = body.request_id;
    this.body = body;
  }
}

function address(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

/** What a changing request carries beside the cookie. */
export const changing = () => (session?.csrf_token ? { "X-CSRF-Token": session.csrf_token } : {});

async function answered(method, path, { query, body, headers = {} } = {}) {
  const asked = { method, headers: { Accept: "application/json", ...headers }, credentials: "same-origin" };
  if (method !== "GET") Object.assign(asked.headers, changing());
  if (body !== undefined) {
    asked.body = JSON.stringify(body);
    asked.headers["Content-Type"] = "application/json";
  }
  for (let tries = 0; ; tries++) {
    const answer = await fetch(address(path, query), asked);
    const isLater = answer.status === 429 || (answer.status === 503 && method === "GET");
    if (!isLater || tries === 2) return answer;
    await new Promise((go) => setTimeout(go, 1000 * Number(answer.headers.get("Retry-After") || 1)));
  }
}

/** What the API answers; its problems are thrown, and who is signed out is asked to sign in. */
export async function ask(method, path, given) {
  let answer;
  try {
    answer = await answered(method, path, given);
  } catch {
    throw new Problem(0, { detail: "The server does not answer. What is shown may be old." });
  }
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const body = await answer.json().catch(() => ({}));
  if (answer.status === 401 && session) showSignIn("The session is over: sign in again, and go on here.");
  throw new Problem(answer.status, body);
}

export const get = (path, query) => ask("GET", path, { query });

/** All pages of a list, up to `most`. */
export async function all(path, query = {}, most = 1000) {
  const found = [];
  let cursor = null;
  do {
    const answer = await get(path, { limit: Math.min(1000, most), ...query, cursor });
    found.push(...answer.data);
    cursor = answer.next;
  } while (cursor && found.length < most);
  return found;
}

export async function download(path, query, name) {
  const answer = await answered("GET", path, { query, headers: { Accept: "text/csv" } });
  if (!answer.ok) throw new Problem(answer.status, await answer.json());
  const link = element("a", { href: URL.createObjectURL(await answer.blob()), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function showSignIn(why = null) {
  const key = element("input", { type: "password", autocomplete: "current-password", required: true, spellcheck: "false" });
  const wrong = element("div");
  const form = element(
    "form.signin",
    {
      onsubmit: async (event) => {
        event.preventDefault();
        wrong.replaceChildren();
        const asked = { headers: { Authorization: `Bearer ${key.value.trim()}` } };
        try {
          session = null;
          await ask("POST", "/v1/session", asked);
          location.reload();
        } catch (error) {
          wrong.replaceChildren(problem(error));
          key.select();
        }
      },
    },
    element("h1", {}, "Sign in"),
    element("p", {}, why ?? "With an API key: of a tenant, or of the operator."),
    element("input", { type: "text", name: "username", autocomplete: "username", value: "tocsin", hidden: true }),
    labelled("API key", key, "It begins with tcs_. `tocsin up` wrote the first ones to credentials.json in its data folder."),
    element("button.main", { type: "submit" }, "Sign in"),
    wrong,
    element("p.quiet", {}, element("a", { href: "/docs" }, "API"), ` · version ${page.dataset.version}`),
  );
  document.getElementById("pages").replaceChildren();
  document.getElementById("who").replaceChildren();
  page.replaceChildren(form);
  document.title = "Sign in · Tocsin";
  key.focus();
}

async function signOut() {
  await ask("DELETE", "/v1/session").catch(() => null);
  location.assign("/");
}

function showBar() {
  const links = session.is_operator
    ? [["/", "Operator"], ["/docs", "API"]]
    : [["/", "Overview"], ["/events", "Events"], ["/upload", "Upload"], ["/docs", "API"]];
  document.getElementById("pages").replaceChildren(
    ...links.map(([href, text]) =>
      element("a", { href, "aria-current": location.pathname === href ? "page" : null }, text),
    ),
  );
  document.getElementById("who").replaceChildren(
    element("span", { title: `Key ${session.key.name || session.key.id}, may ${session.key.scopes.join(", ")}` },
      session.is_operator ? "operator" : session.tenant),
    element("button.plain", { type: "button", onclick: signOut }, "Sign out"),
  );
}

export const may = (scope) => session.key.scopes.includes(scope) || session.key.scopes.includes("admin");

/** Runs the page once it is known who looks at it. */
export async function signedIn(show) {
  try {
    session = await ask("GET", "/v1/session");
  } catch (error) {
    if (error.status === 401) showSignIn();
    else if (error.code === "tenant_suspended") showSignIn(`${error.message}. Another key may be signed in with.`);
    else page.replaceChildren(problem(error));
    return;
  }
  showBar();
  try {
    await show(page, session);
  } catch (error) {
    if (error.status !== 401) page.replaceChildren(problem(error));
  }
}

/** Again and again, but not while nobody looks, nor while the last turn goes on. */
export function everySo(seconds, act) {
  let isAtWork = false;
  const turn = async () => {
    if (document.hidden || isAtWork) return;
    isAtWork = true;
    try {
      await act();
      say("");
    } catch (error) {
      if (error.status !== 401) say(error.message, true);
    } finally {
      isAtWork = false;
    }
  };
  setInterval(turn, seconds * 1000);
  document.addEventListener("visibilitychange", turn);
}
