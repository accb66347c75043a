"""From submitting a job to the first instruction of its task, on an idle system, against a bare posix_spawn.

A scheduler and a worker are two processes, joined by TCP on loopback, with their SQLite stores on disk. A job is
submitted by putting a new config in place. Both ways of starting take turns, with a pause before each.
Usage: latency.py BISTRO PROGRAM [ROUNDS]
"""

import os
import signal
import subprocess
import sys
import tempfile
import time

CONFIG = """
[scheduler]
data_dir = "state"
[nodes]
levels = ["db"]
[[nodes.sources]]
source = "manual"
[nodes.sources.nodes]
"db" = {{}}
[resources.worker]
slots = {{ limit = 2, default = 1 }}
[jobs.job{number}]
owner = "bench"
command = ["{program}", "{report}"]
arguments = "none"
"""
PAUSE_S = 0.15  # longer than the time in which a config that changes again is left to settle


def cpu_seconds(process):
    with open(f"/proc/{process.pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def main():
    bistro, program = (os.path.abspath(path) for path in sys.argv[1:3])
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 300
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        report = os.path.join(folder, "report")
        os.mkfifo(report)
        reader = open(os.open(report, os.O_RDWR), "rb", buffering=0)

        def put(number):
            with open("next.toml", "w") as f:
                f.write(CONFIG.format(number=number, program=program, report=report))
            began = time.monotonic_ns()
            os.rename("next.toml", "c.toml")
            return began

        def bare():
            began = time.monotonic_ns()
            os.posix_spawn(program, [program, report], os.environ)
            took = int(reader.readline()) - began
            os.wait()
            return took

        put(0)
        log = open("log", "wb")
        processes = [subprocess.Popen([bistro, role, "c.toml"], stdout=log, stderr=log)
                     for role in ("scheduler", "worker")]
        try:
            reader.readline()  # the first job ran: all is up
            ours, bares = [], []
            for number in range(1, rounds + 1):
                time.sleep(PAUSE_S)
                bares.append(bare())
                time.sleep(PAUSE_S)
                began = put(number)
                ours.append(int(reader.readline()) - began)
            for name, values in (("bare posix_spawn", bares), ("bistro", ours)):
                print(f"{name:17} p50 {percentile(values, 0.5) / 1e6:.2f} ms  p99 {percentile(values, 0.99) / 1e6:.2f} ms")
            for share in (0.5, 0.99):
                above = percentile(ours, share) - percentile(bares, share)
                print(f"above bare at p{share * 100:.0f}: {above / 1e6:.2f} ms")
            before = [cpu_seconds(p) for p in processes]
            idle_s = 20
            time.sleep(idle_s)
            for role, p, used in zip(("scheduler", "worker"), processes, before):
                print(f"idle {role}: {100 * (cpu_seconds(p) - used) / idle_s:.2f} % of a core over {idle_s} s")
        finally:
            for p in reversed(processes):
                p.send_signal(signal.SIGTERM)
            for p in processes:
                p.wait()


if __name__ == "__main__":
    main()
