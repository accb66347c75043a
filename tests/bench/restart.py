#!/usr/bin/env python3
"""Measures how long a scheduler takes from its start until it answers with all statuses, where 3 M are stored (ten jobs,
12,000 hosts of 25 databases, all done), and what memory it has then.
Usage: tests/bench/restart.py [RUNS]"""
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

JOBS, HOSTS, DATABASES = 10, 12_000, 25
PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/release/actors/bistro")
CONFIG = f"""
[nodes]
levels = ["host", "db"]
[[nodes.sources]]
source = "range_label"
parent_level = "instance"
format = "h{{i}}"
start = 1
end = {HOSTS}
[[nodes.sources]]
source = "range_label"
parent_level = "host"
format = "{{parent}}:{{i}}"
start = 1
end = {DATABASES}
""" + "".join(f'[jobs.job{j}]\nowner = "bench"\ncommand = ["bistro:null"]\n' for j in range(JOBS))


def scheduler():
    return subprocess.Popen([PROGRAM, "scheduler", "config.toml"], stderr=subprocess.DEVNULL)


def jobs():
    answer = subprocess.run([PROGRAM, "jobs", "--json", "--config", "config.toml"], capture_output=True, text=True)
    return json.loads(answer.stdout)["jobs"] if answer.returncode == 0 else []


def end(process):
    process.send_signal(signal.SIGTERM)
    process.wait()


def fill():
    process = scheduler()
    while not jobs():
        time.sleep(0.1)
    end(process)
    hosts = sorted(f"h{h}" for h in range(1, HOSTS + 1))
    rows = ((f"job{j}", f"{h}:{d}", "done", 0, 0, (1 << 40) + 1, 0, "")
            for j in range(JOBS) for h in hosts for d in range(1, DATABASES + 1))
    with sqlite3.connect("state/statuses.sqlite") as database:
        database.executemany("INSERT OR REPLACE INTO statuses VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    database.close()


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with open("config.toml", "w") as config:
            config.write(CONFIG)
        fill()
        print(f"status store: {os.path.getsize('state/statuses.sqlite') / JOBS / HOSTS / DATABASES:.0f} bytes a status")
        for _ in range(runs):
            began = time.monotonic()
            process = scheduler()
            while not (rows := jobs()) or any(row["tasks"]["done"] < HOSTS * DATABASES for row in rows):
                time.sleep(0.05)
            took = time.monotonic() - began
            with open(f"/proc/{process.pid}/status") as status:
                memory = {line.split()[0]: int(line.split()[1]) // 1024 for line in status if line.startswith("Vm")}
            print(f"ready after {took:.2f} s, {memory['VmRSS:']} MB, at most {memory['VmHWM:']} MB", flush=True)
            end(process)
        os.chdir("/")


main()
