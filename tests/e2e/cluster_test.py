"""bistro scheduler and bistro worker as processes that talk over TCP on loopback."""

import json
import os
import shutil
import signal
import socket
import unittest

from support import BistroTest, forest, job

CONFIG = """
[scheduler]
data_dir = "state"
backoff = [1, 2, "repeat"]
""" + forest(4, 5) + """[resources.host]
host_concurrency = { limit = 2, default = 1 }
[resources.worker]
slots = { limit = 4, default = 1 }
[workers]
heartbeat_ms = 300
unhealthy_after_ms = 1000
lost_after_ms = 4000
kill_ms = 1500
"""


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Cluster(BistroTest):
    def counts(self, name="j"):
        jobs = self.json("jobs", "--config", "c.toml")["jobs"]
        return next((j["tasks"] for j in jobs if j["job"] == name), {"done": 0, "running": 0, "total": 0})

    def wait_for_scheduler(self):
        self.wait_until(lambda: os.path.exists(self.path("state/scheduler.address")), "a scheduler")

    def worker(self, shard):
        return self.start("worker", "c.toml", "--shard", shard)

    @unittest.skipUnless(os.geteuid() == 0, "only root can be somebody else")
    def test_other_users_of_the_host_are_not_let_in(self):
        self.write("c.toml", CONFIG + job("j", "sleep 1000"))
        scheduler = self.start("scheduler", "c.toml")
        self.wait_until(lambda: os.path.exists(self.path("state/scheduler.address")), "a scheduler")
        with open(self.path("state/scheduler.address")) as f:
            port = json.load(f)["port"]
        os.seteuid(65534)
        try:
            stranger = socket.socket()
            stranger.settimeout(20)
            stranger.connect(("127.0.0.1", port))
        finally:
            os.seteuid(0)
        with stranger:
            try:
                self.assertEqual(stranger.recv(1), b"")
            except ConnectionResetError:
                pass
        self.wait_until(lambda: "another user of this host" in self.read(scheduler.log), "a line in the log")
        self.bistro("jobs", "--config", "c.toml")

    def test_two_workers_share_the_work_whoever_starts_first(self):
        self.write("c.toml", CONFIG + job("j", "echo from $BISTRO_NODE; sleep 0.05"))
        early = self.worker("early")
        self.wait_until(lambda: "waiting for the scheduler" in self.read(early.log), "a waiting worker")
        scheduler = self.start("scheduler", "c.toml", "--events", "events.jsonl")
        late = self.worker("late")
        self.wait_for_scheduler()
        self.wait_until(lambda: self.counts()["done"] == 20, "all tasks")
        lines = [json.loads(line) for line in self.bistro("logs", "j", "--json", "--config", "c.toml")[0].splitlines()]
        self.assertEqual(len(lines), 20, "logs of both workers")
        self.assertEqual({line["version"] for line in lines}, {1})
        status = self.json("status", "--config", "c.toml")
        self.assertEqual({(w["worker"], w["health"], w["connected"], w["awaited"]) for w in status["workers"]},
                         {("early", "healthy", True, False), ("late", "healthy", True, False)})
        self.assertEqual({w["pid"] for w in self.json("workers", "--config", "c.toml")["workers"]},
                         {early.pid, late.pid})
        self.assertRegex(self.bistro("workers", "--config", "c.toml")[0], "early .* healthy .* s ago")
        for process in (early, late, scheduler):
            self.assertEqual(self.stop(process), 0, self.read(process.log))
        starts = [e for e in self.events() if e["event"] == "start"]
        self.assertEqual(len(starts), 20)
        self.assertLessEqual({e["worker"] for e in starts}, {"early", "late"})

    def test_logs_are_followed_over_all_workers(self):
        self.write("c.toml", CONFIG + job("j", "for i in 1 2 3 4 5 6 7 8; do echo $1 $i; sleep 0.1; done"))
        scheduler = self.start("scheduler", "c.toml")
        workers = [self.worker("w1")]
        self.wait_for_scheduler()
        self.wait_until(lambda: self.counts()["running"] == 4, "running tasks")
        follower = self.start("logs", "j", "-f", "--limit", "10000", "--config", "c.toml")
        workers.append(self.worker("w2"))
        self.wait_until(lambda: self.counts()["done"] == 20, "all tasks")

        def followed():
            # A worker that is joining can't be asked for a moment, which is told; its lines come later.
            return [line for line in self.read(follower.log).splitlines() if not line.startswith("note: worker w2 ")]

        self.wait_until(lambda: len(followed()) >= 160, "all lines")
        self.assertEqual(len(followed()), 160)
        self.assertEqual(len(set(followed())), 160)
        follower.kill()
        self.stop(workers[1])
        for process in (workers[0], scheduler):
            self.stop(process)
        self.assertIn("no scheduler runs", self.bistro("logs", "j", "--config", "c.toml")[1])

    def test_scripts_that_list_nodes_end_with_their_source_and_with_the_scheduler(self):
        script = "trap : TERM INT; echo $$ >> pids; while :; do sleep 0.1; done"
        config = lambda more: ('[nodes]\nlevels = ["db"]\n[[nodes.sources]]\nsource = "script"\n'
                               f'command = ["/bin/sh", "-c", "{script}{more}"]\n' + job("j", "true"))
        pids = lambda: [int(pid) for pid in self.read("pids").split()] if os.path.exists(self.path("pids")) else []
        runs = lambda pid: os.path.exists(f"/proc/{pid}")
        self.write("c.toml", config(""))
        scheduler = self.start("scheduler", "c.toml")
        self.wait_until(lambda: len(pids()) == 1, "a script")
        self.write("c.toml", config("; true"))
        self.wait_until(lambda: len(pids()) == 2 and not runs(pids()[0]), "the other one in its place")
        self.assertTrue(runs(pids()[1]))
        self.assertEqual(self.stop(scheduler, signal.SIGINT), 0)
        self.assertFalse(runs(pids()[1]))

    def test_a_linked_config_is_watched_where_it_is(self):
        os.mkdir(self.path("elsewhere"))
        text = CONFIG.replace('"state"', f'"{self.folder}/state"')
        self.write("elsewhere/real.toml", text + job("j", "exec sleep 1000"))
        os.symlink("elsewhere/real.toml", self.path("c.toml"))
        scheduler = self.start("scheduler", "c.toml")
        self.wait_for_scheduler()
        self.write("elsewhere/real.toml", text + job("j", "exec sleep 1000") + job("k", "true"))
        self.wait_until(lambda: self.counts("k")["total"] == 20, "the new job")
        self.stop(scheduler)

    def test_a_changed_config_applies_and_a_broken_one_does_not(self):
        self.write("c.toml", CONFIG + job("j", "touch ran; [ -e go ] || exec sleep 1000"))
        scheduler = self.start("scheduler", "c.toml")
        worker = self.worker("w")
        self.wait_for_scheduler()
        self.wait_until(lambda: self.counts()["running"] == 4, "running tasks")
        self.write("c.toml", CONFIG + job("j", "touch ran; [ -e go ] || exec sleep 1000") + "broken = 1\n")
        self.wait_until(lambda: 'unknown key "jobs.j.broken"' in self.read(scheduler.log), "an error with its place")
        self.assertIn("config", self.json("status", "--data-dir", "state")["problems"])
        self.write("c.toml", CONFIG.replace("limit = 4", "limit = 6") + job("j", "touch ran; [ -e go ] || exec sleep 1000") + job("k", "echo k"))
        self.wait_until(lambda: self.counts("k")["total"] == 20, "the new job")
        self.wait_until(lambda: self.counts()["running"] + self.counts("k")["done"] >= 6, "the new limit")
        self.assertGreaterEqual(self.counts()["running"], 4, "what ran still runs")
        self.stop(worker)
        self.stop(scheduler)

    def test_kill_forgive_and_stop(self):
        self.write("c.toml", CONFIG.replace('[1, 2, "repeat"]', '["fail"]').replace("end = 4", "end = 1").replace("end = 5", "end = 1") +
                   job("j", "touch ran; [ -e go ] || exec sleep 1000"))
        scheduler = self.start("scheduler", "c.toml")
        self.worker("w")
        self.wait_for_scheduler()
        self.wait_until(lambda: self.counts()["running"] == 1, "a running task")
        self.assertIn("1 task signaled", self.bistro("kill", "j", "host1:db1", "--config", "c.toml")[0])
        self.wait_until(lambda: self.counts()["failed"] == 1, "its end")
        self.bistro("kill", "j", "host1:db1", "--config", "c.toml", code=1)
        told = json.loads(self.bistro("explain", "j", "host1:db1", "--json", "--config", "c.toml")[0])
        self.assertEqual((told["version"], told["cause"], told["errors"]), (1, "failed", 1))
        self.assertIn("bistro forgive j", self.bistro("explain", "j", "host1:db1", "--config", "c.toml")[0])
        self.bistro("explain", "j", "nowhere", "--config", "c.toml", code=2)
        for command in ("explain", "tasks", "logs", "forgive", "kill"):
            self.assertIn("did you mean", self.bistro(command, "jj", "--config", "c.toml", code=2)[1], command)
        worker_dir = next(d for d in os.listdir(self.folder) if d.startswith("worker-state"))
        self.write(f"{worker_dir}/jobs/j/go", "")
        self.assertIn("1 task forgiven", self.bistro("forgive", "j", "--config", "c.toml")[0])
        self.wait_until(lambda: self.counts()["done"] == 1, "its success")
        self.bistro("stop", "--config", "c.toml")
        self.assertEqual(scheduler.wait(timeout=30), 0)

    def test_tasks_of_a_killed_worker_run_again_elsewhere_and_never_twice_at_once(self):
        script = 'set -e; mkdir "lock-$1"; trap "rmdir lock-$1" EXIT; sleep 0.3; echo "$1" >> journal'
        extra = f'working_directory = "{self.folder}/shared"'
        os.mkdir(self.path("shared"))
        self.write("c.toml", CONFIG + job("j", script, extra))
        scheduler = self.start("scheduler", "c.toml", "--events", "events.jsonl")
        victim = self.worker("victim")
        self.wait_for_scheduler()
        self.wait_until(lambda: self.counts()["running"] == 4, "running tasks")
        victim.kill()
        victim.wait()
        for lock in os.listdir(self.path("shared")):
            if lock.startswith("lock-"):
                os.rmdir(self.path("shared/" + lock))  # KILL left no time for that
        self.worker("other")
        self.wait_until(lambda: self.counts()["done"] == 20, "all tasks")
        self.assertEqual(len(set(self.read("shared/journal").split())), 20)
        self.stop(scheduler)
        kinds = [e["event"] for e in self.events()]
        self.assertEqual(kinds.count("worker_lost"), 1)
        self.assertGreaterEqual(kinds.count("lost"), 1)

    def test_nothing_of_a_killed_worker_lives_on(self):
        # Children of a task's own, so that the signal at their parent's death does not reach them; one leaves the group.
        self.write("c.toml", CONFIG + job("j", "sleep 1000 & echo $! >> pids; setsid sleep 1000 & echo $! >> pids; wait"))
        scheduler = self.start("scheduler", "c.toml")
        worker = self.worker("w")
        self.wait_for_scheduler()

        def pids():
            return self.read("worker-state-w/jobs/j/pids").split()

        self.wait_until(lambda: self.counts()["running"] == 4 and len(pids()) == 8, "running tasks")
        worker.kill()
        worker.wait()
        self.wait_until(lambda: not any(alive(pid) for pid in pids()), "their end")
        self.stop(scheduler)

    def test_a_restarted_scheduler_adopts_what_still_runs(self):
        self.write("c.toml", CONFIG + job("j", "echo $1 >> ran; sleep 1"))
        scheduler = self.start("scheduler", "c.toml")
        self.worker("w")
        self.wait_for_scheduler()
        self.wait_until(lambda: self.counts()["running"] == 4, "running tasks")
        scheduler.kill()
        scheduler.wait()
        os.unlink(self.path("state/scheduler.address"))
        self.start("scheduler", "c.toml")
        self.wait_for_scheduler()
        self.wait_until(lambda: self.counts()["done"] == 20, "all tasks")
        ran = self.read("worker-state-w/jobs/j/ran").split()
        self.assertEqual(len(ran), 20, "each task ran once")

    def test_what_is_kept_in_memory_is_gone_with_the_scheduler(self):
        self.write("c.toml", CONFIG + job("j", "echo $1 $$ >> ran; sleep 1000"))
        scheduler = self.start("scheduler", "c.toml", "--in-memory")
        self.wait_for_scheduler()
        self.worker("w")
        self.wait_until(lambda: self.counts()["running"] == 4, "running tasks")
        self.assertFalse(os.path.exists(self.path("state/statuses.sqlite")))
        before = [int(line.split()[1]) for line in self.read("worker-state-w/jobs/j/ran").splitlines()]
        scheduler.kill()
        scheduler.wait()
        os.unlink(self.path("state/scheduler.address"))
        self.start("scheduler", "c.toml", "--in-memory")
        self.wait_for_scheduler()
        self.start("worker", "c.toml", "--shard", "w2", "--data-dir", "w2-state")
        self.wait_until(lambda: self.counts()["running"] == 4, "running tasks again")
        self.wait_until(lambda: not any(alive(pid) for pid in before), "the end of what ran before")
        self.bistro("scheduler", "c.toml", "--in-memory", "--clean", code=2)

    def test_a_killed_scheduler_comes_back_on_its_port(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.write("c.toml", CONFIG + job("j", "echo $1 >> ran; sleep 0.2") + f'[network]\nlisten = "127.0.0.1:{port}"\n')
        scheduler = self.start("scheduler", "c.toml")
        worker = self.start("worker", "c.toml", "--scheduler", f"127.0.0.1:{port}")
        for _ in range(3):
            self.wait_until(lambda: "listens on" in self.read(scheduler.log), "a scheduler")
            self.wait_until(lambda: "healthy" in self.bistro("status", "--config", "c.toml")[0], "its worker")
            scheduler.kill()  # with the worker's connection open
            scheduler.wait()
            scheduler = self.start("scheduler", "c.toml")
        self.wait_until(lambda: self.counts()["done"] == 20, "all tasks")
        self.assertIsNone(worker.poll())

    def test_results_too_long_for_a_stranger_survive_a_restart_of_the_scheduler(self):
        """1 MB of them, in the worker's next hello."""
        task = ("echo x >> ../../../ran; while [ ! -e ../../../go ]; do sleep 0.05; done; "
                """printf '{"result": "done", "data": {"x": "%050000d"}}' 0 > $BISTRO_STATUS; echo x >> ../../../ended""")
        self.write("c.toml", CONFIG.replace("limit = 4", "limit = 20").replace("limit = 2,", "limit = 20,") + job("j", task))
        scheduler = self.start("scheduler", "c.toml")
        worker = self.worker("w")
        self.wait_for_scheduler()
        self.wait_until(lambda: self.counts()["running"] == 20, "running tasks")
        scheduler.kill()
        scheduler.wait()
        self.write("go", "")
        self.wait_until(lambda: os.path.exists(self.path("ended")) and len(self.read("ended").split()) == 20, "results")
        scheduler = self.start("scheduler", "c.toml")
        self.wait_until(lambda: self.counts()["done"] == 20, "the results of all tasks")
        self.assertEqual(len(self.read("ran").split()), 20)
        self.assertNotIn("ended the connection", self.read(scheduler.log))
        self.assertIsNone(worker.poll())

    def test_what_ran_when_the_scheduler_ended_is_seen_without_it(self):
        self.write("c.toml", CONFIG + job("j", "sleep 1000"))
        scheduler = self.start("scheduler", "c.toml")
        self.worker("w")
        self.wait_for_scheduler()
        self.wait_until(lambda: self.counts()["running"] == 4, "running tasks")

        def recorded():  # starts are recorded with the next commit, which nothing waits for
            shutil.rmtree(self.path("copy"), ignore_errors=True)
            shutil.copytree(self.path("state"), self.path("copy"), ignore=shutil.ignore_patterns("scheduler.address"))
            return len(self.json("tasks", "--data-dir", "copy")["tasks"]) == 4
        self.wait_until(recorded, "a record of the starts")
        scheduler.kill()
        scheduler.wait()
        tasks = self.json("tasks", "j", "--config", "c.toml", "--state", "running")["tasks"]
        self.assertEqual([t["worker"] for t in tasks], ["w"] * 4)
        text = self.bistro("tasks", "j", "--config", "c.toml", "--json")[0]
        self.assertRegex(text, r'"started_at":[0-9]{10}\.?[0-9]*[,}]')

    def test_tasks_of_a_stopped_worker_are_dead_before_they_run_elsewhere(self):
        lock = "exec 9>../../../lock.$1; flock -n 9 || echo $1 >> ../../../double; echo $1 >> ../../../ran; "
        self.write("c.toml", CONFIG + job("j", lock + "[ -e ../../../go ] || sleep 1000 9>&9"))
        scheduler = self.start("scheduler", "c.toml")
        frozen = self.worker("frozen")
        self.wait_for_scheduler()
        self.wait_until(lambda: self.counts()["running"] == 4, "running tasks")
        # They count as running before the worker has launched them.
        self.wait_until(lambda: os.path.exists(self.path("ran")) and len(self.read("ran").split()) == 4, "their traces")
        frozen.send_signal(signal.SIGSTOP)
        self.write("go", "")
        other = self.worker("other")
        self.wait_until(lambda: self.counts()["done"] == 20, "all tasks, elsewhere")
        frozen.send_signal(signal.SIGCONT)
        self.assertEqual(frozen.wait(timeout=30), 3, "it has been given up")
        self.assertFalse(os.path.exists(self.path("double")))
        self.assertEqual(len(self.read("ran").split()), 24, "the four that it ran, and all")
        for process in (other, scheduler):
            self.stop(process)

    def test_a_forest_in_parts_outlives_a_killed_worker_and_a_restart_with_other_parts(self):
        def config(partitions):
            return (CONFIG.replace("[scheduler]", f"[scheduler]\npartitions = {partitions}") +
                    "[resources.instance]\nall = { limit = 5, default = 1 }\n" +
                    job("j", "exec 9>../../../lock.$1; flock -n 9 || echo $1 >> ../../../double; "
                             "echo $1 >> ../../../ran; sleep 0.3 9>&9"))
        self.write("c.toml", config(2))
        scheduler = self.start("scheduler", "c.toml")
        doomed, other = self.worker("doomed"), self.worker("other")
        self.wait_for_scheduler()
        self.wait_until(lambda: self.counts()["done"] >= 4, "some tasks")
        self.assertLessEqual(self.counts()["running"], 5)
        doomed.kill()
        self.wait_until(lambda: self.counts()["done"] >= 6, "some more")
        scheduler.kill()
        scheduler.wait()
        self.write("c.toml", config(3))
        scheduler = self.start("scheduler", "c.toml")
        self.wait_until(lambda: self.counts()["done"] == 20, "all tasks")
        self.assertFalse(os.path.exists(self.path("double")))
        self.assertEqual(len(set(self.read("ran").split())), 20)
        actors = self.bistro("console", "--config", "c.toml", "-c", "actors")[0]
        self.assertEqual(actors.count("resource_pool "), 3, actors)
        for process in (other, scheduler):
            self.stop(process)

    def test_a_worker_without_its_scheduler_ends_its_tasks_and_itself(self):
        self.write("c.toml", CONFIG + job("j", "echo $$ >> pids; exec sleep 1000"))
        scheduler = self.start("scheduler", "c.toml")
        worker = self.worker("w")
        self.wait_for_scheduler()
        self.wait_until(lambda: self.counts()["running"] == 4, "running tasks")
        scheduler.kill()
        self.assertEqual(worker.wait(timeout=30), 3)
        self.assertIn("has not been heard", self.read(worker.log))
        for pid in self.read("worker-state-w/jobs/j/pids").split():
            self.assertRaises(ProcessLookupError, os.kill, int(pid), 0)

    def test_ports_secrets_and_addresses(self):
        self.write("c.toml", CONFIG + job("j", "true") + "[network]\nlisten = \"127.0.0.1:PORT\"\n")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.write("c.toml", self.read("c.toml").replace("PORT", str(port)))
            self.assertIn("can't listen", self.bistro("scheduler", "c.toml", code=3)[1])
        scheduler = self.start("scheduler", "c.toml")
        self.wait_until(lambda: "listens on" in self.read(scheduler.log), "a scheduler")
        self.assertEqual(os.stat(self.path("state/scheduler.address")).st_mode & 0o777, 0o600)
        self.bistro("status", "--scheduler", f"127.0.0.1:{port}")
        self.environment["BISTRO_SECRET"] = "wrong"
        self.assertIn("secret", self.bistro("status", "--scheduler", f"127.0.0.1:{port}", code=3)[1])
        del self.environment["BISTRO_SECRET"]
        self.write("w.toml", f'[worker]\nscheduler = "127.0.0.1:{port}"\nshard = "separate"\nresources = {{ slots = 2 }}\n')
        self.start("worker", "w.toml")
        self.wait_until(lambda: self.counts()["done"] == 20, "all tasks")
        self.stop(scheduler)
        self.bistro("status", "--scheduler", f"127.0.0.1:{port}", code=3)
        self.write("far.toml", CONFIG + job("j", "true") + "[network]\nlisten = \"0.0.0.0:0\"\n")
        self.assertIn("mutual TLS", self.bistro("scheduler", "far.toml", code=3)[1])


if __name__ == "__main__":
    unittest.main()
