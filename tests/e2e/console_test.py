"""The console on real processes: a scheduler, a worker of its own, and a terminal."""

import json
import os
import pty
import re
import select
import signal
import sqlite3
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
        return [json.loads(line) for line in out.splitlines()]

    def start_worker(self):
        self.worker = self.start("worker", "c.toml", "--shard", "w", "--data-dir", "worker")
        self.wait_until(lambda: "joined" in self.read(self.worker.log), "a member")

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
        _, err = self.console("x" * 2000, code=3)
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
        pid, fd = pty.fork()
        if pid == 0:
            os.chdir(self.folder)
            os.execve(BISTRO, [BISTRO, "console"], {**self.environment, "TERM": "xterm"})
        shown = ""

        def until(pattern):
            nonlocal shown
            end = time.monotonic() + 30
            while not re.search(pattern, shown):
                self.assertLess(time.monotonic(), end, f"{pattern} did not come; shown: {shown!r}")
                if select.select([fd], [], [], 0.1)[0]:
                    shown += os.read(fd, 65536).decode(errors="replace")
            shown = ""

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
            _, status = os.waitpid(pid, 0)
            self.assertEqual(status, 0)
        finally:
            os.close(fd)
        self.assertIn("queues", self.read("home/bistro/console_history"))


if __name__ == "__main__":
    unittest.main()
