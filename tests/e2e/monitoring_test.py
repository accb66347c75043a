"""What examples/monitoring/ says, in a real Prometheus that scrapes a real scheduler."""

import json
import os
import shutil
import socket
import subprocess
import unittest
import urllib.parse
import urllib.request

from support import DEADLINE_S, BistroTest, forest, job

MONITORING = os.path.join(os.path.dirname(__file__), "..", "..", "examples", "monitoring")


class MonitoringTest(BistroTest):
    def setUp(self):
        super().setUp()
        for name in os.listdir(MONITORING):
            shutil.copy(os.path.join(MONITORING, name), self.folder)
        with open(os.path.join(MONITORING, "dashboard.json")) as f:
            self.dashboard = json.load(f)

    def query(self, path, **parameters):
        url = f"http://{self.prometheus}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=DEADLINE_S) as answer:
            return json.load(answer)["data"]

    def results(self, expression):
        return self.query("query", query=expression)["result"]

    def scrape(self):
        """A scheduler with a failed job and a worker, and a Prometheus that has scraped it twice."""
        self.write("c.toml", forest(2, 2) + job("failing", "exit 3", 'backoff = ["fail"]') + job("good", "true") +
                   '[network]\nhttp = "127.0.0.1:0"\n')
        scheduler = self.start("scheduler", "c.toml")
        self.start("worker", "c.toml")
        self.wait_until(lambda: "HTTP is served on" in self.read(scheduler.log), "HTTP")
        target = self.read(scheduler.log).split("HTTP is served on ")[1].split()[0]
        config = self.read("prometheus.yml")
        self.assertIn("localhost:6790", config)
        self.assertIn("scrape_interval: 5s", config)
        self.write("prometheus.yml", config.replace("localhost:6790", target).replace("scrape_interval: 5s", "scrape_interval: 1s"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.prometheus = f"127.0.0.1:{free.getsockname()[1]}"
        with open(self.path("prometheus.log"), "w") as log:
            self._processes.append(process := subprocess.Popen(
                ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address={self.prometheus}"],
                cwd=self.folder, stdout=log, stderr=subprocess.STDOUT))
        process.log = "prometheus.log"
        self.wait_until(lambda: "Server is ready" in self.read("prometheus.log"), "Prometheus")
        self.wait_until(lambda: self.results('rate(bistro_attempts_finished_total[1m])'), "two scrapes")
        self.wait_until(lambda: self.results('bistro_tasks{bistro_job="failing",state="failed"} == 4'), "failed tasks")

    def test_each_panel_of_the_dashboard_has_something_to_show(self):
        self.scrape()
        job_variable = next(v for v in self.dashboard["templating"]["list"] if v["name"] == "job")
        self.assertEqual(job_variable["query"], "label_values(bistro_tasks, bistro_job)")
        self.assertEqual(self.query("label/bistro_job/values"), ["failing", "good"])
        for panel in self.dashboard["panels"]:
            for target in panel["targets"]:
                with self.subTest(panel["title"]):
                    found = self.results(target["expr"].replace("$job", "failing|good"))
                    self.assertTrue(found, target["expr"])
                    for label in [part.split("}}")[0] for part in target.get("legendFormat", "").split("{{")[1:]]:
                        self.assertTrue(all(label in series["metric"] for series in found), f"{label} of {target['expr']}")
        self.assertEqual({a["name"] for g in self.query("rules")["groups"] for a in g["rules"]},
                         {"BistroDown", "BistroStartsNothing", "BistroTasksFailed", "BistroStuck", "BistroWorkerUnhealthy", "BistroProblems"})

    def test_alerts_fire_when_they_should(self):
        tests = os.path.join(os.path.dirname(os.path.abspath(__file__)), "alerts_test.yml")
        shutil.copy(tests, self.folder)
        for command in (["check", "config", "prometheus.yml"], ["test", "rules", "alerts_test.yml"]):
            done = subprocess.run(["promtool", *command], cwd=self.folder, capture_output=True, text=True, timeout=DEADLINE_S)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
