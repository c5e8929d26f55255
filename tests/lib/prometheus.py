# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus on loopback, which scrapes every two seconds and evaluates our rules."""
import json
import subprocess
import time

import guard
import httpx
import yaml
from daemon import ROOT, free_port
from patience import PATIENCE

MONITORING = ROOT / "etc" / "monitoring"
RULES = MONITORING / "cmpd-alerts.yml"


def rules():
    """All alert rules, by name."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


class Prometheus:
    """With the sample configuration, but for its targets (host:port by a name) and its pace."""

    def __init__(self, folder, targets):
        self.folder, self.targets = folder, targets
        self.process = None
        self.port = free_port()
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False)

    def _config(self):
        config = yaml.safe_load((MONITORING / "cmpd-prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "2s", "evaluation_interval": "2s"}
        config["rule_files"] = [str(RULES)]
        (job,) = config["scrape_configs"]
        job["static_configs"] = [{"targets": list(self.targets.values())}]
        return config

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=PATIENCE)
        self.client.close()

    def start(self, seconds=120):
        path = self.folder / "prometheus.yml"
        path.write_text(json.dumps(self._config()))
        self.process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={path}",
                f"--storage.tsdb.path={self.folder}/prometheus",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--log.level=warn",
            ],
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "prometheus.log").open("w"),
            env={"GOMAXPROCS": "1"},
        )
        guard.keep(self.process)
        deadline = time.monotonic() + seconds
        while not self._is_ready():
            assert self.process.poll() is None and time.monotonic() < deadline, self.log_text()
            time.sleep(0.05)
        return self

    def _is_ready(self):
        try:
            return self.client.get("/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    def log_text(self):
        return (self.folder / "prometheus.log").read_text()

    # ---- asking ----

    def _get(self, path, **params):
        answer = self.client.get(f"/api/v1/{path}", params=params, timeout=PATIENCE).json()
        assert answer["status"] == "success" and not answer.get("warnings"), f"{params}: {answer}"
        return answer["data"]

    def query(self, expression):
        """What an expression is now: its series, each with `metric` and `value`."""
        data = self._get("query", query=expression)
        if data["resultType"] == "scalar":
            return [{"metric": {}, "value": data["result"]}]
        return data["result"]

    def alerts(self):
        """Those that are pending or firing: their names, and those of the targets."""
        found, names = set(), {target: name for name, target in self.targets.items()}
        for alert in self._get("alerts")["alerts"]:
            for text in alert["annotations"].values():
                assert "<no value>" not in text and "error expanding" not in text, text
            labels = alert["labels"]
            found.add((labels["alertname"], names.get(labels.get("instance"))))
        return found

    def rules_in_trouble(self):
        """Those that were evaluated with an error, and why."""
        groups = self._get("rules")["groups"]
        every = [rule for group in groups for rule in group["rules"]]
        assert len(every) == len(rules())
        return [(r["name"], r["lastError"]) for r in every if r["health"] == "err"]
