"""Real processes over TCP, killed, stopped and cut off at random, on a disk that fills up, while tasks keep a journal.

BISTRO_CHAOS_SEED repeats the order of faults (not their exact moments); BISTRO_CHAOS_TASKS and BISTRO_CHAOS_KILLS set the size.
"""

import json
import os
import random
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from support import BISTRO, BistroTest, forest, job  # noqa: E402

TASKS = int(os.environ.get("BISTRO_CHAOS_TASKS", 10_000))
KILLS = int(os.environ.get("BISTRO_CHAOS_KILLS", 60))
HOSTS = 20
WORKERS = ("a", "b", "c")
LOST_AFTER_S = 2.0
REAPED_AFTER_S = 1.0
FAULTS = (*["kill scheduler"] * 4, *["kill worker"] * 6, "stop worker for long", "stop scheduler for long", "cut", "cut",
          "stall one way", "stall one way", "fill disk")

CONFIG = """
[scheduler]
partitions = {partitions}
data_dir = "state"
backoff = [1, "repeat"]
[resources.host]
slots = {{ limit = 2, default = 1 }}
[resources.worker]
cpu = {{ limit = 6, default = 1 }}
[workers]
heartbeat_ms = 100
unhealthy_after_ms = 500
lost_after_ms = {lost_after_ms}
kill_ms = 1000
[network]
listen = "127.0.0.1:{port}"
"""

# Holds an exclusive lock while it, or anything that it started, lives; says so where it does not get it. Some live for longer
# than it takes until their worker is lost and they are tried elsewhere, so that a missed deadline shows.
TASK = """exec 9>> {folder}/locks/$1
flock -n 9 || echo "$1" >> {folder}/double
[ $(($$ % 20)) != 0 ] || sleep 0.7
[ $(($$ % 250)) != 1 ] || sleep 6
sleep 0.01
echo "$1" >> {folder}/journal"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Proxy(threading.Thread):
    """Carries bytes between workers and the scheduler, until it is told to cut a connection, or to stall one direction of it."""

    def __init__(self, target, chooser):
        super().__init__(daemon=True)
        self.target = target
        self.random = chooser
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.pairs = {}
        self.to_cut = 0
        self.to_stall = 0
        self.stalled = {}  # from whom nothing is carried on, until when
        self.ended = False

    def close(self, one):
        for s in (one, self.pairs.pop(one, None)):
            if s is not None:
                self.pairs.pop(s, None)
                if self.stalled.pop(s, None) is None:
                    self.selector.unregister(s)
                s.close()

    def accept(self):
        near, _ = self.listener.accept()
        try:
            far = socket.create_connection(("127.0.0.1", self.target), timeout=1)
        except OSError:
            near.close()
            return
        for s, other in ((near, far), (far, near)):
            s.settimeout(5)
            self.pairs[s] = other
            self.selector.register(s, selectors.EVENT_READ)

    def run(self):
        while not self.ended:
            for key, _ in self.selector.select(0.05):
                if key.fileobj is self.listener:
                    self.accept()
                elif key.fileobj in self.pairs:
                    try:
                        data = key.fileobj.recv(1 << 16)
                        if not data:
                            raise OSError
                        self.pairs[key.fileobj].sendall(data)
                    except OSError:
                        self.close(key.fileobj)
            for one in [s for s, until in self.stalled.items() if until <= time.monotonic()]:
                del self.stalled[one]
                self.selector.register(one, selectors.EVENT_READ)
            if self.to_cut and self.pairs:
                self.to_cut -= 1
                self.close(self.random.choice(list(self.pairs)))
            if self.to_stall and self.pairs:
                self.to_stall -= 1
                one = self.random.choice(list(self.pairs))
                if one not in self.stalled:
                    self.selector.unregister(one)
                    self.stalled[one] = time.monotonic() + self.random.choice((0.5, 1.5)) * LOST_AFTER_S


class Chaos(BistroTest):
    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get("BISTRO_CHAOS_SEED", random.SystemRandom().randrange(1 << 32)))
        print(f"BISTRO_CHAOS_SEED={self.seed}", flush=True)
        self.random = random.Random(self.seed)
        for folder in ("locks", "state"):
            os.mkdir(self.path(folder))
        self.port = free_port()
        self.proxy = Proxy(self.port, random.Random(self.seed))
        self.proxy.start()
        self.expected_dead = []
        self.done = {}  # when it was seen to be so, in lines of the journal
        # A disk of its own for the scheduler, which can be filled; where that may not be mounted, it never is full.
        small = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=24m none "$0" && exec "$@"', self.path("state"))
        self.own_disk = subprocess.run([*small, "true"], stderr=subprocess.DEVNULL).returncode == 0
        self.holder = None
        if self.own_disk:  # keeps the mount while schedulers come and go
            self.holder = subprocess.Popen([*small, "sleep", "100000"])
            self.wait_until(lambda: self.inside("true").returncode == 0, "a disk")
        self.scheduler = self.start_scheduler()
        self.wait_until(self.secret_is_known, "a scheduler")
        self.workers = {shard: self.start_worker(shard) for shard in WORKERS}

    def tearDown(self):
        self.proxy.ended = True
        self.proxy.join()
        super().tearDown()
        if self.holder:
            self.holder.kill()
            self.holder.wait()

    def before(self):
        """Words that put a command on the scheduler's disk."""
        if not self.holder:
            return ()
        return ("nsenter", "-m", "-t", str(self.holder.pid), "sh", "-c", 'cd "$0" && exec "$@"', self.folder)

    def inside(self, *command):
        return subprocess.run([*self.before(), *command], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def start_scheduler(self):
        partitions = self.random.choice((1, 2, 3))
        self.write("c.toml", CONFIG.format(port=self.port, lost_after_ms=int(LOST_AFTER_S * 1000), partitions=partitions) +
                   forest(HOSTS, TASKS // HOSTS) +
                   job("j", TASK.format(folder=self.folder), "kill_wait_s = 0"))
        return self.start("scheduler", "c.toml", before=self.before())

    def start_worker(self, shard):
        return self.start("worker", "--scheduler", f"127.0.0.1:{self.proxy.port}", "--shard", shard, "--data-dir", f"work-{shard}")

    def bistro_inside(self, *arguments):
        return subprocess.run([*self.before(), BISTRO, *arguments], cwd=self.folder, env=self.environment, capture_output=True,
                              text=True, timeout=60)

    def secret_is_known(self):
        result = subprocess.run([*self.before(), "cat", "state/secret"], cwd=self.folder, capture_output=True, text=True)
        if result.returncode == 0 and result.stdout:
            self.environment["BISTRO_SECRET"] = result.stdout.strip()
        return "BISTRO_SECRET" in self.environment

    def children_of(self, parent):
        """Processes that a worker started itself, each by its id and the time of its start."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat") as f:
                    name, fields = f.read().split("(", 1)[1].rsplit(")", 1)
                fields = fields.split()
                if int(fields[1]) == parent and name != "bistro.reaper":
                    found[int(pid)] = fields[19]
            except (OSError, IndexError):
                continue
        return found

    def check_that_they_are_dead(self):
        """Some tasks would live on for seconds: that they end in time is no proof that somebody ended them."""
        due = [children for at, children in self.expected_dead if at <= time.monotonic()]
        self.expected_dead = self.expected_dead[len(due):]
        for pid, started in (task for children in due for task in children.items()):
            try:
                with open(f"/proc/{pid}/stat") as f:
                    fields = f.read().rsplit(")", 1)[1].split()
                self.assertFalse(fields[19] == started and fields[0] != "Z", f"{pid} outlived its worker; seed {self.seed}")
            except OSError:
                pass

    def revive(self):
        self.check_that_they_are_dead()
        if self.scheduler.poll() is not None:
            if self.scheduler.returncode != -signal.SIGKILL:  # one can't start on a full disk
                self.assertRegex(self.read(self.scheduler.log), "No space left|disk is full")
                self.assertEqual(self.scheduler.returncode, 3)
            self.scheduler = self.start_scheduler()
        for shard, worker in self.workers.items():
            if worker.poll() is not None:
                # 3: it could not hear its scheduler, or was given up.
                self.assertIn(worker.returncode, (-signal.SIGKILL, 3), self.read(worker.log))
                self.workers[shard] = self.start_worker(shard)

    def inflict(self, kind):
        shard = self.random.choice(WORKERS)
        worker = self.workers[shard]
        if kind == "kill scheduler":
            self.note_what_is_done()
            self.scheduler.kill()
            self.scheduler.wait()
        elif kind == "kill worker":
            children = self.children_of(worker.pid)
            worker.kill()
            worker.wait()
            self.expected_dead.append((time.monotonic() + REAPED_AFTER_S, children))
        elif kind == "stop worker for long":
            worker.send_signal(signal.SIGSTOP)
            threading.Timer(LOST_AFTER_S * 1.5, lambda: worker.poll() is None and worker.send_signal(signal.SIGCONT)).start()
        elif kind == "stop scheduler for long":
            scheduler = self.scheduler
            scheduler.send_signal(signal.SIGSTOP)
            threading.Timer(LOST_AFTER_S * 1.5, lambda: scheduler.poll() is None and scheduler.send_signal(signal.SIGCONT)).start()
        elif kind == "cut":
            self.proxy.to_cut += 1
        elif kind == "stall one way":
            self.proxy.to_stall += 1
        elif kind == "fill disk" and self.own_disk:
            self.inside("dd", "if=/dev/zero", "of=state/ballast", "bs=4k")
            threading.Timer(1.0, lambda: self.inside("rm", "-f", "state/ballast")).start()

    def journal(self):
        try:
            return self.read("journal").split()
        except FileNotFoundError:
            return []

    def note_what_is_done(self):
        """What the scheduler calls done must never end again."""
        result = self.bistro_inside("tasks", "j", "--state", "done", "--limit", str(TASKS), "--json", "--config", "c.toml")
        if result.returncode == 0:
            ended = len(self.journal())
            for task in json.loads(result.stdout)["tasks"]:
                self.done.setdefault(task["node"], ended)

    def counts(self):
        result = self.bistro_inside("jobs", "--json", "--config", "c.toml")
        if result.returncode != 0:
            return {}
        jobs = json.loads(result.stdout)["jobs"]
        return jobs[0]["tasks"] if jobs else {}

    def orphans(self):
        marked = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as f:
                    environment = f.read()
                if b"BISTRO_INVOCATION=" in environment and self.folder.encode() in environment:
                    marked.append(pid)
            except OSError:
                continue
        return marked

    def test_nothing_runs_twice_and_nothing_is_lost(self):
        kills = 0
        while kills < KILLS:
            kind = self.random.choice(FAULTS)
            self.inflict(kind)
            kills += kind.startswith("kill")
            time.sleep(self.random.uniform(0.1, 1.2))
            self.revive()
        self.inside("rm", "-f", "state/ballast")
        deadline = time.monotonic() + 600
        while self.counts().get("done", 0) < TASKS:
            self.assertLess(time.monotonic(), deadline, f"{self.counts()} of {TASKS}; seed {self.seed}")
            self.revive()
            time.sleep(0.5)
        for process in (*self.workers.values(), self.scheduler):
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                self.stop(process)
        self.wait_until(lambda: not self.orphans(), "the end of all tasks")
        self.assertFalse(os.path.exists(self.path("double")), f"two live invocations; seed {self.seed}")
        ended = self.journal()
        self.assertEqual(len(set(ended)), TASKS)
        again = [node for line, node in enumerate(ended) if line >= self.done.get(node, len(ended))]
        self.assertEqual(again, [], f"were done, and ran again; seed {self.seed}")
        print(f"{TASKS} tasks, {kills} kills, {len(self.done)} tasks seen done before a scheduler was killed; "
              f"{len(ended) - TASKS} ended more than once")
        if not self.own_disk:
            print("The scheduler's disk was never full: no tmpfs can be mounted here.")


if __name__ == "__main__":
    unittest.main()
