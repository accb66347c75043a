#!/usr/bin/env python3
"""Measures how long a lone null task takes over loopback TCP, from the order to start it until the next one is ordered since
it came back: one slot, so no two are under way at once. Both processes are real; what they send is seen on the loopback
device, so this needs root. Without durability and with it, in turns.

Usage: lone_task.py [TASKS [ROUNDS]]
"""

import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
EVERY_PROTOCOL = 3  # ETH_P_ALL
OUTGOING = 4  # of a packet: on the loopback device each is seen twice
# Python has no names for these: SO_RCVBUFFORCE, SO_TIMESTAMPNS.
RECEIVE_BUFFER_FORCE = 33
TIMESTAMP_NS = 35


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def orders(bistro, tasks, options):
    """When each task was ordered, in ns."""
    config = 'source "$0/common.sh"; one_job "$1" 1 bistro:null; printf "[worker]\\ndata_dir = \\"worker-state\\"\\n"'
    with open("c.toml", "w") as f:
        subprocess.run(["bash", "-c", config, HERE, str(tasks)], stdout=f, check=True)
    subprocess.run(["rm", "-rf", "state", "worker-state"], check=True)
    seen = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERY_PROTOCOL))
    seen.bind(("lo", 0))
    seen.setsockopt(socket.SOL_SOCKET, RECEIVE_BUFFER_FORCE, 64 << 20)
    seen.setsockopt(socket.SOL_SOCKET, TIMESTAMP_NS, 1)
    seen.settimeout(5)  # the first has to wait for both processes
    processes = []
    try:
        for words in (["scheduler", *options], ["worker"]):
            processes.append(subprocess.Popen([bistro, *words, "c.toml"], stdout=subprocess.DEVNULL,
                                              stderr=subprocess.DEVNULL))
        times = []
        try:
            while True:
                data, told, _, address = seen.recvmsg(65536, 64)
                if address[2] != OUTGOING and b"start_tasks" in data:
                    seen.settimeout(0.4)  # less than between two heartbeats
                    seconds, ns = struct.unpack("ll", told[0][2])
                    times.append(seconds * 1_000_000_000 + ns)
        except TimeoutError:  # all have been ordered, and the rest is silence
            return times
    finally:
        seen.close()
        for p in reversed(processes):
            p.send_signal(signal.SIGTERM)
        for p in processes:
            p.wait()


def main():
    tasks = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    bistro = os.path.abspath(os.path.join(HERE, "../../build/release/actors/bistro"))
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for _ in range(rounds):
            for name, options in (("in memory", ["--in-memory"]), ("durable", [])):
                times = orders(bistro, tasks, options)
                assert len(times) > 0.99 * tasks, f"only {len(times)} orders were seen"
                took = [b - a for a, b in zip(times, times[1:])]
                print(f"{name:9} p50 {percentile(took, 0.5) / 1e6:.2f} ms  p99 {percentile(took, 0.99) / 1e6:.2f} ms")


if __name__ == "__main__":
    main()
