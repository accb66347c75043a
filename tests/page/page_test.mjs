// The web page in a real browser, against a real scheduler and worker.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, afterEach, test } from "node:test";
import { chromium } from "playwright-core";

const bistro = process.env.BISTRO;
const deadline = 60_000;
const strange = "<img src=x onerror=alert(1)>";

const config = (extra = "") => `
[nodes]
levels = ["host", "db"]
[[nodes.sources]]
source = "range_label"
parent_level = "instance"
format = "host{i}"
start = 1
end = 3
[[nodes.sources]]
source = "range_label"
parent_level = "host"
format = "{parent}/db{i}"
start = 1
end = 60
[[nodes.sources]]
source = "manual"
[nodes.sources.nodes]
"${strange}" = { parent = "host1" }
[resources.host]
slots = { limit = 1, default = 0 }
[jobs.quick]
owner = "ada"
command = ["true"]
[jobs.failing]
owner = "ada"
command = ["sh", "-c", "echo oops >&2; exit 3"]
backoff = ["fail"]
[jobs.long]
owner = "ada"
command = ["sh", "-c", "while :; do echo tick; sleep 0.2; done"]
resources = { slots = 1 }
[network]
http = "127.0.0.1:0"
${extra}`;

let folder, processes, browser, page, problems, address;

async function until(condition, what) {
  const end = Date.now() + deadline;
  for (;;) {
    const result = await condition();
    if (result) return result;
    assert.ok(Date.now() < end, `${what} did not come about`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function start(...words) {
  const log = join(folder, `${words[0]}.log`);
  const child = spawn("/bin/sh", ["-c", `exec "$@" >>${log} 2>&1`, "sh", bistro, ...words], { cwd: folder });
  child.log = () => { try { return readFileSync(log, "utf8"); } catch { return ""; } };
  child.ended = new Promise((resolve) => child.on("exit", resolve));
  processes.push(child);
  return child;
}

async function serve(extra) {
  writeFileSync(join(folder, "c.toml"), config(extra));
  const scheduler = start("scheduler", "c.toml");
  address = "http://" + (await until(() => scheduler.log().match(/HTTP is served on (\S+)/)?.[1], "HTTP"));
  start("worker", "c.toml");
  return scheduler;
}

before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
});
after(() => browser?.close());

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "bistro-page-"));
  processes = [];
  problems = [];
  page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.setDefaultTimeout(deadline);
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("dialog", (dialog) => problems.push(dialog.message()));
  page.on("request", (request) => request.url().startsWith(address) || request.url().startsWith("data:") || problems.push(request.url()));
});

afterEach(async () => {
  await page.close();
  for (const child of processes.reverse()) {
    child.kill("SIGKILL");
    await child.ended;
  }
  rmSync(folder, { recursive: true, force: true });
});

const open = (hash) => page.goto(`${address}/${hash}`);
const text = (what) => page.getByText(what).first().waitFor();
const row = (name) => page.getByRole("row", { name });
const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

async function act(verb, answer) {
  await page.getByRole("main").getByRole("button", { name: verb }).click();
  await page.getByRole("dialog").getByRole("button", { name: answer }).click();
}

test("jobs are shown as they go on, without a reload", async () => {
  await serve();
  await open("");
  await row(/quick .*181 .*181/).waitFor();
  await row(/failing .*181/).waitFor();
  await page.getByRole("img", { name: "181 done" }).waitFor();
  await text(/3 jobs, 543 tasks/);
  assert.deepEqual(problems, []);
});

test("a job says what its tasks wait for, and lists them by state and page", async () => {
  await serve();
  // Before that a job has no answer to give, and the browser reports that as an error.
  await until(async () => (await fetch(`${address}/readyz`)).ok, "a scheduler that is ready");
  await open("#/job/long");
  await text(/178 wait for slots of 3 nodes/);
  const tasks = page.getByRole("table", { name: "Tasks", exact: true });
  await tasks.getByRole("row").nth(100).waitFor();
  assert.equal(await tasks.getByRole("row").count(), 101);
  await page.getByRole("button", { name: "Next" }).click();
  await until(async () => (await tasks.getByRole("row").count()) === 82, "the second page");
  await page.getByRole("button", { name: "Back" }).click();
  await until(async () => (await tasks.getByRole("row").count()) === 101, "the first page");
  await page.getByLabel("state").selectOption("running");
  await until(async () => (await tasks.getByRole("row").count()) === 4, "what runs");
  await tasks.getByRole("link").first().click();
  await page.getByRole("heading", { name: /long on host/ }).waitFor();
  assert.deepEqual(problems, []);
});

test("a task has its explanation, its attempts and its output as it comes", async () => {
  await serve();
  await open("#/job/long");
  await page.getByLabel("state").selectOption("running");
  await page.getByRole("table", { name: "Tasks", exact: true }).getByRole("row", { name: /running/ }).getByRole("link").first().click();
  const lines = page.getByRole("log").getByText("tick");
  await lines.nth(3).waitFor();
  const seen = await lines.count();
  await until(async () => (await lines.count()) > seen, "more output");
  await act("Kill", "Kill");
  await row(/killed/).waitFor();
  await open("#/task/failing/host2%2Fdb7");
  await row(/error exit code 3/).waitFor();
  await page.getByRole("log").getByText("oops").waitFor();
  await open("#/task/long/nope");
  await text(/has no task on node/);
  assert.deepEqual(problems.filter((problem) => !/404/.test(problem)), []);
});

test("jobs are submitted and deleted, and the scheduler is stopped", async () => {
  const scheduler = await serve();
  await open("#/");
  const dialog = page.getByRole("dialog", { name: "Submit a job" });
  const submit = async (name, config) => {
    await page.getByRole("button", { name: "Submit a job" }).click();
    await dialog.getByLabel("Name").fill(name);
    await dialog.getByLabel("JSON").fill(config);
    await (name === "fresh2" ? dialog.getByLabel("Name").press("Enter") : dialog.getByRole("button", { name: "Submit" }).click());
  };
  await submit("fresh", "{");
  await page.getByRole("status").getByText(/a job is a JSON object/).waitFor();
  await submit("fresh", '{"owner": "ada", "command": ["true"]}');
  await submit("fresh2", '{"owner": "ada", "command": ["true"], "enabled": false}');
  await page.getByRole("link", { name: "fresh2" }).waitFor();
  await page.setViewportSize({ width: 390, height: 800 });
  await page.getByRole("button", { name: "Submit a job" }).click();
  assert.ok((await dialog.boundingBox()).width <= 390, "the dialog fits");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByRole("link", { name: "fresh", exact: true }).click();
  await text(/181 done/);
  await act("Delete", "Delete");
  await page.getByRole("status").getByText(/taken back|removed|deleted/).waitFor();
  await open("#/job/quick");
  await act("Delete", "Delete");
  await page.getByRole("status").getByText(/config/).waitFor();
  await open("#/");
  await row(/quick/).waitFor();
  await until(async () => (await page.getByRole("link", { name: "fresh", exact: true }).count()) === 0, "its end");
  assert.deepEqual(problems.filter((problem) => !/40[049]/.test(problem)), []);
  await act("Stop", "Stop");
  await scheduler.ended;
});

test("actions are confirmed, and done", async () => {
  await serve();
  await open("#/job/failing");
  await text(/181 failed/);
  await act("Pause", "Cancel");
  await act("Pause", "Pause");
  await text("(disabled)");
  await page.getByRole("status").getByText(/is paused/).waitFor();
  await act("Forgive", "Forgive");
  await page.getByRole("status").getByText(/may start again|forgiven/).waitFor();
  await act("Resume", "Resume");
  await until(async () => (await page.getByText("(disabled)").count()) === 0, "its return");
  await open("#/job/long");
  await act("Kill", "Kill");
  await page.getByRole("status").getByText(/3 tasks signaled/).waitFor();
  assert.deepEqual(problems, []);
});

test("failures are grouped by their cause, and retried after a look at how many", async () => {
  await serve();
  await open("#/failures");
  await row(/failing 181 181 exit code 3: oops/).waitFor();
  assert.equal(await page.getByRole("main").getByRole("link", { name: /^host\d\/db\d+$|^</ }).count(), 5, "some of their nodes");
  await page.getByRole("main").getByRole("button", { name: "Retry" }).click();
  await page.getByRole("dialog").getByText(/Retry 181 tasks of failing\? They ended with: exit code 3: oops/).waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("main").getByRole("button", { name: "Retry" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Retry" }).click();
  await page.getByRole("status").getByText("181 tasks forgiven").waitFor();
  await open("#/job/failing");
  await page.getByRole("table", { name: "Failures by cause" }).waitFor();
  await page.getByRole("table", { name: "Levels" }).getByRole("row", { name: /db .*181/ }).waitFor();
  await page.getByRole("table", { name: "Levels" }).getByRole("row", { name: /host .*3/ }).waitFor();
  await page.getByRole("table", { name: "Slowest tasks" }).waitFor();
  assert.deepEqual(problems, []);
});

test("the map leads from the hosts to a task, by status and by fullness", async () => {
  await serve();
  await open("#/map");
  const map = page.locator(".map a");
  await page.getByRole("link", { name: /^host1: .*failed/ }).waitFor();
  assert.equal(await map.count(), 3);
  await page.getByLabel("colour").selectOption("slots");
  await page.getByRole("link", { name: "host2: 1 of 1 slots" }).waitFor();
  await page.getByLabel("colour").selectOption("");
  await page.getByRole("link", { name: /^host2: .*failed/ }).waitFor();
  await page.getByRole("main").getByLabel("job").selectOption("failing");
  await page.getByRole("link", { name: "host2: 60 failed" }).click();
  await until(async () => (await map.count()) === 60, "its children");
  await page.getByRole("navigation", { name: "path" }).getByText("host2").waitFor();
  await page.getByRole("link", { name: "host2/db7: 1 failed" }).click();
  await page.getByRole("heading", { name: /failing on host2\/db7/ }).waitFor();
  await page.goBack();
  await page.getByRole("link", { name: "instance" }).click();
  await until(async () => (await map.count()) === 3, "the hosts");
  await page.setViewportSize({ width: 390, height: 800 });
  assert.ok((await overflow()) <= 0, "the map is wider than 390");
  assert.deepEqual(problems, []);
});

test("a theme is chosen, and remembered", async () => {
  await serve();
  await page.emulateMedia({ colorScheme: "light" });
  await open("");
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.equal(await paper(), "rgb(255, 255, 255)");
  await page.getByRole("button", { name: "Theme: auto" }).click();
  await page.getByRole("button", { name: "Theme: light" }).click();
  await page.getByRole("button", { name: "Theme: dark" }).waitFor();
  assert.equal(await paper(), "rgb(22, 25, 29)");
  await page.reload();
  await page.getByRole("button", { name: "Theme: dark" }).waitFor();
  assert.equal(await paper(), "rgb(22, 25, 29)");
});

test("a million tasks while they run", async () => {
  writeFileSync(join(folder, "c.toml"), `
[nodes]
levels = ["host", "db"]
[[nodes.sources]]
source = "range_label"
parent_level = "instance"
format = "host{i}"
start = 1
end = 1000
[[nodes.sources]]
source = "range_label"
parent_level = "host"
format = "{parent}/db{i}"
start = 1
end = 200
[resources.instance]
slots = { limit = 500, default = 1 }
[resources.host]
on_host = { limit = 1, default = 1 }
${["a", "b", "c", "d", "e"].map((name) => `[jobs.${name}]\nowner = "ada"\ncommand = ["bistro:null"]\n`).join("")}
[network]
http = "127.0.0.1:0"
`);
  const scheduler = start("scheduler", "c.toml");
  address = "http://" + (await until(() => scheduler.log().match(/HTTP is served on (\S+)/)?.[1], "HTTP"));
  const slowest = new Map();
  page.on("requestfinished", (request) => {
    const path = new URL(request.url()).pathname;
    slowest.set(path, Math.max(slowest.get(path) ?? 0, request.timing().responseEnd));
  });
  await open("");
  await text(/5 jobs, 1,000,000 tasks/);
  start("worker", "c.toml");
  for (const [hash, ready] of [["#/", /a .*200,000/], ["#/job/a", /host .*1,000/], ["#/failures", /./], ["#/workers", /healthy|new/]]) {
    await open(hash);
    if (hash === "#/failures") await text("none");
    else await row(ready).first().waitFor();
    await page.waitForResponse((response) => response.url().includes("/api/v1/status"));
  }
  await open("#/map");
  await page.getByRole("link", { name: /^host7: / }).waitFor();
  await until(async () => (await page.locator(".map a").count()) === 1000, "all hosts");
  await open("#/map/host7/a");
  await until(async () => (await page.locator(".map a").count()) === 200, "its children");
  assert.deepEqual(problems, []);
  // How long they may take is a benchmark's business (see tests/bench); else it is only told.
  const limit = Number(process.env.PAGE_LIMIT_MS ?? Infinity);
  for (const [path, ms] of [...slowest].sort((x, y) => y[1] - x[1]).slice(0, 6)) console.log(`${path}: at most ${ms.toFixed(0)} ms`);
  for (const [path, ms] of slowest) assert.ok(ms <= limit, `${path} took ${ms} ms`);
});

test("names are text, whatever is in them", async () => {
  await serve();
  await open(`#/task/failing/${encodeURIComponent(strange)}`);
  await page.getByRole("heading", { name: strange }).waitFor();
  assert.equal(await page.locator("img").count(), 0);
  assert.deepEqual(problems, []);
});

test("workers, a narrow screen, and the dark", async () => {
  await serve();
  for (const [width, scheme] of [[1280, "light"], [390, "dark"]]) {
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme: scheme });
    for (const hash of ["#/workers", "#/failures", "#/job/long", "#/task/failing/host1%2Fdb1", "#/"]) {
      await open(hash);
      await page.getByRole("main").getByRole("table").first().waitFor();
      assert.ok((await overflow()) <= 0, `${hash} is wider than ${width}`);
    }
  }
  const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.equal(paper, "rgb(22, 25, 29)");
  assert.deepEqual(problems, []);
});

test("a scheduler with tokens asks for one", async () => {
  writeFileSync(join(folder, "tokens"), `read ${"r".repeat(32)}\n`, { mode: 0o600 });
  await serve('http_token_file = "tokens"');
  await open("");
  await page.locator("#token").fill("r".repeat(32));
  await page.keyboard.press("Enter");
  await row(/quick/).waitFor();
  await open("#/job/quick");
  await act("Pause", "Pause");
  await page.getByRole("status").getByText(/may only read/).waitFor();
});

test("by keyboard, and when the scheduler is gone", async () => {
  const scheduler = await serve();
  await open("");
  await row(/quick/).waitFor();
  await page.keyboard.press("Tab");
  await page.getByRole("link", { name: "to the content" }).waitFor();
  const link = page.getByRole("link", { name: "quick" });
  await link.focus();
  await until(async () => (await page.getByRole("img", { name: "181 done" }).count()) > 0, "its end");
  assert.ok(await link.evaluate((element) => element === document.activeElement), "a refresh keeps the focus");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "quick" }).waitFor();
  scheduler.kill("SIGKILL");
  await text(/does not answer; what is shown is old/);
  await page.getByRole("heading", { name: "quick" }).waitFor();
});
