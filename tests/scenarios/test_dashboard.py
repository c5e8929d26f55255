# SPDX-License-Identifier: Apache-2.0
"""The dashboard's file: in the form that Grafana wants, with a place for every metric."""
import copy
import itertools
import re

import jsonschema
import pytest
from grafana import SCHEMA, dashboard, names_in, panels, queries
from test_metrics import listed

# What no panel shows, and why.
NOT_SHOWN = {
    "process_virtual_memory_bytes": "what has an address says nothing of what is used; beside what is "
    "resident it would be all that one sees",
}


def wrong(shown):
    """What Grafana would stumble over."""
    form = jsonschema.Draft202012Validator(SCHEMA).iter_errors(shown)
    found = [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:120]}" for error in form]
    return found or given_twice(shown) + lying_on_others(shown)


def given_twice(shown):
    found = []
    for panel in shown["panels"]:
        references = [target["refId"] for target in panel.get("targets", [])]
        if len(set(references)) < len(references):
            found.append(f"{panel['title']}: a refId twice")
    for of in ("id", "title"):
        values = [panel[of] for panel in shown["panels"]]
        found += [f"{of} {value} twice" for value in set(values) if values.count(value) > 1]
    return found


def lying_on_others(shown):
    taken, found = {}, []
    for panel in shown["panels"]:
        at, title = panel["gridPos"], panel["title"]
        if at["x"] + at["w"] > 24:
            found.append(f"{title}: beyond the right edge")
        for place in itertools.product(
            range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])
        ):
            found += [f"{title} lies on {taken[place]}"] if place in taken else []
            taken[place] = title
    lines = {y for _, y in taken}
    return found + [f"nothing in line {y}" for y in set(range(max(lines))) - lines]


def test_grafana_can_show_it():
    assert wrong(dashboard()) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda panel: panel.update(type="graph"),
        lambda panel: panel.pop("gridPos"),
        lambda panel: panel["gridPos"].update(h=0),
        lambda panel: panel["gridPos"].update(w=24),
        lambda panel: panel["gridPos"].update(x=0.5),
        lambda panel: panel.update(id=1),
        lambda panel: panel.update(targets=[]),
        lambda panel: panel["targets"].append(panel["targets"][0]),
        lambda panel: panel["targets"][0].pop("refId"),
        lambda panel: panel["targets"][0].update(datasource={"type": "prometheus", "uid": "P1809"}),
        lambda panel: panel["options"]["legend"].update(showLegends=True),
        lambda panel: panel["fieldConfig"]["defaults"].update(unit="seconds"),
        lambda panel: panel["fieldConfig"]["defaults"]["custom"].update(fillOpacity=0.1),
    ],
)
def test_what_grafana_cannot_show_is_noticed(change):
    shown = dashboard()
    change(next(panel for panel in shown["panels"] if panel["type"] == "timeseries"))
    assert wrong(shown) != []


def test_a_row_that_is_open_holds_no_panels():
    shown = dashboard()
    row = next(panel for panel in shown["panels"] if panel["type"] == "row")
    row["panels"] = [copy.deepcopy(panels()[0])]
    assert wrong(shown) != []


def test_every_variable_is_there():
    known = {variable["name"] for variable in dashboard()["templating"]["list"]}
    used = set()
    for panel in panels():
        for target in panel["targets"]:
            used |= set(re.findall(r"\$\{?(\w+)", target["expr"] + target["datasource"]["uid"]))
    assert used - {"__rate_interval"} == known


def test_every_metric_has_a_panel():
    shown = set().union(*(names_in(expression) for _, expression in queries()))
    assert listed() - shown == set(NOT_SHOWN)
