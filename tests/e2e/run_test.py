"""bistro run, check, import and simulate, as a user runs them."""

import json
import os
import pty
import shutil
import signal
import subprocess
import unittest

from support import BISTRO, DEADLINE_S, BistroTest, forest, job, max_concurrent

CONFIG = """
[scheduler]
data_dir = "state"
backoff = [1, "fail"]
""" + forest(3, 4) + """[resources.instance]
all = { limit = 4, default = 1 }
[resources.host]
host_concurrency = { limit = 2, default = 1 }
[resources.worker]
slots = { limit = 50, default = 1 }
"""

FIRST_RUN = {
    "bistro_settings": {
        "enabled": True, "working_wait": 0.1, "idle_wait": 0.1,
        "nodes": {"levels": ["level1", "level2"], "node_sources": [
            {"source": "manual", "prefs": {"node1": ["node11", "node12"], "node2": ["node21", "node22"]}}]},
        "resources": {"instance": {"concurrency": {"limit": 3, "default": 1}}}},
    "bistro_job->simple_job": {"owner": "test", "enabled": True},
}


class Run(BistroTest):
    def test_jobs_run_within_their_limits_and_in_their_order(self):
        self.write("c.toml", CONFIG + job("extract", "sleep 0.05; echo done > $2") +
                   job("report", "echo $1", "level_for_tasks = \"host\"\nrun_only_after_all_nodes_are_done_for = [\"extract\"]"))
        out, _ = self.bistro("run", "c.toml", "--events", "events.jsonl")
        self.assertRegex(out, r"extract +db +12 +12 +0 +0")
        self.assertRegex(out, r"report +host +3 +3 +0 +0")
        events = self.events()
        self.assertEqual([e["seq"] for e in events], list(range(1, len(events) + 1)))
        hosts = max_concurrent(events, lambda e: next(n for n in e["path"] if n.startswith("host") and ":" not in n))
        self.assertLessEqual(max(hosts.values()), 2)
        self.assertEqual(max(max_concurrent(events, lambda e: e["path"][-1]).values()), 4, "it uses what it may")
        last_extract = max(e["seq"] for e in events if e["event"] == "finish" and e["job"] == "extract")
        first_report = min(e["seq"] for e in events if e["event"] == "start" and e["job"] == "report")
        self.assertLess(last_extract, first_report)

    def test_a_second_run_does_nothing_and_clean_does_it_again(self):
        self.write("c.toml", CONFIG + job("j", "echo x >> log"))
        for arguments, lines in (((), 12), ((), 12), (("--clean",), 24)):
            self.bistro("run", "c.toml", *arguments)
            self.assertEqual(len(self.read("state/jobs/j/log").splitlines()), lines)

    def test_the_contract_of_a_task(self):
        self.write("c.toml", CONFIG + job("j", 'echo "$3"; printenv BISTRO_JOB BISTRO_NODE; pwd; echo done > "$BISTRO_STATUS"',
                                         'config = { x = [1, 2] }\nstatus = "pipe"'))
        self.bistro("run", "c.toml")
        lines = self.bistro("logs", "j", "host1:db1", "--json", "--config", "c.toml")[0].splitlines()
        texts = [json.loads(line)["text"] for line in lines]
        given = json.loads(texts[0])
        self.assertEqual(given["id"], "j")
        self.assertEqual(given["path_to_node"], ["instance", "host1", "host1:db1"])
        self.assertEqual(given["config"], {"x": [1, 2]})
        self.assertIsNone(given["prev_status"])
        self.assertEqual(given["resources_by_node"]["host1"], {"host_concurrency": 1})
        self.assertRegex(given["invocation"], r"^1-\d+$")
        self.assertEqual(texts[1:3], ["j", "host1:db1"])
        self.assertTrue(texts[3].endswith("/state/jobs/j"))

    def test_failures_are_shown_and_give_exit_code_1(self):
        self.write("c.toml", CONFIG.replace('[1, "fail"]', '["fail"]') + job("j", 'echo "about to fail" >&2; [ $1 != host2:db3 ]'))
        out, err = self.bistro("run", "c.toml", code=1)
        self.assertRegex(out, r"j +db +12 +11 +1 +0")
        self.assertIn("host2:db3", err)
        self.assertIn("exit code 1", err)
        self.assertIn("bistro logs j", err)
        tasks = self.json("tasks", "j", "--state", "failed", "--config", "c.toml")
        self.assertEqual([t["node"] for t in tasks["tasks"]], ["host2:db3"])
        self.assertIn('did you mean "failed"?', self.bistro("tasks", "--state", "fialed", "--config", "c.toml", code=2)[1])
        self.assertIn("nothing is stored of a job", self.bistro("tasks", "nojob", "--config", "c.toml", code=2)[1])
        self.assertIn("nothing is stored of a job", self.bistro("logs", "nojob", "--config", "c.toml", code=2)[1])
        self.assertIn("no such lines", self.bistro("logs", "j", "nonode", "--config", "c.toml")[1])
        self.write("c.toml", CONFIG + job("j", "echo $1 >> ran2"))
        self.bistro("forgive", "nojob", "--config", "c.toml", code=2)
        self.assertIn("1 task forgiven", self.bistro("forgive", "j", "--config", "c.toml")[0])
        self.bistro("run", "c.toml")
        self.assertEqual(self.read("state/jobs/j/ran2"), "host2:db3\n", "what failed, and nothing else")

    def test_a_job_that_comes_during_a_run_counts_for_its_exit_code(self):
        self.write("c.toml", CONFIG + job("j", "touch started; while [ ! -e ../../../go ]; do sleep 0.05; done"))
        run = self.start("run", "c.toml")
        self.wait_until(lambda: os.path.exists(self.path("state/jobs/j/started")), "a task")
        self.write("c.toml", CONFIG + job("j", "true") + job("k", "true", "resources = { host_concurrency = 3 }"))
        self.wait_until(lambda: "2 jobs" in self.read(run.log), "the new config")
        self.write("go", "")
        self.assertEqual(run.wait(timeout=60), 1)
        self.assertIn("can never start", self.read(run.log))

    def test_data_is_handed_on(self):
        self.write("c.toml", CONFIG + job("j", 'case "$3" in *\'"cursor":1\'*) echo done > $2;; *) echo \'{"result":"incomplete","data":{"cursor":1}}\' > $2;; esac'))
        self.bistro("run", "c.toml", "--events", "events.jsonl")
        self.assertEqual(sum(e["event"] == "start" for e in self.events()), 24)

    def test_timeouts_and_missing_commands(self):
        self.write("c.toml", CONFIG.replace('[1, "fail"]', '["fail"]').replace("end = 3", "end = 1").replace("end = 4", "end = 1") +
                   job("slow", "sleep 100 & sleep 100", "timeout_s = 1") +
                   "[jobs.missing]\nowner = \"x\"\ncommand = [\"./nowhere.sh\"]\n")
        _, err = self.bistro("run", "c.toml", code=1)
        self.assertIn("timed out after 1 s", err)
        self.assertIn("No such file or directory", err)

    def test_what_can_never_run_ends_the_run_with_its_reason(self):
        self.write("c.toml", CONFIG + job("j", "true", "resources = { host_concurrency = 3 }"))
        _, err = self.bistro("run", "c.toml", code=1)
        self.assertIn("can never start", err)

    def test_a_run_in_parts_does_all_that_can_run_and_then_ends(self):
        chain = "".join(job(f"j{i}", "true", f'depends_on = ["j{i - 1}"]' if i else "") for i in range(20))
        stuck = job("stuck", "true", "resources = { slots = 51 }")
        for partitions in (2, 4):
            self.write("c.toml", CONFIG.replace("[scheduler]", f"[scheduler]\npartitions = {partitions}") + stuck + chain)
            out, _ = self.bistro("run", "c.toml", "--clean", "--events", "events.jsonl", code=1)
            for i in range(20):
                self.assertRegex(out, rf"j{i} +db +12 +12 +0 +0")
            with open(self.path("events.jsonl")) as f:
                self.assertLessEqual(max_concurrent(map(json.loads, f), lambda start: "all")["all"], 4)

    def test_ctrl_c_ends_tasks_and_a_later_run_goes_on(self):
        self.write("c.toml", CONFIG + job("j", "echo $$ >> pids; if [ ! -e go ]; then exec sleep 1000; fi"))
        process = self.start("run", "c.toml")
        self.wait_until(lambda: os.path.exists(self.path("state/jobs/j/pids")) and len(self.read("state/jobs/j/pids").split()) == 4, "four tasks")
        pids = [int(p) for p in self.read("state/jobs/j/pids").split()]
        self.assertEqual(self.stop(process, signal.SIGINT), 128 + signal.SIGINT)
        for pid in pids:
            self.assertRaises(ProcessLookupError, os.kill, pid, 0)
        self.write("state/jobs/j/go", "")
        self.assertRegex(self.bistro("run", "c.toml")[0], r"j +db +12 +12 +0 +0")

    def test_odd_node_names(self):
        names = ["with space", "quote\"s and 'these'", "💾", "$(touch pwned)", "-rf", "x" * 10_000, "tab\there"]
        nodes = "".join(f"{json.dumps(n, ensure_ascii=False)} = {{ parent = \"h\" }}\n" for n in names + ["new\nline"])
        self.write("c.toml", '[nodes]\nlevels = ["host", "db"]\n[[nodes.sources]]\nsource = "manual"\n[nodes.sources.nodes]\nh = {}\n' +
                   nodes + job("j", 'printf "%s" "$1" | wc -c; printf "%s" "$1" > got.$$'))
        self.bistro("run", "c.toml", "--events", "events.jsonl")
        got = {self.read(f"state/jobs/j/{name}") for name in os.listdir(self.path("state/jobs/j")) if name.startswith("got.")}
        self.assertEqual(got, set(names + ["new\nline"]))
        self.assertEqual({e["node"] for e in self.events() if e["event"] == "finish"}, got)
        self.assertFalse(os.path.exists(self.path("state/jobs/j/pwned")))

    def test_output_with_anything_in_it(self):
        self.write("c.toml", CONFIG.replace("end = 3", "end = 1").replace("end = 4", "end = 1") +
                   job("j", "printf 'bad \\377 utf8\\n\\033[31mred\\n'; head -c 100000 /dev/zero | tr '\\0' y; echo; printf 'no newline'"))
        self.bistro("run", "c.toml")
        texts = [json.loads(line)["text"] for line in self.bistro("logs", "j", "--json", "--config", "c.toml")[0].splitlines()]
        self.assertEqual(texts[0], "bad \ufffd utf8")
        self.assertTrue(texts[2].startswith("yyy") and "bytes cut" in texts[2])
        self.assertEqual(texts[3], "no newline")

    def test_sources_from_scripts_and_files(self):
        self.write("hosts.sh", "#!/bin/sh\necho h1\necho h2\n", 0o755)
        self.write("dbs.sh", "#!/bin/sh\necho $1:a\necho $1:b\n", 0o755)
        self.write("more.txt", "h1/h1:c\n")
        self.write("c.toml", """[nodes]
levels = ["host", "db"]
[[nodes.sources]]
source = "script"
command = ["./hosts.sh"]
[[nodes.sources]]
source = "script"
command = ["./dbs.sh"]
parent_level = "host"
[[nodes.sources]]
source = "file"
path = "more.txt"
parent_level = "host"
""" + job("j", "true"))
        self.assertRegex(self.bistro("run", "c.toml")[0], r"j +db +5 +5")
        self.write("hosts.sh", "#!/bin/sh\necho broken >&2; exit 1\n", 0o755)
        text = self.read("c.toml").replace('command = ["./hosts.sh"]', 'command = ["./hosts.sh"]\nretries = 0')
        self.write("c.toml", text)
        _, err = self.bistro("run", "c.toml", code=3)
        self.assertIn("exit code 1 (broken)", err)


class BadInput(BistroTest):
    def test_bad_usage(self):
        for arguments in ((), ("frobnicate",), ("run",), ("run", "c.toml", "--", "true"), ("run", "--nodes", "x"),
                          ("run", "--nodes", "missing", "--", "true"), ("check",), ("tasks", "--limit", "x"),
                          ("status", "--scheduler", "nonsense")):
            out, err = self.bistro(*arguments, code=2)
            self.assertTrue(out + err, arguments)
        self.assertIn('did you mean "run"', self.bistro("runn", code=2)[1])
        self.write("c.toml", CONFIG + job("j", "true"))
        self.assertIn("--nodes", self.bistro("run", "c.toml", "--retries", "1", code=2)[1])
        self.bistro("check", "--", "c.toml")
        for arguments in (("simulate", "c.toml", "--seed", "-1"), ("simulate", "c.toml", "--seed", "9" * 20),
                          ("tasks", "--limit", "-1"), ("logs", "j", "--limit", "9" * 20)):
            self.assertIn("is no whole number", self.bistro(*arguments, code=2)[1])
        self.write("names", "h/a\n")
        for limits in (("host=0",), ("host=2", "host=1")):
            options = [word for limit in limits for word in ("--limit", limit)]
            self.assertIn("--limit", self.bistro("run", "--nodes", "names", *options, "--", "true", code=2)[1])
        for arguments in (("import", "."), ("run", "--nodes", ".", "--", "true"), ("check", ".")):
            self.assertIn("irectory", self.bistro(*arguments, code=2)[1])
        self.assertIn("bistro 0.", self.bistro("--version")[0])

    def test_answers_as_json(self):
        self.write("c.toml", forest(1, 2) + job("good", "true") + job("bad", "exit 1", 'backoff = ["fail"]'))
        out, _ = self.bistro("check", "c.toml", "--json")
        self.assertEqual(json.loads(out), {"version": 1, "config": "c.toml", "good": True, "errors": []})
        out, _ = self.bistro("run", "c.toml", "--json", code=1)
        answer = json.loads(out)
        self.assertEqual([(j["job"], j["tasks"]["done"], j["tasks"]["failed"]) for j in answer["jobs"]],
                         [("good", 2, 0), ("bad", 0, 2)])
        self.write("c.toml", "levels = 3\n")
        out, _ = self.bistro("check", "c.toml", "--json", code=2)
        answer = json.loads(out)
        self.assertFalse(answer["good"])
        self.assertEqual((answer["errors"][0]["file"], answer["errors"][0]["line"]), ("c.toml", 1))
        self.assertTrue(answer["errors"][0]["text"])

    def test_bad_configs_change_nothing_and_say_where(self):
        self.assertIn("No such file", self.bistro("run", "missing.toml", code=2)[1])
        self.write("broken.toml", "[nodes\n")
        self.assertIn("broken.toml:1:", self.bistro("run", "broken.toml", code=2)[1])
        self.write("typo.toml", CONFIG + job("j", "true") + "prioritty = 1\n[schedulr]\n")
        _, err = self.bistro("check", "typo.toml", code=2)
        self.assertIn('did you mean "priority"?', err)
        self.assertIn('did you mean "scheduler"?', err)
        self.assertFalse(os.path.exists(self.path("state")))
        self.write("bytes.toml", b"\xff\xfe\x00")
        self.bistro("check", "bytes.toml", code=2)

    def test_errors_of_nodes_and_of_the_rest_are_told_at_once(self):
        self.write("c.toml", """[nodes]
levels = ["host", "db"]
[[nodes.sources]]
source = "manual"
[nodes.sources.nodes]
h1 = {}
d1 = { parent = "nope" }
[resources.worker]
slot = { limit = 1 }
[simulate.workers]
w1 = { sltos = 1 }
[worker]
data_dir = ""
[jobs]
""")
        _, err = self.bistro("check", "c.toml", code=2)
        for expected in ('c.toml:7:6: error: node "d1" of level "db" names the parent "nope"', "c.toml:11:6: error: \"sltos\" is no resource",
                         'c.toml:13:12: error: "data_dir" is empty', "c.toml:14:1: error: there is no job", "c.toml: 4 errors"):
            self.assertIn(expected, err)

    def test_a_stopped_run_is_not_done_and_its_config_may_be_broken_meanwhile(self):
        self.write("nodes", "-rf\na\n--help\n")
        self.write("c.toml", """[nodes]
levels = ["db"]
[[nodes.sources]]
source = "file"
path = "nodes"
[resources.worker]
slot = { limit = 9 , default = 1 }
""" + job("j", "exec sleep 1000"))
        run = self.start("run", "c.toml", "--data-dir", "state")
        running = lambda: [t["node"] for t in self.json("tasks", "--state", "running", "--config", "c.toml")["tasks"]]
        self.wait_until(lambda: os.path.exists(self.path("state/jobs/j")) and len(running()) == 3, "three tasks")
        self.write("c.toml", self.read("c.toml") + "prioritty = 1\n")
        out, err = self.bistro("kill", "j", "--config", "c.toml", "--", "-rf")
        self.assertIn("1 task signaled", out)
        self.assertIn('did you mean "priority"?', err)
        self.bistro("stop", "--config", "c.toml")
        self.assertEqual(run.wait(timeout=DEADLINE_S), 1, self.read(run.log))

    def test_a_data_directory_that_cannot_be_used(self):
        self.write("c.toml", CONFIG + job("j", "true"))
        self.write("file", "x")
        self.assertIn("--data-dir", self.bistro("run", "c.toml", "--data-dir", "file/state", code=3)[1])
        os.mkdir(self.path("state"))
        self.write("state/statuses.sqlite", "garbage, not a database, for sure")
        self.assertIn("no SQLite database", self.bistro("run", "c.toml", code=3)[1])
        self.assertEqual(self.read("state/statuses.sqlite"), "garbage, not a database, for sure")

    def test_two_runs_do_not_share_a_data_directory(self):
        self.write("c.toml", CONFIG + job("j", "touch started; exec sleep 1000"))
        process = self.start("run", "c.toml")
        self.wait_until(lambda: os.path.exists(self.path("state/jobs/j/started")), "the first run")
        self.assertIn("in use by another scheduler", self.bistro("run", "c.toml", code=3)[1])
        self.stop(process)

    def test_a_full_disk_for_stdout(self):
        self.write("c.toml", CONFIG + job("j", "true"))
        with open("/dev/full", "w") as full:
            run = subprocess.run([BISTRO, "run", "c.toml"], cwd=self.folder, stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(run.returncode, 3)
        self.assertIn("stdout can't be written to: No space left", run.stderr)

    def test_a_full_disk_for_the_event_log(self):
        self.write("c.toml", CONFIG + job("j", "true"))
        _, err = self.bistro("run", "c.toml", "--events", "/dev/full", code=3)
        self.assertIn("No space left on device", err)
        tasks = self.json("tasks", "j", "--state", "done", "--config", "c.toml")
        self.assertNotEqual(tasks["tasks"], [], "the work is done all the same")

    def test_a_full_disk_for_the_stores(self):
        os.mkdir(self.path("state"))
        small_disk = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=2m none "$0" && exec "$@"', self.path("state"))
        if subprocess.run([*small_disk, "true"], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("may not mount a small file system here")
        self.write("c.toml", CONFIG + job("j", "while [ ! -e ../../../go ]; do sleep 0.02; done; echo $1 >> ../../../ran"))
        run = self.start("run", "c.toml", before=small_disk)
        state = f"/proc/{run.pid}/root{self.path('state')}"
        self.wait_until(lambda: os.path.isdir(state + "/jobs/j"), "a task")
        with open(state + "/ballast", "wb", buffering=0) as ballast:
            with self.assertRaisesRegex(OSError, "No space left"):
                while True:
                    ballast.write(bytes(1024))
        self.write("go", "")
        self.wait_until(lambda: "disk is full" in self.read(run.log), "what is wrong")
        os.unlink(state + "/ballast")
        self.assertEqual(run.wait(timeout=DEADLINE_S), 0, self.read(run.log))
        self.assertEqual(sorted(self.read("ran").split()), sorted(f"host{h}:db{d}" for h in (1, 2, 3) for d in (1, 2, 3, 4)))

    def test_names_with_nul_bytes(self):
        self.write("nodes", b"a\nb\0c\nd\n")
        self.assertIn("nodes:2:1: error: a node name contains a NUL byte", self.bistro("run", "--nodes", "nodes", "--", "true", code=2)[1])
        self.write("list.sh", "#!/bin/sh\nprintf 'x\\0y\\nz\\n\\377\\n\\376\\n'", 0o755)
        self.write("c.toml", """[nodes]
levels = ["db"]
[[nodes.sources]]
source = "file"
path = "nodes"
[[nodes.sources]]
source = "script"
command = ["./list.sh"]
parent_level = "instance"
""" + job("j", "echo $1 >> ran"))
        _, err = self.bistro("run", "c.toml", "--data-dir", "state", code=1)
        self.assertIn("there were problems with the nodes", err)
        self.assertIn('contains a NUL byte: "b\\x00c"', err)
        self.assertIn('contains a NUL byte: "x\\x00y"', err)
        with open(self.path("state/jobs/j/ran"), "rb") as ran:
            self.assertEqual(sorted(ran.read().split()), [b"a", b"d", b"z", b"\xfe", b"\xff"], "names are bytes")
        self.write("bad.toml", '[jobs."j\\u0000\\u001b"]\nowner = "o"\ncommand = ["e\\u0000"]\n')
        _, err = self.bistro("check", "bad.toml", code=2)
        self.assertIn("contains a NUL byte, which no process can be given", err)
        self.assertNotRegex(err, "[\0\x1b]")


class OneLine(BistroTest):
    def test_it_replaces_xargs(self):
        self.write("nodes", "a\nb\nc d\n")
        out, _ = self.bistro("run", "--nodes", "nodes", "-j", "2", "--", "echo", "hello")
        self.assertEqual(sorted(out.splitlines()), ["hello a", "hello b", "hello c d"])
        out, _ = self.bistro("run", "--nodes", "--", "--", "echo", "<{}>", input="x\ny\n")
        self.assertEqual(sorted(out.splitlines()), ["<x>", "<y>"])
        out, _ = self.bistro("run", "--nodes", "-", "--tag", "--", "echo", input="x\n")
        self.assertEqual(out, "x\tx\n")

    def test_limits_by_level(self):
        self.write("nodes", "".join(f"h{h}/h{h}-{i}\n" for h in range(3) for i in range(5)))
        self.bistro("run", "--nodes", "nodes", "--limit", "host=2", "-j", "100", "--events", "e", "--", "sh", "-c", "sleep 0.05", "{}")
        self.assertEqual(set(max_concurrent(self.events("e"), lambda e: e["path"][1]).values()), {2})
        for bad in ("host", "host=x", "rack=1", "host=-1"):
            self.bistro("run", "--nodes", "nodes", "--limit", bad, "--", "true", code=2)

    def test_failures_retries_and_exit_codes(self):
        self.write("nodes", "a\n")
        self.bistro("run", "--nodes", "nodes", "--", "false", code=1)
        self.bistro("run", "--nodes", "nodes", "--retries", "1", "--", "sh", "-c", "[ -e {}.again ] || { touch {}.again; exit 1; }")
        self.write("empty", "")
        self.bistro("run", "--nodes", "empty", "--", "true")
        self.write("twice", "a\na\n")
        self.assertIn("more than once", self.bistro("run", "--nodes", "twice", "--", "true", code=2)[1])
        self.write("mixed", "h/a\nb\n")
        self.assertIn("one way", self.bistro("run", "--nodes", "mixed", "--", "true", code=2)[1])

    def test_failures_are_told(self):
        self.write("nodes", "a\n")
        for command, why in ((["nosuchcommand"], "there is no such program"), (["/etc/passwd"], "Permission denied"),
                             (["sh", "-c", "exit 3"], "3")):
            err = self.bistro("run", "--nodes", "nodes", "--", *command, code=1)[1]
            self.assertIn(why, err)
            self.assertIn("1 task of 1 failed", err)
        err = self.bistro("run", "--nodes", "nodes", "--timeout", "1", "--", "sh", "-c", "sleep 10", code=1)[1]
        self.assertIn("timed out", err)

    def test_a_reader_that_goes_and_a_full_disk_end_it(self):
        self.write("nodes", "a\n")
        run = f"{BISTRO} run --nodes nodes -- sh -c 'while :; do echo x; sleep 0.01; done'"
        result = subprocess.run(["bash", "-c", f"set -o pipefail; {run} | head -1"], cwd=self.folder, capture_output=True,
                                text=True, env=self.environment, timeout=DEADLINE_S)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (141, "x\n", ""))
        with open("/dev/full", "w") as full:
            result = subprocess.run(["bash", "-c", run], cwd=self.folder, stdout=full, stderr=subprocess.PIPE, text=True,
                                    env=self.environment, timeout=DEADLINE_S)
        self.assertEqual(result.returncode, 3)
        self.assertIn("No space left", result.stderr)

    def test_tasks_run_here_and_nothing_is_left(self):
        self.write("nodes", "a\n")
        out, _ = self.bistro("run", "--nodes", "nodes", "--", "sh", "-c", "pwd")
        self.assertEqual(out.strip(), os.path.realpath(self.folder))
        self.assertEqual(os.listdir(self.folder), ["nodes"])


class ImportAndSimulate(BistroTest):
    def test_the_first_run_of_the_original(self):
        self.write("simple.json", json.dumps(FIRST_RUN))
        _, err = self.bistro("import", "simple.json", "-o", "simple.toml")
        self.assertIn("has no command", err)
        _, err = self.bistro("import", "simple.json", "-o", "simple.toml", code=2)
        self.assertIn("simple.toml: error: exists already", err)
        self.bistro("check", "simple.toml")
        out, _ = self.bistro("run", "simple.toml", "--events", "events.jsonl")
        self.assertRegex(out, r"simple_job +level2 +4 +4")
        self.assertLessEqual(max(max_concurrent(self.events(), lambda e: "all").values()), 3)
        self.write("broken.json", "{")
        self.bistro("import", "broken.json", code=2)
        self.bistro("import", "missing.json", code=2)

    def test_a_simulation_is_repeatable(self):
        self.write("c.toml", CONFIG + job("j", "true") + "[simulate]\nduration = { distribution = \"constant\", mean_s = 1 }\n")
        report = json.loads(self.bistro("simulate", "c.toml", "--events", "e1", "--seed", "3", "--json")[0])
        self.assertEqual(report["makespan_s"], 3.0)
        self.bistro("simulate", "c.toml", "--events", "e2", "--seed", "3")
        self.assertEqual(self.read("e1"), self.read("e2"))
        self.assertEqual(max(max_concurrent(self.events("e1"), lambda e: "all").values()), 4)
        self.assertFalse(os.path.exists(self.path("state")), "nothing is run, nothing is kept")


class Terminal(BistroTest):
    def test_bars_on_a_terminal_and_plain_lines_elsewhere(self):
        self.write("c.toml", CONFIG + job("j", "sleep 0.1"))
        out, _ = self.bistro("run", "c.toml")
        self.assertNotIn("\x1b", out)
        script = subprocess.run(["script", "-qec", f"stty cols 60 rows 10; {os.environ['BISTRO']} run c.toml --clean", "/dev/null"], cwd=self.folder,
                                env={**self.environment, "TERM": "xterm"}, capture_output=True, text=True, timeout=60)
        self.assertEqual(script.returncode, 0, script.stdout)
        self.assertIn("█", script.stdout)
        self.assertIn("\x1b[", script.stdout)
        dumb = subprocess.run(["script", "-qec", f"{BISTRO} run c.toml --clean", "/dev/null"], cwd=self.folder,
                              env={**self.environment, "TERM": "dumb"}, capture_output=True, text=True, timeout=60)
        self.assertEqual(dumb.returncode, 0, dumb.stdout)
        self.assertNotIn("\x1b", dumb.stdout)


class Shells(BistroTest):
    def test_bash_completes_commands_and_options(self):
        script = self.bistro("completion", "bash")[0]
        def complete(*words):
            call = f"COMP_WORDS=({' '.join(words)} ''); COMP_CWORD=$((${{#COMP_WORDS[@]}}-2)); _bistro; echo ${{COMPREPLY[*]}}"
            return subprocess.run(["bash", "-c", script + call], capture_output=True, text=True, check=True).stdout.split()
        self.assertEqual(complete("bistro", "exp"), ["explain"])
        self.assertEqual(complete("bistro", "tasks", "--st"), ["--state"])
        self.assertIn("--watch", complete("bistro", "tasks", "-"))

    def test_the_other_shells_and_man_can_read_what_is_for_them(self):
        for shell in ("zsh", "fish"):
            script = self.bistro("completion", shell)[0]
            self.assertIn("explain", script)
            if shutil.which(shell):
                self.write(shell, script)
                subprocess.run([shell, "-n", self.path(shell)], check=True)
        page = self.bistro("manual")[0]
        self.assertIn(".SS explain JOB [NODE]", page)
        self.assertIn(".SH OPTIONS", self.bistro("manual", "explain")[0])
        self.assertIn("no command", self.bistro("manual", "nope", code=2)[1])
        self.bistro("manual", "--into", self.folder)
        self.assertEqual(self.read("bistro.1"), page)
        self.assertIn(".B bistro\nwait JOB\n", self.read("bistro-wait.1"))
        pages = [name for name in os.listdir(self.folder) if name.endswith(".1")]
        self.assertGreater(len(pages), 20)
        for name in pages:
            self.assertFalse([line for line in self.read(name).splitlines() if line.startswith("'")], name)
            if shutil.which("groff"):
                done = subprocess.run(["groff", "-man", "-Tascii", "-ww", self.path(name)], capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stderr), (0, ""), name)

    def test_colours_are_only_for_terminals_that_want_them(self):
        self.write("c.toml", forest(1, 1) + job("j", "true"))
        for variables, coloured in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
            with self.subTest(variables):
                leader, follower = pty.openpty()
                process = subprocess.Popen([BISTRO, "run", "c.toml"], cwd=self.folder, stdin=follower, stdout=follower, stderr=follower,
                                           env={**self.environment, "TERM": "xterm", **variables})
                os.close(follower)
                shown = b""
                try:
                    while part := os.read(leader, 10_000):
                        shown += part
                except OSError:
                    pass
                os.close(leader)
                self.assertEqual(process.wait(DEADLINE_S), 0)
                self.assertEqual(b"\x1b[3" in shown, coloured, shown)
        self.assertIn("bash", self.bistro("completion", "tcsh", code=2)[1])


if __name__ == "__main__":
    unittest.main()
