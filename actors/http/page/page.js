"use strict";
// The page of a scheduler. It asks /api/v1 for what is on the screen, once a second while it is seen, and writes text
// as text only. Pages: #/ jobs, #/job/NAME, #/task/JOB/NODE, #/failures,
// #/map/NODE, #/workers.

const REFRESH_MS = 1000;
const PAGE_OF_TASKS = 100;
const LINES_KEPT = 2000;
const CELLS = 1000;
const CELLS_WITH_NAMES = 200;
const JOBS_WITH_FAILURES = 50;
const STATES = ["waiting", "running", "backoff", "blocked", "done", "incomplete", "error", "failed", "disabled", "excluded", "gone"];
const PARTS = ["done", "running", "ending", "failed", "backoff", "blocked", "waiting"];

const byId = (id) => document.getElementById(id);
const number = new Intl.NumberFormat();

// An element with attributes (on... are listeners, null is left out) and children (texts or elements).
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

function time(seconds) {
  return seconds ? h("time", { datetime: new Date(seconds * 1000).toISOString() }, new Date(seconds * 1000).toLocaleString()) : "";
}

function duration(seconds) {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${Math.floor(seconds % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const counted = (n, what) => `${number.format(n)} ${what}${n === 1 ? "" : "s"}`;
const state = (word) => h("span", { class: `state is-${word}` }, word);
const jobLink = (job) => h("a", { href: `#/job/${encodeURIComponent(job)}` }, job);
const taskLink = (job, node) => h("a", { href: `#/task/${encodeURIComponent(job)}/${encodeURIComponent(node)}` }, node);

// -- asking

let token = sessionStorage.getItem("token") || "";
const known = new Map(); // what was answered last, by path, with its ETag

async function ask(path, method = "GET", sent = null) {
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  const before = method === "GET" ? known.get(path) : null;
  if (before) headers["If-None-Match"] = before.etag;
  const answer = await fetch(path, { method, headers, cache: "no-store", body: sent });
  if (answer.status === 304) return before.body;
  const body = await answer.json();
  if (answer.status === 401) {
    await login();
    return ask(path, method, sent);
  }
  if (!answer.ok) throw Object.assign(new Error(body.detail), { status: answer.status });
  if (method === "GET" && answer.headers.get("ETag")) {
    if (known.size > 50) known.clear();
    known.set(path, { etag: answer.headers.get("ETag"), body });
  }
  return body;
}

let asking = null; // for a token; all that wait for one share it

function login() {
  asking ??= new Promise((resolve) => {
    const dialog = byId("login");
    dialog.addEventListener("close", () => {
      token = byId("token").value;
      sessionStorage.setItem("token", token);
      asking = null;
      resolve();
    }, { once: true });
    dialog.showModal();
  });
  return asking;
}

// True where it was agreed to.
function agreed(dialog) {
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

function confirmed(question, verb) {
  byId("question").textContent = question;
  byId("yes").textContent = verb;
  return agreed(byId("confirm"));
}

async function done(path, method = "POST", sent = null) {
  try {
    say((await ask(path, method, sent)).text);
  } catch (error) {
    say(error.message);
  }
  refresh();
}

function action(label, question, path, danger = false, method = "POST") {
  const act = async () => (await confirmed(question, label)) && done(path, method);
  return h("button", { type: "button", class: danger ? "danger" : null, onclick: act }, label);
}

async function submit() {
  if (await agreed(byId("submit"))) done(`api/v1/jobs/${encodeURIComponent(byId("job-name").value)}`, "PUT", byId("job-config").value);
}

function say(text) {
  byId("live").textContent = text;
}

// -- pieces

function bar(tasks) {
  const texts = PARTS.filter((part) => tasks[part] > 0).map((part) => `${number.format(tasks[part])} ${part}`);
  return h("div", { class: "bar", role: "img", "aria-label": texts.join(", ") || "no tasks", title: texts.join(", ") },
    PARTS.filter((part) => tasks[part] > 0).map((part) => {
      const piece = h("span", { class: part });
      piece.style.width = `${(100 * tasks[part]) / tasks.total}%`;
      return piece;
    }));
}

// As exact as an estimate is.
function rough(seconds) {
  for (const [size, unit] of [[1, "s"], [60, "min"], [3600, "h"]])
    if (seconds / size < 100) return `${(seconds / size).toFixed(size === 1 && seconds < 10 ? 1 : 0)} ${unit}`;
  return `${Math.round(seconds / 86400)} days`;
}
const left = (job) => (job.left_s === null ? "" : `${rough(job.left_s)} (${rough(job.left_low_s)} - ${rough(job.left_high_s)})`);

// Columns: [title, what a row has there, is it a number].
function table(columns, rows, caption) {
  return h("table", { "aria-label": caption },
    h("thead", {}, h("tr", {}, columns.map(([title, , isNumber]) => h("th", { scope: "col", class: isNumber ? "number" : null }, title)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, columns.map(([title, of, isNumber]) =>
      h("td", { class: isNumber ? "number" : null, "data-label": title || null }, of(row)))))));
}

// A zero says nothing where columns become lines.
const count = (name) => [name, (job) => (job.tasks[name] ? number.format(job.tasks[name]) : h("span", { class: "zero" }, "0")), true];

function actionsOfJob(job) {
  const path = `api/v1/jobs/${encodeURIComponent(job.job)}`;
  return h("div", { class: "actions" },
    job.enabled
      ? action("Pause", `Start no more tasks of ${job.job}? What runs goes on.`, `${path}/pause`)
      : action("Resume", `Let ${job.job} start tasks again?`, `${path}/resume`),
    job.tasks.failed + job.tasks.backoff > 0
      ? action("Forgive", `Let ${number.format(job.tasks.failed)} failed tasks and ${number.format(job.tasks.backoff)} in backoff of ${job.job} start again?`, `${path}/forgive`)
      : null,
    job.tasks.running > 0
      ? action("Kill", `End ${number.format(job.tasks.running)} running tasks of ${job.job}? They count as errors.`, `${path}/kill`, true)
      : null,
    action("Delete", `Take back ${job.job}, if it was submitted? What runs of it goes on.`, path, true, "DELETE"));
}

// Of one cause, or of all: shows first how many tasks that is.
function retry(job, cause) {
  const path = `api/v1/jobs/${encodeURIComponent(job)}/forgive?` + (cause ? `cause=${encodeURIComponent(cause)}&` : "");
  const act = async () => {
    try {
      const { tasks } = await ask(`${path}only_count=true`, "POST");
      if (await confirmed(`Retry ${counted(tasks, "task")} of ${job}?` + (cause ? ` They ended with: ${cause}` : ""), "Retry"))
        say((await ask(`${path}only_count=false`, "POST")).text);
    } catch (error) {
      say(error.message);
    }
    refresh();
  };
  return h("button", { type: "button", onclick: act }, "Retry");
}

function failuresTable(rows, withJob) {
  const columns = [
    ...(withJob ? [["job", (row) => jobLink(row.job)]] : []),
    ["tasks", (row) => number.format(row.tasks), true],
    ["for good", (row) => number.format(row.for_good), true],
    ["cause", (row) => row.cause],
    ["latest", (row) => time(row.latest_at)],
    ["nodes", (row) => [row.nodes.flatMap((node) => [taskLink(row.job, node), " "]), row.tasks > row.nodes.length ? "..." : ""]],
    ["", (row) => retry(row.job, row.cause)],
  ];
  return table(columns, rows, "Failures by cause");
}
const failuresOf = (details) => details.failures.map((group) => ({ job: details.job, ...group }));

// -- pages: each gives the title and what to show. `view` lives as long as its page is on the screen.

async function jobsPage() {
  const { jobs } = await ask("api/v1/jobs");
  const columns = [
    ["job", (job) => [jobLink(job.job), job.enabled ? "" : h("span", { class: "soft" }, " (disabled)")]],
    ["progress", (job) => bar(job.tasks)],
    ["tasks", (job) => number.format(job.tasks.total), true],
    count("done"), count("running"), count("waiting"), count("backoff"), count("failed"),
    ["left", (job) => left(job), true],
    ["why waiting", (job) => h("span", { class: "soft" }, job.waiting_reason)],
  ];
  return ["Jobs", [h("h2", {}, "Jobs"), table(columns, jobs, "Jobs"),
    h("div", { class: "actions" },
      h("button", { type: "button", onclick: submit }, "Submit a job"),
      action("Stop", "End this scheduler and all running tasks?", "api/v1/stop", true))]];
}

async function jobPage(view, name) {
  const path = `api/v1/jobs/${encodeURIComponent(name)}`;
  const query = `api/v1/tasks?job=${encodeURIComponent(name)}&limit=${PAGE_OF_TASKS}` + (view.state ? `&state=${view.state}` : "") +
    (view.cursors?.length ? `&cursor=${encodeURIComponent(view.cursors.at(-1))}` : "");
  const [job, why, page, details] = await Promise.all([ask(path), ask(`${path}/explanation`), ask(query), ask(`${path}/details`)]);
  const choose = (event) => {
    Object.assign(view, { state: event.target.value, cursors: [] });
    refresh();
  };
  const turnPage = (change) => () => {
    view.cursors ??= [];
    change(view.cursors);
    refresh();
  };
  const columns = [
    ["node", (task) => taskLink(name, task.node)],
    ["state", (task) => state(task.state)],
    ["errors", (task) => (task.errors ? number.format(task.errors) : ""), true],
    ["worker", (task) => task.worker],
    ["since, or next try", (task) => time(task.started_at || task.retry_at)],
  ];
  return [name, [
    h("h2", {}, name, " ", job.enabled ? "" : h("span", { class: "soft" }, "(disabled)")),
    h("p", { class: "soft" }, `of ${job.owner}, on level ${job.level}, priority ${job.priority}`),
    bar(job.tasks),
    job.left_s !== null ? h("p", {}, `${number.format(job.rate)} a second; ${left(job)} left`) : null,
    h("p", {}, PARTS.filter((part) => job.tasks[part]).map((part) => `${number.format(job.tasks[part])} ${part}`).join(", ")),
    actionsOfJob(job),
    why.text ? h("p", {}, why.text) : null,
    why.waiting.length ? [h("h3", {}, "What its tasks wait for"),
      h("ul", {}, why.waiting.map((group) => h("li", {}, `${number.format(group.tasks)} ${group.tasks === 1 ? "waits" : "wait"} ${group.text}`)))] : null,
    details.failures.length ? [h("h3", {}, "Failures by cause"), failuresTable(failuresOf(details), false)] : null,
    h("h3", {}, "Levels"),
    table([
      ["level", (row) => row.level],
      ["progress", (row) => bar(row.nodes)],
      ["nodes", (row) => number.format(row.nodes.total), true],
      ...["done", "running", "waiting", "failed"].map((name) => [name, (row) => number.format(row.nodes[name]), true]),
    ], details.levels, "Levels"),
    h("p", {}, h("a", { href: `#/map//${encodeURIComponent(name)}` }, "Map of its nodes")),
    details.running_longest.length || details.slowest.length ? [h("h3", {}, "Slowest"),
      table([
        ["node", (row) => taskLink(name, row.node)],
        ["state", (row) => state(row.state)],
        ["took", (row) => duration(row.took_s), true],
      ], [...details.running_longest.map((row) => ({ ...row, state: "running" })), ...details.slowest.map((row) => ({ ...row, state: "ended" }))], "Slowest tasks")] : null,
    h("h3", {}, "Tasks"),
    h("div", { class: "actions" },
      h("label", {}, "state ", h("select", { id: "state", onchange: choose },
        h("option", { value: "" }, "all"), STATES.map((word) => h("option", { value: word, selected: word === view.state }, word)))),
      h("button", { id: "back", type: "button", disabled: !view.cursors?.length, onclick: turnPage((cursors) => cursors.pop()) }, "Back"),
      h("button", { id: "next", type: "button", disabled: !page.next, onclick: turnPage((cursors) => cursors.push(page.next)) }, "Next")),
    page.tasks.length ? table(columns, page.tasks, "Tasks") : h("p", { class: "soft" }, "none"),
    h("h3", {}, "Configuration"),
    h("pre", {}, JSON.stringify(job.config, null, 2)),
  ]];
}

async function taskPage(view, job, node) {
  const path = `api/v1/tasks/${encodeURIComponent(job)}/${encodeURIComponent(node)}`;
  const after = view.after ? `&after=${encodeURIComponent(view.after)}` : "";
  const [task, logs] = await Promise.all([ask(path),
    ask(`api/v1/logs?job=${encodeURIComponent(job)}&node=${encodeURIComponent(node)}&limit=1000${after}`)]);
  view.lines = [...(view.lines || []), ...logs.lines].slice(-LINES_KEPT);
  view.after = logs.next || view.after;
  const fact = (name, ...value) => (value.flat().some(Boolean) ? [h("dt", {}, name), h("dd", {}, ...value)] : []);
  const facts = [
    fact("since", time(task.started_at)), fact("next try", time(task.retry_at)), fact("last attempt", task.last_attempt),
    fact("held by", task.holders.flatMap((holder) => [taskLink(holder.job, holder.node), ` (${holder.job}, worker ${holder.worker}) `]),
      task.other_holders ? `and ${number.format(task.other_holders)} more` : ""),
    fact("waits for jobs", task.waits_for.flatMap((other) => [jobLink(other), " "])),
  ].flat();
  const columns = [
    ["attempt", (attempt) => attempt.invocation],
    ["worker", (attempt) => attempt.worker],
    ["started", (attempt) => time(attempt.started_at)],
    ["took", (attempt) => (attempt.ended_at ? duration(attempt.ended_at - attempt.started_at) : "")],
    ["result", (attempt) => (attempt.result ? state(attempt.result) : "")],
    ["how", (attempt) => [attempt.signal ? `signal ${attempt.signal}` : attempt.exit_code !== null ? `exit code ${attempt.exit_code}` : "",
      attempt.reason ? ` ${attempt.reason}` : ""].join("")],
  ];
  return [`${job} on ${node}`, [
    h("h2", {}, jobLink(job), ` on ${node} `, state(task.state)),
    h("p", {}, task.text || ""), task.advice ? h("p", {}, task.advice) : null,
    facts.length ? h("dl", {}, facts) : null,
    h("div", { class: "actions" }, task.state === "running"
      ? action("Kill", `End ${job} on ${node}? It counts as an error.`, `${path}/kill`, true) : null),
    h("h3", {}, "Attempts"), task.attempts.length ? table(columns, task.attempts, "Attempts") : h("p", { class: "soft" }, "none yet"),
    h("h3", {}, "Output"),
    logs.missing_workers.length ? h("p", { class: "soft" }, `can't be asked now: ${logs.missing_workers.join(", ")}`) : null,
    h("div", { class: "log", id: "log", tabindex: 0, role: "log", "aria-label": "Output" },
      view.lines.length ? view.lines.map((line) => h("pre", { class: line.stream }, line.text)) : h("span", { class: "soft" }, "none")),
  ]];
}

async function workersPage() {
  const { workers } = await ask("api/v1/workers");
  const columns = [
    ["worker", (worker) => worker.worker], ["host", (worker) => worker.host], ["pid", (worker) => String(worker.pid), true],
    ["health", (worker) => [state(worker.health), worker.connected ? "" : " connection broken", worker.leaving ? " leaving" : "",
      worker.awaited ? " awaited since the restart" : ""]],
    ["heard", (worker) => `${duration(worker.silent_s)} ago`, true],
    ["own limits", (worker) => Object.entries(worker.resources).map(([name, limit]) => `${name} ${limit}`).join(", ")],
  ];
  return ["Workers", [h("h2", {}, "Workers"), workers.length ? table(columns, workers, "Workers") : h("p", {}, "There is no worker; start one with bistro worker.")]];
}

async function failuresPage() {
  const { jobs } = await ask("api/v1/jobs");
  const troubled = jobs.filter((job) => job.tasks.failed + job.tasks.backoff > 0);
  const all = await Promise.all(troubled.slice(0, JOBS_WITH_FAILURES).map((job) => ask(`api/v1/jobs/${encodeURIComponent(job.job)}/details`)));
  const rows = all.flatMap(failuresOf).sort((a, b) => b.tasks - a.tasks);
  return ["Failures", [h("h2", {}, "Failures by cause"),
    rows.length ? failuresTable(rows, true) : h("p", { class: "soft" }, "none"),
    troubled.length > all.length ? h("p", { class: "soft" }, `and those of ${counted(troubled.length - all.length, "more job")}`) : null]];
}

const SHARES = ["done", "running", "failed", "waiting"];

// A child of the node that is shown: how its tasks stand, or how full it is. Leads to its own children, or to its task.
function cell(node, job, resource) {
  const { tasks } = node;
  const amount = resource ? node.resources[resource] : null;
  const parts = resource
    ? amount ? [["used", amount.limit ? amount.used / amount.limit : 1]] : []
    : SHARES.filter((part) => tasks[part]).map((part) => [part, tasks[part] / tasks.total]);
  const text = resource
    ? amount ? `${amount.used} of ${amount.limit} ${resource}` : `no ${resource}`
    : SHARES.filter((part) => tasks[part]).map((part) => `${number.format(tasks[part])} ${part}`).join(", ") || "no tasks";
  const label = `${node.node}: ${text}${node.enabled ? "" : ", disabled"}`;
  const hash = node.children || !job ? `#/map/${encodeURIComponent(node.node)}/${encodeURIComponent(job)}` : `#/task/${encodeURIComponent(job)}/${encodeURIComponent(node.node)}`;
  return h("a", { href: hash, title: label, "aria-label": label, class: (tasks.failed && !resource ? "some-failed " : "") + (node.enabled ? "" : "off") },
    node.node, h("i", { "aria-hidden": "true" }, parts.map(([part, share]) => {
      const piece = h("span", { class: part });
      piece.style.width = `${100 * Math.min(share, 1)}%`;
      return piece;
    })));
}

async function mapPage(view, below, job) {
  view.cursors ??= [];
  const query = `api/v1/nodes?limit=${CELLS}` + (below ? `&below=${encodeURIComponent(below)}` : "") + (job ? `&job=${encodeURIComponent(job)}` : "") +
    (view.cursors.length ? `&cursor=${encodeURIComponent(view.cursors.at(-1))}` : "");
  const [{ jobs }, answer] = await Promise.all([ask("api/v1/jobs"), ask(query)]);
  const { nodes } = answer;
  const resources = [...new Set(nodes.flatMap((node) => Object.keys(node.resources)))];
  if (!resources.includes(view.resource)) view.resource = "";
  const go = (change) => () => {
    change();
    refresh();
  };
  const toJob = (event) => { location.hash = `#/map/${encodeURIComponent(below)}/${encodeURIComponent(event.target.value)}`; };
  const names = nodes.length <= CELLS_WITH_NAMES;
  const level = nodes.length ? nodes[0].level : "";
  return ["Map", [
    h("h2", {}, "Map"),
    h("nav", { class: "path", "aria-label": "path" }, answer.path.flatMap((name, i) => [i ? "/" : "",
      i + 1 < answer.path.length ? h("a", { href: `#/map/${i ? encodeURIComponent(name) : ""}/${encodeURIComponent(job)}` }, name) : h("strong", {}, name)])),
    h("div", { class: "actions" },
      h("label", {}, "job ", h("select", { id: "job", onchange: toJob },
        h("option", { value: "" }, "all"), jobs.map((each) => h("option", { value: each.job, selected: each.job === job }, each.job)))),
      h("label", {}, "colour ", h("select", { id: "colour", onchange: (event) => go(() => { view.resource = event.target.value; })() },
        h("option", { value: "" }, "status"), resources.map((name) => h("option", { value: name, selected: name === view.resource }, `fullness of ${name}`)))),
      h("button", { id: "back", type: "button", disabled: !view.cursors.length, onclick: go(() => view.cursors.pop()) }, "Back"),
      h("button", { id: "next", type: "button", disabled: !answer.next, onclick: go(() => view.cursors.push(answer.next)) }, "Next")),
    h("p", { class: "legend soft" }, nodes.length ? `${counted(nodes.length, level)}${answer.left_out ? `, ${number.format(answer.left_out)} more behind` : ""}` : "nothing below",
      view.resource ? null : SHARES.map((part) => h("span", { class: part }, part))),
    h("div", { class: names ? "map" : "map small", style: names ? null : "--cell: 1.6rem" }, nodes.map((node) => cell(node, job, view.resource))),
  ]];
}

// -- showing

let shown = { hash: null, view: {} };
let turn = 0; // the latest refresh counts

function pageOf(hash, view) {
  const [, page, ...names] = hash.split("/").map((part) => {
    try { return decodeURIComponent(part); } catch { return part; }
  });
  if (page === "job" && names[0]) return jobPage(view, names[0]);
  if (page === "task" && names[1] !== undefined) return taskPage(view, names[0], names.slice(1).join("/"));
  if (page === "workers") return workersPage();
  if (page === "failures") return failuresPage();
  if (page === "map") return mapPage(view, names[0] || "", names[1] || "");
  return jobsPage();
}

// What had the focus, and how far the output was read, outlives a refresh.
function replace(content) {
  const main = byId("main");
  const active = document.activeElement;
  // What is the same by its words, and by its place among those: rows come and go.
  const all = () => [...main.querySelectorAll("a, button, select, [tabindex]")];
  const same = (element) => element.tagName === active.tagName && element.textContent === active.textContent && element.id === active.id;
  const index = main.contains(active) ? all().filter(same).indexOf(active) : -1;
  const log = byId("log");
  const at = log && log.scrollTop + log.clientHeight < log.scrollHeight - 5 ? log.scrollTop : null;
  main.replaceChildren(...content.flat(2).filter((child) => child !== null && child !== undefined));
  if (index >= 0) all().filter(same)[index]?.focus({ preventScroll: true });
  const next = byId("log");
  if (next) next.scrollTop = at ?? next.scrollHeight;
}

function showStatus(status) {
  const { tasks } = status;
  byId("summary").textContent = `${counted(status.jobs, "job")}, ${counted(tasks.total, "task")}: ${number.format(tasks.done)} done, ` +
    `${number.format(tasks.running)} running, ${number.format(tasks.failed)} failed; ${counted(status.workers.length, "worker")}`;
  const notes = Object.entries(status.problems).map(([source, text]) => `${source}: ${text}`);
  if (status.suspended) notes.unshift(`Nothing starts: ${status.suspended}`);
  const text = notes.join("\n");
  if (byId("notes").dataset.text === text) return;
  byId("notes").dataset.text = text;
  byId("notes").replaceChildren(...notes.map((note) => h("p", {}, note)));
}

async function refresh() {
  const mine = ++turn;
  const hash = location.hash || "#/";
  if (hash !== shown.hash) shown = { hash, view: {} };
  try {
    const [status, [title, content]] = await Promise.all([ask("api/v1/status"), pageOf(hash, shown.view)]);
    if (mine !== turn) return;
    document.title = `${title} - Bistro`;
    showStatus(status);
    // A list that somebody has opened stays.
    if (document.activeElement?.tagName !== "SELECT") replace(content);
  } catch (error) {
    if (mine !== turn) return;
    const lost = error instanceof TypeError;
    const text = lost ? "The scheduler does not answer; what is shown is old." : error.message;
    if (!lost) byId("main").replaceChildren(h("p", {}, text));
    byId("notes").dataset.text = text;
    byId("notes").replaceChildren(h("p", {}, text));
  }
}

// As the system has it, light, or dark; remembered.
const THEMES = ["auto", "light", "dark"];
function setTheme(theme) {
  localStorage.setItem("theme", theme);
  document.documentElement.dataset.theme = theme;
  byId("theme").textContent = `Theme: ${theme}`;
}
byId("theme").addEventListener("click", () => setTheme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length]));
setTheme(THEMES.includes(localStorage.getItem("theme")) ? localStorage.getItem("theme") : "auto");

window.addEventListener("hashchange", () => {
  say("");
  refresh().then(() => byId("main").focus({ preventScroll: true }));
});
document.addEventListener("change", (event) => event.target.blur?.());
document.addEventListener("visibilitychange", () => document.hidden || refresh());
refresh();
setInterval(() => {
  if (!document.hidden && !document.querySelector("dialog[open]")) refresh();
}, REFRESH_MS);
