"""What the end-to-end tests share: the real binary, folders, and processes that are ended whatever happens."""

import json
import os
import signal
import subprocess
import tempfile
import time
import unittest

BISTRO = os.environ["BISTRO"]
DEADLINE_S = 60


class BistroTest(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory(prefix="bistro-e2e-")
        self.folder = self._folder.name
        self._processes = []
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("BISTRO_")}
        self.environment["XDG_RUNTIME_DIR"] = self.folder

    def tearDown(self):
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.communicate()
        self._folder.cleanup()

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text, mode=0o644):
        data = text if isinstance(text, bytes) else text.encode()
        with open(self.path(name), "wb") as f:
            f.write(data)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), errors="replace") as f:
            return f.read()

    def bistro(self, *arguments, code=0, input=None, **options):
        """Runs the program to its end; checks the exit code; gives (stdout, stderr)."""
        result = subprocess.run([BISTRO, *arguments], cwd=self.folder, env=self.environment, input=input,
                                capture_output=True, text=True, errors="replace", timeout=DEADLINE_S, **options)
        if code is not None:
            self.assertEqual(result.returncode, code, f"{arguments}\nstdout:\n{result.stdout}\nstderr:\n{result.stderr}")
        return result.stdout, result.stderr

    def start(self, *arguments, before=(), **options):
        """Starts the program in the background, its output in a file; `before` are words put before its command."""
        out = open(self.path(f"process-{len(self._processes)}.log"), "w")
        process = subprocess.Popen([*before, BISTRO, *arguments], cwd=self.folder, env=self.environment, stdout=out,
                                   stderr=subprocess.STDOUT, **options)
        out.close()
        process.log = f"process-{len(self._processes)}.log"
        self._processes.append(process)
        return process

    def wait_until(self, condition, what):
        """Waits for something that other processes do; fails with `what` where it does not come."""
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            result = condition()
            if result:
                return result
            time.sleep(0.02)
        self.fail(f"{what} did not come about; logs: " + "\n".join(self.read(p.log) for p in self._processes))

    def stop(self, process, sig=signal.SIGTERM):
        process.send_signal(sig)
        return process.wait(timeout=DEADLINE_S)

    def events(self, name="events.jsonl"):
        with open(self.path(name)) as f:
            return [json.loads(line) for line in f]

    def json(self, *arguments):
        return json.loads(self.bistro(*arguments, "--json")[0])


def forest(hosts, per_host, host="host{i}", db="{parent}:db{i}"):
    """The sections of two levels, host and db, with names from 1 on."""
    source = '[[nodes.sources]]\nsource = "range_label"\nparent_level = "{}"\nformat = "{}"\nstart = 1\nend = {}\n'
    return '[nodes]\nlevels = ["host", "db"]\n' + source.format("instance", host, hosts) + source.format("host", db, per_host)


def job(name, script, extra=""):
    """The section of a job whose tasks run a shell script: $1 is the node, $2 the status file, $3 the JSON."""
    return f"[jobs.{name}]\nowner = \"test\"\ncommand = [\"/bin/sh\", \"-c\", '''{script}''', \"sh\"]\n{extra}\n"


def max_concurrent(events, key):
    """The most tasks that ran at once, by what `key` says of a start."""
    live, most = {}, {}
    where = {}
    for e in events:
        if e["event"] == "start":
            k = key(e)
            where[e["invocation"]] = k
            live[k] = live.get(k, 0) + 1
            most[k] = max(most.get(k, 0), live[k])
        elif e["event"] in ("finish", "lost"):
            live[where[e["invocation"]]] -= 1
    return most
