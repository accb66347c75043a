"""HTTP: the API as its description says, the seed system's queries, who may do what, and bad input."""

import http.client
import json
import re
import socket
import ssl
import subprocess
import threading
import unittest
import urllib.parse

from support import DEADLINE_S, BistroTest, forest, job

LONG = job("long", "echo hello $1; exec sleep 1000", "[jobs.long.filters.db]\nwhitelist_regex = \"^host1:\"")
FAILING = job("failing", "echo oops >&2; exit 3", 'backoff = ["fail"]')
SLOTS = "[resources.host]\nslots = { limit = 1, default = 0 }\n"
NETWORK = '[network]\nhttp = "127.0.0.1:0"\n'


def problems_of(value, schema, root, at="$"):
    """Where a value is not as a JSON schema says, of the words that the description uses."""
    if "$ref" in schema:
        target = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return problems_of(value, target, root, at)
    if "const" in schema and value != schema["const"]:
        return [f"{at} is not {schema['const']}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{at} is {value!r}"]
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    checks = {"null": value is None, "boolean": isinstance(value, bool), "string": isinstance(value, str),
              "integer": isinstance(value, int) and not isinstance(value, bool),
              "number": isinstance(value, (int, float)) and not isinstance(value, bool),
              "object": isinstance(value, dict), "array": isinstance(value, list)}
    if types and not any(checks[t] for t in types):
        return [f"{at} is {value!r:.50}, not {types}"]
    found = []
    if isinstance(value, list):
        for i, item in enumerate(value):
            found += problems_of(item, schema.get("items", {}), root, f"{at}[{i}]")
    if isinstance(value, dict):
        known = schema.get("properties", {})
        found += [f"{at} has no {name}" for name in schema.get("required", []) if name not in value]
        for name, item in value.items():
            other = schema.get("additionalProperties", {})
            if name not in known and other is False:
                found.append(f"{at} has {name}, which is not described")
            found += problems_of(item, known.get(name, other if isinstance(other, dict) else {}), root, f"{at}.{name}")
    return found


class HttpTest(BistroTest):
    def serve(self, config, *arguments):
        self.write("c.toml", config)
        self.scheduler = self.start("scheduler", "c.toml", *arguments)
        self.wait_until(lambda: "HTTP is served on" in self.read(self.scheduler.log), "HTTP")
        host, port = self.read(self.scheduler.log).split("HTTP is served on ")[1].split()[0].rsplit(":", 1)
        self.host, self.port = host, int(port)

    def ask(self, path, method="GET", body=None, headers=None, context=None):
        """Status, headers and body; the body as JSON where it is."""
        kind = http.client.HTTPSConnection if context else http.client.HTTPConnection
        options = {"context": context} if context else {}
        connection = kind(self.host, self.port, timeout=DEADLINE_S, **options)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            text = answer.read()
            is_json = "json" in answer.headers.get("Content-Type", "")
            return answer.status, answer.headers, json.loads(text) if is_json and text else text.decode()
        finally:
            connection.close()

    def get(self, path):
        status, _, body = self.ask(path)
        self.assertEqual(status, 200, body)
        return body

    def queries(self, **queries):
        status, _, body = self.ask("/", "POST", json.dumps(queries))
        self.assertEqual(status, 200, body)
        return body

    def raw(self, sent):
        """What the server says to these bytes until it ends the connection."""
        with socket.create_connection((self.host, self.port), timeout=DEADLINE_S) as connection:
            try:
                connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it has said enough
            received = b""
            try:
                while part := connection.recv(10_000):
                    received += part
            except ConnectionError:
                pass
            return received.decode(errors="replace")


class Api(HttpTest):
    def setUp(self):
        super().setUp()
        self.serve(forest(2, 3) + SLOTS + LONG + FAILING + NETWORK)
        self.worker = self.start("worker", "c.toml")
        self.wait_until(lambda: self.counts("failing")["failed"] == 6 and self.counts("long")["running"] == 3, "tasks")

    def tearDown(self):
        for process in (self.scheduler, self.worker):
            if process.poll() is None:
                self.stop(process)
        super().tearDown()

    def counts(self, name):
        return self.get(f"/api/v1/jobs/{name}")["tasks"]

    def test_every_answer_is_as_described(self):
        description = self.get("/api/v1/openapi.json")
        self.wait_until(lambda: self.get("/api/v1/logs")["lines"], "output")
        names = {"job": "failing", "node": "host1:db2"}
        for path, methods in description["paths"].items():
            for method, operation in methods.items():
                if path in ("/api/v1/stop", "/api/v1/events"):
                    continue
                with self.subTest(path, method=method):
                    for ask in (names, {"job": "long", "node": "host1:db1"}):
                        body = "{}" if path == "/" or method == "put" else None
                        if path.endswith("/console"):
                            body = '{"command": ["actors"]}'
                        query = "?timeout=1" if path.endswith("/wait") else ""
                        status, headers, answer = self.ask(path.format(**ask) + query, method.upper(), body)
                        described = operation["responses"]["200" if status == 200 else "default"]["content"]
                        kind = headers["Content-Type"].split(";")[0]
                        self.assertIn(kind, described, answer)
                        if "json" in kind:
                            self.assertEqual(problems_of(answer, described[kind]["schema"], description), [])
        served = {(p["method"], p["path"]): (p["role"], p["takes_body"], p["parameters"]) for p in self.get("/api/v1")["paths"]}
        described = {(m.upper(), path): (o["x-role"], "requestBody" in o, [p["name"] for p in o.get("parameters", []) if p["in"] == "query"])
                     for path, methods in description["paths"].items() for m, o in methods.items()}
        self.assertEqual(served, described)

    def test_pages_give_each_task_once(self):
        for query, expected in (("", 12), ("&job=long", 6), ("&state=failed", 6), ("&job=long&state=excluded", 3)):
            for limit in (1, 2, 5, 12, 100):
                rows, cursor = [], ""
                while True:
                    page = self.get(f"/api/v1/tasks?limit={limit}{query}" + (f"&cursor={urllib.parse.quote(cursor)}" if cursor else ""))
                    self.assertLessEqual(len(page["tasks"]), limit)
                    rows += [(t["job"], t["node"]) for t in page["tasks"]]
                    cursor = page["next"]
                    if not cursor:
                        break
                with self.subTest(query, limit=limit):
                    self.assertEqual(len(rows), expected)
                    self.assertEqual(len(set(rows)), expected)

    def test_pages_of_jobs_and_workers(self):
        for i in range(5):
            self.assertEqual(self.ask(f"/api/v1/jobs/more{i}", "PUT", '{"owner": "x", "command": ["true"], "enabled": false}')[0], 200)
        self.wait_until(lambda: len(self.get("/api/v1/jobs")["jobs"]) == 7, "all jobs")
        seen, query = [], "limit=2"
        while query:
            page = self.get("/api/v1/jobs?" + query)
            seen += [j["job"] for j in page["jobs"]]
            query = page["next"] and "limit=2&cursor=" + urllib.parse.quote(page["next"])
        self.assertEqual(seen, sorted(j["job"] for j in self.get("/api/v1/jobs")["jobs"]))
        self.assertNotIn("next", self.get("/api/v1/jobs"))
        page = self.get("/api/v1/workers?limit=1")
        self.assertEqual((len(page["workers"]), page["next"]), (1, None))
        self.assertEqual(self.get("/api/v1/workers?cursor=zzz")["workers"], [])

    def test_a_task_is_explained_with_its_attempts(self):
        task = self.get("/api/v1/tasks/failing/host2%3Adb1")
        self.assertEqual([(a["result"], a["exit_code"]) for a in task["attempts"]], [("error", 3)])
        self.assertIn("exit code 3", task["last_attempt"])
        running = self.get("/api/v1/tasks/long/host1:db1")
        self.assertEqual((running["state"], running["worker"]), ("running", task["attempts"][0]["worker"]))

    def test_logs_go_on_where_they_ended(self):
        first = self.wait_until(lambda: (lambda a: a if len(a["lines"]) == 3 else None)(self.get("/api/v1/logs?job=long")), "lines")
        again = self.get("/api/v1/logs?job=long&after=" + urllib.parse.quote(first["next"]))
        self.assertEqual(again["lines"], [])

    def test_failures_by_cause_are_counted_and_retried(self):
        details = self.get("/api/v1/jobs/failing/details")
        self.assertEqual([(g["tasks"], g["for_good"]) for g in details["failures"]], [(6, 6)])
        self.assertTrue(details["failures"][0]["cause"].startswith("exit code 3"))
        self.assertEqual(len(details["slowest"]), 6)
        forgive = "/api/v1/jobs/failing/forgive?"
        count = lambda query: self.ask(forgive + query + "&only_count=true", "POST")[2]["tasks"]
        self.assertEqual(count("error=exit"), 6)
        self.assertEqual(count("error=another"), 0)
        self.assertEqual(count("nodes=host1&state=failed"), 3)
        self.assertEqual(count("state=backoff"), 0)
        for bad in ("nodes=(", "state=done", "only_count=maybe", "other=1", "error=", "nodes=", "state=", "only_count="):
            with self.subTest(bad):
                self.assertEqual(self.ask(forgive + bad, "POST")[2]["code"], "bad_parameter")
        self.assertEqual(count("cause=exit"), 0)
        self.assertEqual(count("cause=" + urllib.parse.quote(details["failures"][0]["cause"])), 6)
        self.assertEqual(count(""), 6, "nothing was changed")
        self.assertEqual(self.ask(forgive + "nodes=host1:db1", "POST")[2]["tasks"], 1)
        self.wait_until(lambda: len(self.get("/api/v1/tasks/failing/host1:db1")["attempts"]) == 2, "another attempt")
        self.assertEqual(len(self.get("/api/v1/tasks/failing/host1:db2")["attempts"]), 1)

    def test_nodes_are_shown_below_each_other(self):
        hosts = self.get("/api/v1/nodes")
        self.assertEqual((hosts["below"], hosts["path"], hosts["next"]), ("instance", ["instance"], None))
        self.assertEqual({n["level"] for n in hosts["nodes"]}, {"host"})
        first = self.get("/api/v1/nodes?below=host1&job=failing&limit=2")
        rest = self.get("/api/v1/nodes?below=host1&job=failing&cursor=" + urllib.parse.quote(first["next"]))
        names = [n["node"] for n in first["nodes"] + rest["nodes"]]
        self.assertEqual(sorted(names), ["host1:db1", "host1:db2", "host1:db3"])
        self.assertEqual(sum(n["tasks"]["failed"] for n in first["nodes"] + rest["nodes"]), 3)
        self.assertEqual(self.ask("/api/v1/nodes?below=nowhere")[0], 404)
        self.assertEqual(self.ask("/api/v1/nodes?job=nothing")[0], 404)
        self.assertEqual(self.ask("/api/v1/nodes?limit=0")[0], 400)
        self.assertEqual(self.ask("/api/v1/nodes?level=host")[0], 400)

    def test_waiting_ends_with_the_job_or_the_time(self):
        answer = self.get("/api/v1/jobs/failing/wait")
        self.assertEqual((answer["at_rest"], answer["tasks"]["failed"]), (True, 6))
        answer = self.get("/api/v1/jobs/long/wait?timeout=1")
        self.assertEqual((answer["at_rest"], answer["tasks"]["running"]), (False, 3))
        self.assertEqual(self.ask("/api/v1/jobs/nope/wait")[0], 404)
        for bad in ("0", "21", "x", "-1"):
            self.assertEqual(self.ask("/api/v1/jobs/long/wait?timeout=" + bad)[2]["code"], "bad_parameter")

    def test_the_console_answers_here_too(self):
        say = lambda **question: self.ask("/api/v1/console", "POST", json.dumps(question))
        status, _, answer = say(command=["actors"])
        self.assertEqual(status, 200, answer)
        column = answer["columns"].index("actor")
        self.assertIn("resource_pool", [row[column] for row in answer["rows"]])
        name = self.get("/api/v1/workers")["workers"][0]["worker"]
        self.assertEqual(say(command=["leases"], worker=name)[0], 200)
        begun = say(command=["tap", "gateway"])[2]
        self.assertEqual(say(command=["tap", "gateway"], after=begun["after"])[0], 200)
        self.assertEqual(say(command=["actor"])[0], 400)
        self.assertEqual(say(command=["inspect", "nobody"])[0], 404)
        self.assertEqual(say(command=["tree"], worker="nobody")[0], 404)
        for bad in ({}, {"command": []}, {"command": "tree"}, {"command": [1]}, {"command": ["x"] * 9}, {"command": ["x"], "other": 1},
                    {"command": ["tap", "gateway"], "after": -1}, {"command": ["x" * 2000]}):
            with self.subTest(bad):
                self.assertEqual(say(**bad)[2]["code"], "bad_body")

    def test_log_levels_change_all_or_none(self):
        change = lambda body: self.ask("/api/v1/log", "PUT", body)
        self.assertEqual(change('{"worker": "debug", "network": "off"}')[0], 200)
        levels = self.get("/api/v1/log")["levels"]
        self.assertEqual((levels["worker"], levels["network"], levels["store"]), ("debug", "off", "info"))
        for bad in ("", "[]", "{}", '{"worker": 1}', '{"worker": "loud"}', '{"store": "debug", "kitchen": "debug"}'):
            with self.subTest(bad):
                self.assertEqual(change(bad)[2]["code"], "bad_body")
        self.assertEqual(self.get("/api/v1/log")["levels"], levels)

    def test_requests_are_logged_for_whoever_wants_to_see_them(self):
        self.get("/api/v1/jobs?limit=1")
        self.assertEqual(self.ask("/api/v1/jobs?token=secret", headers={"Host": "evil.example"})[0], 403)
        self.wait_until(lambda: "a request was refused (403)" in self.read(self.scheduler.log), "its line")
        self.assertNotIn("/api/v1/jobs", self.read(self.scheduler.log))
        self.assertEqual(self.ask("/api/v1/log", "PUT", '{"http": "debug"}')[0], 200)
        self.get("/api/v1/workers?limit=2")
        self.ask("/api/v1/tasks?token=secret", headers={"Host": "evil.example"})
        self.ask("/api/v1/tasks%3Ftoken=secret")
        self.raw(b"GET http://user:secret@localhost/api/v1/jobs HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.wait_until(lambda: "/api/v1/tasks" in self.read(self.scheduler.log), "its line")
        log = self.read(self.scheduler.log)
        self.assertRegex(log, r"debug GET /api/v1/workers was answered with 200 after [0-9]+ us")
        self.assertRegex(log, r"debug GET /api/v1/tasks was answered with 403 after [0-9]+ us")
        self.assertNotIn("secret", log)

    def test_acting_on_jobs_and_tasks(self):
        self.assertIn("1 task signaled", self.ask("/api/v1/tasks/long/host1:db1/kill", "POST")[2]["text"])
        self.wait_until(lambda: any(a["ended_at"] for a in self.get("/api/v1/tasks/long/host1:db1")["attempts"]), "its end")
        self.assertEqual(self.ask("/api/v1/jobs/failing/forgive", "POST")[0], 200)
        self.wait_until(lambda: len(self.get("/api/v1/tasks/failing/host1:db1")["attempts"]) == 2, "another attempt")
        self.assertEqual(self.ask("/api/v1/stop", "POST")[0], 200)
        self.assertEqual(self.scheduler.wait(timeout=DEADLINE_S), 0)

    def test_what_has_not_changed_is_not_sent_again(self):
        _, headers, _ = self.ask("/api/v1/openapi.json")
        status, _, body = self.ask("/api/v1/openapi.json", headers={"If-None-Match": headers["ETag"]})
        self.assertEqual((status, body), (304, ""))
        new = json.dumps({"owner": "x", "command": ["true"], "enabled": False})
        _, headers, _ = self.ask("/api/v1/jobs/fresh", "PUT", new)
        self.assertEqual(self.ask("/api/v1/jobs/fresh", "PUT", new, {"If-None-Match": headers.get("ETag") or '"x"'})[0], 200)
        status, headers, body = self.ask("/api/v1/jobs", "HEAD")
        self.assertEqual((status, body), (200, ""))
        self.assertGreater(int(headers["Content-Length"]), 100)

    def test_metrics_are_in_prometheus_format(self):
        text = self.get("/metrics")
        self.assertIn('bistro_tasks{bistro_job="failing",state="failed"} 6\n', text)
        families = set()
        for line in text.splitlines():
            if match := re.fullmatch(r"# (HELP|TYPE) (\w+) .+", line):
                families.add(match[2])
            else:
                match = re.fullmatch(r'(\w+)(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [-+.e\d]+', line)
                self.assertTrue(match, line)
                self.assertIn(match[1], families)

    def test_the_queries_of_the_seed_system(self):
        self.wait_until(lambda: len(self.get("/api/v1/logs?job=long")["lines"]) == 3, "lines")
        answers = self.queries(
            jobs={"handler": "jobs", "jobs": ["long", "unknown"]}, all_jobs={"handler": "jobs"},
            running={"handler": "running_tasks"}, runtime={"handler": "job_node_runtime", "jobs": ["long"]},
            names={"handler": "sorted_node_names"}, nodes={"handler": "nodes", "nodes": ["host1"], "fields": ["resources"]},
            histogram={"handler": "histogram", "jobs": ["failing", "long"], "num_samples": 1},
            logs={"handler": "task_logs", "log_type": "stdout", "jobs": ["long"], "sort": "asc"},
            filtered={"handler": "task_logs", "log_type": "stdout", "regex_filter": "db[23]", "sort": "asc"},
            one={"handler": "task_logs", "log_type": "stderr", "nodes": ["host2:db3"]},
            errors={"handler": "errors"}, time={"handler": "refresh_time"}, prefs={"ignored": True})
        self.assertNotIn("prefs", answers)
        data = {name: answer["data"] for name, answer in answers.items()}
        self.assertEqual(list(data["jobs"]), ["long"])
        self.assertEqual(data["jobs"]["long"]["filters"], {"db": {"whitelist_regex": "^host1:"}})
        self.assertEqual(sorted(data["all_jobs"]), ["failing", "long"])
        self.assertEqual(sorted(data["running"]["long"]), ["host1:db1", "host1:db2", "host1:db3"])
        self.assertEqual(set(data["running"]["long"]["host1:db1"]), {"start_time", "worker_shard"})
        self.assertGreaterEqual(data["runtime"]["long"]["host1:db1"], 0)
        self.assertEqual(data["names"]["host"], ["host1", "host2"])
        self.assertEqual(data["nodes"]["results"], {"host": {"host1": {"resources": {"slots": {"default": 0, "limit": 1}}}}})
        self.assertEqual(data["histogram"]["histograms"]["failing"], {"db": {"Q": 6}, "host": {"Q": 2}, "instance": {"Q": 1}})
        running, avoided, both = "C", "BC", "DC"  # 2; 1 + 128; 1 + 2 + 128
        self.assertEqual(data["histogram"]["histograms"]["long"],
                         {"db": {running: 3, avoided: 3}, "host": {running: 1, avoided: 1}, "instance": {both: 1}})
        self.assertEqual(data["histogram"]["samples"]["long"]["host"][avoided], ["host2"])
        self.assertEqual([line[3] for line in data["logs"]["lines"]], [f"hello {line[1]}" for line in data["logs"]["lines"]])
        self.assertEqual(len(data["logs"]["lines"]), 3)
        self.assertEqual(data["logs"]["next_line_id"], "-1")
        self.assertEqual({line[1] for line in data["filtered"]["lines"]}, {"host1:db2", "host1:db3"})
        self.assertEqual([line[3] for line in data["one"]["lines"]], ["oops"])
        self.assertEqual(data["errors"], {})
        self.assertGreater(data["time"], 1_000_000_000)
        lines = data["logs"]["lines"]
        back = self.queries(q={"handler": "task_logs", "log_type": "stdout", "line_id": lines[1][4], "sort": "desc"})["q"]
        self.assertEqual(back["data"]["lines"], [lines[1], lines[0]])
        onwards = self.queries(q={"handler": "task_logs", "log_type": "stdout", "line_id": lines[1][4], "sort": "asc"})["q"]
        self.assertEqual(onwards["data"]["lines"], lines[1:])
        since = self.queries(q={"handler": "task_logs", "log_type": "stdout", "time": lines[0][2], "sort": "asc"})["q"]
        self.assertEqual(since["data"]["lines"][0], lines[0])

    def test_submitted_jobs_and_pauses_outlive_the_scheduler(self):
        new = {"owner": "you", "command": ["true"], "filters": {"db": {"whitelist_regex": "db1$"}}}
        status, _, answer = self.ask("/api/v1/jobs/new", "PUT", json.dumps(new))
        self.assertEqual(status, 200, answer)
        self.assertEqual(self.bistro("wait", "new", "--config", "c.toml")[0], "new: 2 done, 0 failed\n")
        self.assertEqual(self.get("/api/v1/jobs/new")["config"]["filters"], new["filters"])
        for bad, word in (({"owner": "x", "comand": ["true"]}, "did you mean"), ({"owner": "x"}, "needs a command")):
            status, _, answer = self.ask("/api/v1/jobs/bad", "PUT", json.dumps(bad))
            self.assertEqual((status, answer["code"]), (409, "refused"))
            self.assertIn(word, answer["detail"])
        self.assertEqual(self.ask("/api/v1/jobs/failing", "PUT", json.dumps(new))[0], 409, "the config's own")
        self.assertEqual(self.ask("/api/v1/jobs/failing", "DELETE")[0], 409)
        self.assertEqual(self.ask("/api/v1/jobs/failing/pause", "POST")[0], 200)
        self.assertEqual(self.ask("/api/v1/jobs/failing/pause", "POST")[0], 409, "it is already")
        self.scheduler.kill()
        self.scheduler.wait()
        self.serve(self.read("c.toml"))
        jobs = {job["job"]: job for job in self.wait_until(lambda: self.get("/api/v1/jobs")["jobs"], "jobs")}
        self.assertEqual({name: job["enabled"] for name, job in jobs.items()}, {"long": True, "failing": False, "new": True})
        self.assertEqual(self.ask("/api/v1/jobs/failing/resume", "POST")[0], 200)
        self.assertEqual(self.ask("/api/v1/jobs/new", "DELETE")[0], 200)
        self.assertEqual(self.ask("/api/v1/jobs/new", "DELETE")[0], 404)
        self.wait_until(lambda: len(self.get("/api/v1/jobs")["jobs"]) == 2, "its end")
        # A change of the config's file keeps what was submitted.
        self.bistro("pause", "failing", "--config", "c.toml")
        self.write("c.toml", self.read("c.toml").replace("exit 3", "exit 4"))
        self.wait_until(lambda: "exit 4" in str(self.get("/api/v1/jobs/failing")["config"]["command"]), "the new config")
        self.wait_until(lambda: not self.get("/api/v1/jobs/failing")["enabled"], "the pause")

    def test_jobs_are_submitted_and_waited_for_by_the_command_line(self):
        self.write("new.toml", job("good", "true") + job("worse", "exit 1", 'backoff = ["fail"]') + "[jobs.bad]\nowner = 'x'\n")
        out, err = self.bistro("submit", "new.toml", "--config", "c.toml", code=2)
        self.assertIn('job "good" is submitted', out)
        self.assertIn('job "bad" is refused: "jobs.bad" needs a command', err)
        self.assertEqual(self.bistro("wait", "good", "--config", "c.toml")[0], "good: 6 done, 0 failed\n")
        out, _ = self.bistro("wait", "worse", "--json", "--config", "c.toml", code=1)
        self.assertEqual(json.loads(out)["tasks"]["failed"], 6)
        out, err = self.bistro("wait", "long", "--timeout", "1", "--json", "--config", "c.toml", code=124)
        self.assertIn("not at rest", err)
        self.assertIs(json.loads(out)["at_rest"], False)
        self.assertIn("too long", self.bistro("retry", "long", "--cause", "x" * 1100, "--yes", "--config", "c.toml", code=2)[1])
        self.assertIn("there is no job", self.bistro("wait", "nope", "--config", "c.toml", code=2)[1])
        self.bistro("delete", "worse", "--config", "c.toml")
        waiting = self.start("wait", "long", "--config", "c.toml")
        self.bistro("submit", "-", "--config", "c.toml", input=job("piped", "true"))
        self.bistro("wait", "piped", "--config", "c.toml")
        self.stop(self.scheduler)
        self.assertEqual(waiting.wait(timeout=DEADLINE_S), 3)
        self.assertIn("no scheduler runs", self.bistro("submit", "new.toml", "--config", "c.toml", code=3)[1])

    def events_until(self, wanted, headers=(), begun=None):
        """Reads events until one is `wanted`; each is a dictionary with its id, kind and data."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=DEADLINE_S)
        connection.request("GET", "/api/v1/events", headers=dict(headers))
        answer = connection.getresponse()
        self.assertEqual(answer.headers["Content-Type"], "text/event-stream")
        seen, event = [], {}
        while not seen or not wanted(seen[-1]):
            name, _, value = answer.readline().decode().rstrip("\n").partition(": ")
            if name:
                event[name] = value
            elif event:
                seen.append(event)
                event = {}
                if begun:
                    begun.set()
        connection.close()
        return seen

    def test_events_can_be_followed_and_resumed(self):
        begun = threading.Event()
        seen = []

        def follow():
            last = lambda event: event["event"] == "finish" and '"again"' in event["data"]
            seen.extend(self.events_until(last, {"Last-Event-ID": "of another life"}, begun))

        following = threading.Thread(target=follow)
        following.start()
        begun.wait(timeout=DEADLINE_S)
        self.ask("/api/v1/jobs/again", "PUT", json.dumps({"owner": "x", "command": ["true"]}))
        following.join()
        self.assertEqual(seen.pop(0), {"event": "gap", "data": "{}"}, "which says that it reads")
        kinds = [event["event"] for event in seen]
        self.assertIn("job_added", kinds)
        self.assertLess(kinds.index("job_added"), kinds.index("finish"))
        numbers = [json.loads(event["data"])["seq"] for event in seen]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
        again = self.events_until(lambda e: e["id"] == seen[-1]["id"], {"Last-Event-ID": seen[0]["id"]})
        self.assertEqual(again, seen[1:])
        self.assertEqual(self.events_until(lambda e: True, {"Last-Event-ID": "1-1"})[0]["event"], "gap")

    def test_what_is_watched_is_shown_again(self):
        watching = self.start("status", "--watch", "1", "--config", "c.toml")
        self.wait_until(lambda: self.read(watching.log).count("2 jobs, 9 tasks") >= 2, "a second answer")
        self.stop(self.scheduler)
        self.wait_until(lambda: "no scheduler runs" in self.read(watching.log), "word of its end")
        self.assertIsNone(watching.poll(), "it may come back")
        self.assertEqual(self.stop(watching), -15)

    def test_the_seed_systems_actions(self):
        answers = self.queries(kill={"handler": "kill_task", "job_id": "long", "node_id": "host1:db2"},
                               idle={"handler": "kill_task", "job_id": "failing", "node_id": "host1:db2"},
                               forgive={"handler": "forgive_jobs", "jobs": ["failing"]},
                               save={"handler": "save_job", "job_id": "new", "job": {"owner": "x", "command": ["true"]}},
                               wrong={"handler": "save_job", "job_id": "wrong", "job": {}},
                               no_name={"handler": "save_job", "job": {}},
                               delete={"handler": "delete_job", "job_id": "failing"})
        self.assertEqual(answers["save"], {"data": "saved"})
        for name in ("wrong", "no_name", "delete"):
            self.assertEqual(list(answers[name]), ["error"])
        self.assertEqual(self.queries(q={"handler": "delete_job", "job_id": "new"})["q"], {"data": "deleted"})
        self.assertEqual(answers["kill"], {"data": "signaled"})
        self.assertIn("error", answers["idle"])
        self.assertEqual(answers["forgive"], {"data": "forgiven"})
        self.wait_until(lambda: len(self.get("/api/v1/tasks/failing/host1:db1")["attempts"]) == 2, "another attempt")

    def test_bad_queries_are_answered_and_do_not_spoil_others(self):
        answers = self.queries(
            good={"handler": "refresh_time"}, no_handler={}, not_an_object=7, unknown={"handler": "nope"},
            number={"handler": 7}, jobs={"handler": "jobs", "jobs": "long"}, field={"handler": "nodes", "fields": ["x"]},
            no_type={"handler": "task_logs"}, bad_type={"handler": "task_logs", "log_type": "x"},
            sort={"handler": "task_logs", "log_type": "stdout", "sort": "x"},
            both={"handler": "task_logs", "log_type": "stdout", "time": 1, "line_id": "1"},
            regex={"handler": "task_logs", "log_type": "stdout", "regex_filter": "("},
            big={"handler": "task_logs", "log_type": "stdout", "time": 1 << 40},
            text={"handler": "task_logs", "log_type": "stdout", "line_id": "x"},
            samples={"handler": "histogram", "num_samples": "x"}, kill={"handler": "kill_task", "job_id": "long"})
        self.assertIn("data", answers.pop("good"))
        for name, answer in answers.items():
            with self.subTest(name):
                self.assertEqual(list(answer), ["error"], answer)
                self.assertGreater(len(answer["error"]), 10)

    def test_bad_requests_get_a_clear_answer_and_change_nothing(self):
        before = self.get("/api/v1/status")["tasks"]
        table = [
            ("GET", "/nope", None, 404, "no_such_path"), ("GET", "/api/v1/jobs/nope", None, 404, "unknown"),
            ("GET", "/api/v1/tasks/nope/x", None, 404, "unknown"), ("GET", "/api/v1/tasks/long/x", None, 404, "unknown"),
            ("GET", "/api/v1/tasks?job=nope", None, 404, "unknown"),
            ("GET", "/api/v1/tasks?state=x", None, 400, "bad_parameter"),
            ("GET", "/api/v1/tasks?limit=0", None, 400, "bad_parameter"),
            ("GET", "/api/v1/tasks?limit=10001", None, 400, "bad_parameter"),
            ("GET", "/api/v1/tasks?limit=-1", None, 400, "bad_parameter"),
            ("GET", "/api/v1/tasks?limit=1e3", None, 400, "bad_parameter"),
            ("GET", "/api/v1/tasks?cursor=x", None, 400, "bad_parameter"),
            ("GET", "/api/v1/tasks?nope=x", None, 400, "bad_parameter"),
            ("GET", "/api/v1/tasks?limit=1&limit=2", None, 400, "bad_parameter"),
            ("GET", "/api/v1/jobs?nope=x", None, 400, "bad_parameter"),
            ("GET", "/api/v1/logs?stream=x", None, 400, "bad_parameter"),
            ("GET", "/api/v1/logs?after=x", None, 400, "bad_parameter"),
            ("DELETE", "/api/v1/workers", None, 405, "method_not_allowed"), ("PUT", "/", None, 405, "method_not_allowed"),
            ("BREW", "/api/v1/jobs", None, 405, "method_not_allowed"),
            ("POST", "/api/v1/jobs/nope/kill", None, 404, "unknown"),
            *(("POST", f"/api/v1/{what}", '{"node": "host1:db1"}', 400, "bad_body") for what in
              ("jobs/long/kill", "jobs/failing/forgive", "jobs/long/pause", "tasks/long/host1:db1/kill", "stop")),
            ("DELETE", "/api/v1/jobs/long", "x", 400, "bad_body"),
            *(("POST", f"/api/v1/jobs/nope/{what}", None, 404, "unknown") for what in ("pause", "resume", "forgive")),
            ("DELETE", "/api/v1/jobs/nope", None, 404, "unknown"),
            ("PUT", "/api/v1/jobs/new", "{", 400, "bad_body"), ("PUT", "/api/v1/jobs/new", "", 400, "bad_body"),
            ("PUT", "/api/v1/jobs/new", "[]", 400, "bad_body"), ("PUT", "/api/v1/jobs/new", "{}", 409, "refused"),
            *(("GET", f"/api/v1/{what}", None, 400, "bad_parameter") for what in
              ("tasks?job=", "tasks?limit=", "jobs?limit=0", "jobs?limit=x", "workers?limit=-1", "jobs?cursor=",
               "nodes?below=", "nodes?limit=0", "jobs/long/wait?timeout=", "jobs/long/wait?timeout=0", "logs?job=",
               "events?after=", "logs?after=w=", "logs?after=w=99999999999999999999", "logs?after==5", "tasks?cursor=/", "tasks?cursor=a/", "status?x=1", "log?x=1", "jobs/long?x=1", "jobs/long/details?x=1", "openapi.json?x=1")),
            ("GET", "/api/v1/nodes?below=nope", None, 404, "unknown"),
            ("GET", "/api/v1/jobs/nope/details", None, 404, "unknown"),
            ("GET", "/api/v1/jobs/nope/explanation", None, 404, "unknown"),
            ("GET", "/api/v1/jobs/nope/wait", None, 404, "unknown"),
            ("PUT", "/api/v1/log", "{", 400, "bad_body"), ("POST", "/api/v1/log", "{}", 405, "method_not_allowed"),
            ("POST", "/api/v1/console", "{", 400, "bad_body"), ("GET", "/api/v1/console", None, 405, "method_not_allowed"),
            ("POST", "/api/v1/console", '{"command": ["trace"]}', 400, "not_understood"),
            ("POST", "/api/v1/jobs/failing/kill", None, 409, "refused"),
            ("POST", "/api/v1/tasks/long/host1%3Anope/kill", None, 409, "refused"),
            ("POST", "/", "{", 400, "bad_json"), ("POST", "/", "[]", 400, "bad_json"), ("POST", "/", "", 400, "bad_json"),
            ("POST", "/", b"\xff\xfe", 400, "bad_json"), ("POST", "/", "[" * 100_000, 400, "bad_json"),
            ("POST", "/", json.dumps({str(i): {} for i in range(101)}), 400, "too_many"),
        ]
        for method, path, body, status, code in table:
            with self.subTest(path, method=method):
                got, headers, answer = self.ask(path, method, body)
                self.assertEqual((got, answer["code"]), (status, code), answer)
                self.assertEqual(answer["status"], status)
                self.assertGreater(len(answer["detail"]), 10)
                if status == 405:
                    self.assertTrue(headers["Allow"])
        for sent, status in {
            b"nonsense\r\n\r\n": 400,
            b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000 + b"\r\n\r\n": 431,
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n": 413,
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n": 400,
            b"GET http://[ HTTP/1.1\r\nHost: localhost\r\n\r\n": 400,
            b"GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n": 400,
            b"GET /api/v1/jobs HTTP/1.1\r\nHost: evil.example.com\r\n\r\n": 403,
            b"GET /api/v1/jobs HTTP/1.1\r\n\r\n": 403,
            b"GET /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n": 400,
            b"PUT /api/v1/jobs/x HTTP/1.1\r\nHost: 127.evil.com\r\nOrigin: http://127.evil.com\r\n\r\n": 403,
            b"POST /api/v1/stop HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example.com\r\n\r\n": 403,
        }.items():
            with self.subTest(sent[:60]):
                answer = self.raw(sent)
                self.assertEqual(answer.split(" ")[1:2], [str(status)], answer[:200])
        self.assertEqual(self.raw(b"GET /api/v1/jobs HTTP/1.1\r\nHost: local"), "", "half a request")
        self.assertEqual(self.get("/api/v1/status")["tasks"], before)


class Access(HttpTest):
    READ, OPERATE = "r" * 32, "o" * 32

    def config(self, extra="", listen="127.0.0.1"):
        return forest(1, 1) + job("j", "exec sleep 1000") + f'[network]\nhttp = "{listen}:0"\n{extra}'

    def test_probes_of_what_is_not_ready_are_no_news(self):
        self.serve(self.config("[scheduler]\nenabled = false\n"))
        for _ in range(3):
            self.assertEqual(self.ask("/readyz")[0], 503)
        self.assertNotIn("503", self.read(self.scheduler.log))

    def test_queries_of_one_request_are_bounded_together(self):
        self.serve(forest(200, 100) + job("j", "true") + '[network]\nhttp = "127.0.0.1:0"\n')
        self.wait_until(lambda: self.get("/api/v1/status")["tasks"]["total"] == 20_000, "nodes")
        answers = self.queries(**{f"q{i}": {"handler": "nodes"} for i in range(100)})
        refused = [name for name, answer in answers.items() if "error" in answer]
        self.assertEqual(len(refused), 1, "of 20,201 nodes each")
        self.assertIn("too much at once", answers[refused[0]]["error"])
        self.assertEqual(len(answers["q0"]["data"]["results"]["db"]), 20_000)

    def test_tokens_have_roles(self):
        self.write("tokens", f"# of the page\nread {self.READ}\n\noperate {self.OPERATE}\n", mode=0o600)
        self.serve(self.config('http_token_file = "tokens"\n'))
        read, operate = ({"Authorization": "Bearer " + token} for token in (self.READ, self.OPERATE))
        for headers, statuses in (({}, (401, 401)), ({"Authorization": "Bearer wrong"}, (401, 401)),
                                  ({"Authorization": "Basic " + self.READ}, (401, 401)), (read, (200, 403)), (operate, (200, 404))):
            with self.subTest(headers):
                got = (self.ask("/api/v1/jobs", headers=headers)[0], self.ask("/api/v1/jobs/nope/kill", "POST", headers=headers)[0])
                self.assertEqual(got, statuses)
        self.assertEqual(self.ask("/api/v1/jobs")[1]["WWW-Authenticate"], "Bearer")
        self.assertEqual(self.ask("/api/v1/jobs", headers={"Authorization": "bearer " + self.READ})[0], 200)
        self.assertEqual(self.ask(f"/api/v1/jobs?token={self.READ}")[0], 401)
        self.wait_until(lambda: "refused (401)" in self.read(self.scheduler.log), "its line")
        self.assertNotIn(self.READ, self.read(self.scheduler.log))
        query = json.dumps({"q": {"handler": "forgive_jobs"}})
        self.assertIn("error", self.ask("/", "POST", query, read)[2]["q"])
        self.assertIn("data", self.ask("/", "POST", query, operate)[2]["q"])
        for path in ("/healthz", "/api/v1/openapi.json"):
            self.assertEqual(self.ask(path)[0], 200)
        self.assertNotIn(self.READ, self.read(self.scheduler.log))

    def test_files_with_tokens_must_be_private_and_right(self):
        for text, mode, word in ((f"read {self.READ}", 0o644, "chmod 600"), ("", 0o600, "no tokens"), ("read short", 0o600, "too short"),
                                 (f"admin {self.READ}", 0o600, "tokens:1: write"), (f"read {self.READ} x", 0o600, "tokens:1: write")):
            with self.subTest(text):
                self.write("tokens", text, mode)
                self.write("c.toml", self.config('http_token_file = "tokens"\n'))
                self.assertIn(word, self.bistro("scheduler", "c.toml", code=3)[1])

    def test_beyond_the_loopback_only_with_tokens_and_tls(self):
        self.write("c.toml", self.config(listen="0.0.0.0"))
        self.assertIn("http_token_file", self.bistro("scheduler", "c.toml", code=3)[1])
        self.write("tokens", f"read {self.READ}\n", mode=0o600)
        self.write("c.toml", self.config('http_token_file = "tokens"\n', listen="0.0.0.0"))
        self.assertIn("http_certificate", self.bistro("scheduler", "c.toml", code=3)[1])
        self.write("c.toml", self.config('http_certificate = "x"\n'))
        self.assertIn("http_key", self.bistro("check", "c.toml", code=2)[1])
        self.write("c.toml", self.config().replace('http = "127.0.0.1:0"\n', 'http_key = "x"\n'))
        self.assertIn("does not say where", self.bistro("check", "c.toml", code=2)[1])

    def test_tls(self):
        self.bistro("tls", "init")
        self.write("tokens", f"read {self.READ}\n", mode=0o600)
        self.serve(self.config('http_token_file = "tokens"\nhttp_certificate = "tls/scheduler.pem"\nhttp_key = "tls/scheduler.key"\n'))
        context = ssl.create_default_context(cafile=self.path("tls/ca.pem"))
        context.check_hostname = False
        self.assertEqual(self.ask("/api/v1/jobs", headers={"Authorization": "Bearer " + self.READ}, context=context)[0], 200)
        self.assertEqual(self.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").count("HTTP"), 0, "in the clear")

    def test_other_users_of_the_host_get_nothing(self):
        self.serve(self.config())
        script = (f"import http.client; c = http.client.HTTPConnection('127.0.0.1', {self.port});"
                  "c.request('GET', '/api/v1/jobs'); print(c.getresponse().status)")
        try:
            other = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", "python3", "-c", script], capture_output=True, text=True)
        except FileNotFoundError:
            other = None
        if other is None or "setresuid" in other.stderr or "setpriv" in other.stderr:
            self.skipTest("takes root, and setpriv")
        self.assertEqual(other.stdout, "401\n", other.stderr)

    def test_a_port_that_is_taken_is_said(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.write("c.toml", self.config().replace(":0", f":{taken.getsockname()[1]}"))
            self.assertIn("HTTP on 127.0.0.1:", self.bistro("scheduler", "c.toml", code=3)[1])


if __name__ == "__main__":
    unittest.main()
