"""The console on real processes: a scheduler, a worker of its own, and a terminal."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import sqlite3
import struct
import termios
import time
import unittest

from support import BISTRO, BistroTest, forest

CONFIG = "[scheduler]\ndata_dir = \"state\"\n" + forest(1, 30).replace("levels", 'order = "original"\nlevels', 1) + "[resources.host]\nslots = { limit = 1, default = 1 }\n" + \
    "[jobs.j]\nowner = \"test\"\ncommand = [\"sh\", \"-c\", \"echo hello; sleep 0.1\"]\n"


class ConsoleTest(BistroTest):
    def setUp(self):
        super().setUp()
        self.write("c.toml", CONFIG)
        self.scheduler = self.start("scheduler", "c.toml")
        self.wait_until(lambda: os.path.exists(self.path("state/scheduler.address")), "an address")
        self.worker = None

    def console(self, *commands, code=0, more=()):
        arguments = [a for c in commands for a in ("-c", c)]
        return self.bistro("console", *more, *arguments, code=code)

    def rows(self, command, *more):
        out, _ = self.bistro("console", "--json", *more, "-c", command)
        return [row for row in map(json.loads, out.splitlines()) if "note" not in row]

    def start_worker(self):
        self.worker = self.start("worker", "c.toml", "--shard", "w", "--data-dir", "worker")
        self.wait_until(lambda: "joined" in self.read(self.worker.log), "a member")

    def terminal(self, *arguments):
        """The program on a terminal: its descriptor, a wait for what it shows, and one for its end."""
        pid, fd = pty.fork()
        self.terminal_pid = pid
        if pid == 0:
            os.chdir(self.folder)
            os.execve(BISTRO, [BISTRO, *arguments], {**self.environment, "TERM": "xterm"})
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
        shown = ""

        def until(pattern):
            nonlocal shown
            end = time.monotonic() + 30
            while not re.search(pattern, shown):
                self.assertLess(time.monotonic(), end, f"{pattern} did not come; shown: {shown!r}")
                if select.select([fd], [], [], 0.1)[0]:
                    shown += os.read(fd, 65536).decode(errors="replace")
            shown = ""

        return fd, until, lambda: os.waitpid(pid, 0)[1]

    def test_top_shows_and_acts(self):
        self.start_worker()
        fd, until, end = self.terminal("top")
        try:
            until("> j .*30")
            os.write(fd, b"p")
            until("pause j\\? y or n")
            os.write(fd, b"y")
            until("j \\(paused\\)")
            os.write(fd, b"4")
            until("w .*healthy")
            os.write(fd, b"q")
            self.assertEqual(end(), 0)
        finally:
            os.close(fd)
        _, err = self.bistro("top", code=2)
        self.assertIn("needs a terminal", err)

    def test_ctrl_c_in_top_gives_the_terminal_back(self):
        for key, sent in ((b"\x03", signal.SIGINT), (None, signal.SIGTERM)):
            fd, until, end = self.terminal("top")
            try:
                before = termios.tcgetattr(fd)
                until("> j .*30")
                self.assertFalse(termios.tcgetattr(fd)[3] & termios.ICANON)
                if key:
                    os.write(fd, key)
                else:
                    os.kill(self.terminal_pid, sent)
                until(re.escape("\x1b[?1049l"))
                self.assertEqual(os.waitstatus_to_exitcode(end()), -sent)
                self.assertEqual(termios.tcgetattr(fd)[3] & termios.ICANON, before[3] & termios.ICANON)
            finally:
                os.close(fd)

    def test_actions_answer_as_json(self):
        for words in (["pause", "j"], ["resume", "j"], ["forgive", "j"], ["retry", "j", "--count"]):
            with self.subTest(words):
                answer = self.json(*words)
                self.assertEqual((answer["version"], answer["ok"]), (1, True))
                self.assertTrue(answer["text"])
        out, _ = self.bistro("kill", "j", "--json", code=1)
        self.assertFalse(json.loads(out)["ok"])
        self.write("new.toml", "[jobs.good]\nowner = \"x\"\ncommand = [\"true\"]\n[jobs.bad]\nowner = \"x\"\n")
        out, _ = self.bistro("submit", "new.toml", "--json", code=2)
        self.assertEqual([json.loads(line)["ok"] for line in out.splitlines()], [False, True])
        self.assertTrue(self.json("delete", "good")["ok"])
        self.assertNotIn("tasks", self.json("pause", "j"))
        self.json("resume", "j")
        self.assertTrue(self.json("stop")["ok"])

    def test_ctrl_c_ends_top_also_when_the_scheduler_hangs(self):
        fd, until, end = self.terminal("top")
        try:
            until("> j .*30")
            self.scheduler.send_signal(signal.SIGSTOP)
            os.write(fd, b"4")
            time.sleep(1.5)  # it asks again each second, and waits for the answer by then
            begun = time.monotonic()
            os.write(fd, b"\x03")
            until(re.escape("\x1b[?1049l"))
            self.assertEqual(os.waitstatus_to_exitcode(end()), -signal.SIGINT)
            self.assertLess(time.monotonic() - begun, 10)
        finally:
            self.scheduler.send_signal(signal.SIGCONT)
            os.close(fd)

    def test_what_is_empty_or_unknown_acts_on_nothing(self):
        self.start_worker()
        self.wait_until(lambda: self.json("status")["tasks"]["running"], "a task")
        table = [["kill", ""], ["kill", "j", ""], ["kill", "nope"], ["kill"], ["forgive", ""], ["forgive", "nope"],
                 ["retry", "", "--yes"], ["retry", "j", "--error", "", "--yes"], ["retry", "j", "--nodes", "", "--yes"],
                 ["retry", "j", "--cause", "", "--yes"], ["retry", "j", "--nodes", "(", "--yes"], ["pause", ""],
                 ["pause", "nope"], ["resume", "nope"], ["delete", ""], ["delete", "nope"], ["submit", ""],
                 ["submit", "nowhere.toml"], ["wait", ""], ["wait", "nope"], ["wait", "j", "--timeout", "-1"],
                 ["explain", ""], ["explain", "j", ""], ["tasks", ""], ["tasks", "j", "--state", "x"],
                 ["logs", ""], ["logs", "nope"], ["failures", "nope"], ["levels", ""], ["slowest", "nope"], ["nodes", ""],
                 ["status", "extra"], ["jobs", "--watch", "x"], ["nonsense"],
                 *([verb, name] for verb in ("kill", "forgive", "pause", "resume", "delete", "wait", "explain", "tasks", "failures",
                                             "levels", "slowest", "nodes") for name in ("\udcff", "x" * 2000, "a\nb"))]
        for words in table:
            with self.subTest(words):
                out, err = self.bistro(*words, code=2)
                self.assertEqual(out, "")
                self.assertGreater(len(err), 10)
        jobs = self.json("jobs")["jobs"]
        self.assertEqual([(j["job"], j["enabled"]) for j in jobs], [("j", True)])
        self.assertEqual(jobs[0]["tasks"]["failed"] + jobs[0]["tasks"]["backoff"], 0, "nothing was killed")

    def test_a_worker_may_have_quotes_in_its_name(self):
        self.start("worker", "c.toml", "--shard", "o'brien", "--data-dir", "w4")
        self.wait_until(lambda: self.json("workers")["workers"], "a member")
        self.assertTrue(self.rows("tree", "--worker", "o'brien"))
        out, _ = self.bistro("console", "-c", "of o'brien", "-c", "actors worker")
        self.assertIn("worker", out)

    def test_failures_slowest_retry_and_nodes(self):
        self.write("bad.toml", "[jobs.bad]\nowner = \"test\"\nbackoff = [\"fail\"]\n"
                   "command = [\"sh\", \"-c\", \"echo no space on $0 >&2; exit 4\"]\n")
        self.bistro("submit", "bad.toml")
        self.start_worker()
        self.wait_until(lambda: self.json("failures", "bad")["jobs"][0]["failures"], "a failure")
        self.bistro("wait", "bad", code=1)
        groups = self.json("failures")["jobs"]
        self.assertEqual([len(g["failures"]) for g in groups], [0, 1])
        self.assertEqual(groups[1]["failures"][0]["cause"], "exit code 4: no space on {node}")
        self.assertEqual(groups[1]["failures"][0]["tasks"], 30)
        out, _ = self.bistro("failures")
        self.assertIn("bistro retry bad --cause 'exit code 4: no space on {node}'", out)
        self.assertEqual(self.bistro("retry", "bad", "--count", "--nodes", "db1$")[0], "1 task of job bad would be retried\n")
        self.bistro("retry", "bad", input="", code=2)
        self.bistro("retry", "bad", "--status", "done", code=2)
        self.bistro("retry", "nobody", "--yes", code=2)
        self.assertEqual(self.bistro("retry", "bad", "--count", "--cause", "no space")[0],
                         "0 tasks of job bad would be retried\n")
        self.assertEqual(self.bistro("retry", "--job", "bad", "--yes", "--error", "no space")[0], "30 tasks forgiven\n")
        self.assertTrue(self.json("slowest", "j")["slowest"])
        row = self.json("nodes")["nodes"][0]
        self.assertEqual((row["node"], row["children"], row["tasks"]["total"]), ("host1", 30, 60))
        self.assertIn("below instance / host1", self.bistro("nodes", "host1", "--limit", "3")[0])
        self.bistro("nodes", "nowhere", code=2)

    def test_a_profile_names_a_scheduler(self):
        with open(self.path("state/scheduler.address")) as f:
            port = re.search(r":(\d+)|\"port\":\s*(\d+)", f.read())
        port = next(g for g in port.groups() if g)
        os.makedirs(self.path("config/bistro"))
        self.environment["XDG_CONFIG_HOME"] = self.path("config")
        secret = self.path("state/secret")
        self.write("config/bistro/night.toml", f'[worker]\nscheduler = "127.0.0.1:{port}"\nsecret_file = "{secret}"\n')
        self.assertEqual(self.json("status", "--profile", "night")["jobs"], 1)
        self.environment["BISTRO_PROFILE"] = "night"
        elsewhere = self.path("elsewhere")
        os.mkdir(elsewhere)
        self.folder, before = elsewhere, self.folder
        self.assertEqual(self.json("jobs")["jobs"][0]["job"], "j")
        self.folder = before
        self.environment["BISTRO_PROFILE"] = "day"
        self.assertIn("day.toml", self.bistro("jobs", code=3)[1])
        self.assertEqual(self.json("jobs", "--data-dir", "state")["jobs"][0]["job"], "j")
        self.bistro("jobs", "--profile", "../night", code=3)
        self.bistro("jobs", "--profile", "night", "--data-dir", "state", code=2)

    def test_the_log_is_as_it_was_asked_for(self):
        entries = lambda process: [json.loads(line) for line in self.read(process.log).splitlines()]
        lonely = self.start("worker", "--scheduler", "127.0.0.1:1", "--data-dir", "w2", "--log-format", "json",
                            "--log-level", "error", "--log-level", "network=info")
        self.wait_until(lambda: "waiting for the scheduler" in self.read(lonely.log), "a line of the network")
        self.stop(lonely)
        self.assertEqual({entry["component"] for entry in entries(lonely)}, {"network"})
        member = self.start("worker", "c.toml", "--shard", "quiet", "--data-dir", "w3", "--log-format", "json",
                            "--log-level", "worker=error")
        self.wait_until(lambda: [w["connected"] for w in self.json("workers")["workers"]], "a member")
        self.stop(member)
        self.assertEqual({entry["component"] for entry in entries(member)}, {"program"}, "it has joined, and does not say so")
        for entry in entries(lonely) + entries(member):
            self.assertLessEqual({"ts", "level", "component", "msg"}, set(entry))
        self.bistro("worker", "--log-level", "loud", code=2)
        bare = self.start("scheduler", "c.toml", "--data-dir", "other", "--no-console", "--log-format", "logfmt")
        self.wait_until(lambda: "listens" in self.read(bare.log), "a start")
        self.assertRegex(self.read(bare.log), r'(?m)^ts=\S+ level=info component=program msg="scheduler listens on [\d.:]+"$')
        _, err = self.bistro("console", "--data-dir", "other", "-c", "actors", code=2)
        self.assertIn("this process has no console", err)

    def test_each_process_shows_its_actors(self):
        self.start_worker()
        here = {row["actor"] for row in self.rows("actors")}
        self.assertLessEqual({"scheduler", "resource_pool", "gateway", "job j", "status_store", "console"}, here)
        there = {row["actor"] for row in self.rows("actors", "--worker", "w")}
        self.assertLessEqual({"worker", "connector", "log_store"}, there)
        self.assertNotIn("scheduler", there)
        peers = self.rows("peers")
        self.assertEqual({row["direction"] for row in peers}, {"in"})
        self.assertEqual([row["direction"] for row in self.rows("peers", "--worker", "w")], ["out"])
        self.assertRegex(self.rows("leases")[0]["state"], "^healthy, heard")
        scheduler = self.rows("actors scheduler")
        self.assertIsInstance(scheduler[0]["id"], int)
        note = self.bistro("console", "--json", "-c", "actors scheduler")[0].splitlines()[-1]
        self.assertRegex(json.loads(note)["note"], "actors? live, ")
        self.assertEqual({row["actor"] for row in self.rows("inspect \"job j\"") + self.rows("inspect 'job j'")}, {"job j"})

    def test_an_actor_that_hangs_is_shown_with_what_it_is_at(self):
        """The status store is kept from its file; whoever else waits is named, and the console answers."""
        self.start_worker()
        self.wait_until(lambda: self.json("status")["tasks"]["done"] >= 2, "some done")
        lock = sqlite3.connect(self.path("state/statuses.sqlite"))
        lock.execute("BEGIN EXCLUSIVE")
        try:
            busy = self.wait_until(lambda: [row["now"] for row in self.rows("actors status_store") if row["now"]],
                                   "a store that is at it")
            self.assertRegex(busy[0], "^commit_due for ")
            answer = self.rows("inspect status_store")
            self.assertIn("does not answer: it is at commit_due", [r["value"] for r in answer if r["what"] == "state"][0])
        finally:
            lock.rollback()
            lock.close()

    def test_a_trace_leads_through_both_processes(self):
        self.start_worker()
        trace = self.start("console", "--for", "50", "-c", "trace j host1:db30")
        self.wait_until(lambda: "forget it" in self.read(trace.log), "the end of its way")
        self.stop(trace, signal.SIGINT)
        steps = re.findall(r"^\S+  (\S+/\S+).*?  (\w+): ", self.read(trace.log), re.M)
        for step in [("w/worker", "start_tasks"), ("w/task", "process_ended"), ("w/worker", "task_ended"),
                     ("scheduler/resource_pool", "tasks_finished"), ("scheduler/status_store", "record_statuses"),
                     ("scheduler/resource_pool", "results_durable"), ("w/worker", "acknowledge_results")]:
            self.assertIn(step, steps)

    def test_a_tap_ends_with_ctrl_c_and_never_shows_the_secret(self):
        tap = self.start("console", "-c", "tap gateway")
        self.wait_until(lambda: "console_asked" in self.read(tap.log), "its own question")
        self.bistro("jobs")
        self.wait_until(lambda: "jobs_asked" in self.read(tap.log), "a question")
        tap.send_signal(signal.SIGINT)
        self.assertEqual(tap.wait(timeout=20), 0)
        self.assertNotIn(self.read("state/secret").strip(), self.read(tap.log))
        self.assertIn('jobs_asked("***")', self.read(tap.log))

    def test_mistakes_are_named_and_end_a_script(self):
        _, err = self.console("actor", "tree", code=2)
        self.assertEqual(err, 'there is no command "actor", did you mean "actors"?\n')
        _, err = self.console("inspect nobody", code=2)
        self.assertIn('there is no actor "nobody"', err)
        _, err = self.console("tree", more=["--worker", "nobody"], code=2)
        self.assertIn('there is no worker "nobody"', err)
        _, err = self.console("x" * 2000, code=2)
        self.assertIn("not valid", err)
        _, err = self.bistro("console", "127.0.0.1:1", "-c", "tree", code=3)
        self.assertIn("no scheduler answers at 127.0.0.1:1", err)
        out, _ = self.bistro("console", input="help\n\nlog\n")
        self.assertIn("who spawned whom", out)
        self.assertIn("network", out)

    def test_log_levels_change_while_it_runs(self):
        self.assertEqual({r["level"] for r in self.rows("log")}, {"info"})
        self.console("log worker off", "log scheduler error")
        self.start_worker()
        self.worker.kill()
        self.worker.wait()
        self.wait_until(lambda: not self.json("workers")["workers"][0]["connected"], "a lost connection")
        self.assertNotIn("is lost", self.read(self.scheduler.log))

    def test_the_terminal_completes_and_remembers(self):
        self.environment["XDG_STATE_HOME"] = self.path("home")
        fd, until, end = self.terminal("console")
        try:
            until("bistro> ")
            os.write(fd, b"que\t\n")
            until("results that are not durable")
            os.write(fd, b"inspect sched\t\n")
            until("round_robin")
            os.write(fd, b"t\t")
            until("tap  trace  tree")
            os.write(fd, b"ap gateway\n")
            until("console_asked")
            os.write(fd, b"\x03")
            until("bistro> ")
            os.write(fd, b"\x10")  # the line before
            until("tap gateway")
            os.write(fd, b"\x15quit\n")
            self.assertEqual(end(), 0)
        finally:
            os.close(fd)
        self.assertIn("queues", self.read("home/bistro/console_history"))


if __name__ == "__main__":
    unittest.main()
