# SPDX-License-Identifier: Apache-2.0
"""The dashboard: its panels and queries, and the form that Grafana 9 wants them in. As no Grafana is
at hand, SCHEMA says what we use of its dashboard model (schemaVersion 37), and nothing else: a word
that Grafana does not know it would pass over in silence, or show an empty panel."""
import json
import re

from prometheus import MONITORING

NAME = re.compile(r"\b(?:cmpd|process)_[a-z0-9_]+\b")


def dashboard():
    return json.loads((MONITORING / "cmpd-dashboard.json").read_text())


def panels():
    """All but the rows, which have no queries."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries():
    """Every query of the dashboard: the panel's title, and the expression for the job cmpd."""
    found = [(p["title"], target["expr"]) for p in panels() for target in p["targets"]]
    annotations = dashboard()["annotations"]["list"]
    found += [(a["name"], a["expr"]) for a in annotations if "expr" in a]
    return [(title, filled(expression)) for title, expression in found]


def filled(expression):
    """As Grafana fills it in."""
    values = {"$job": "cmpd", "$instance": ".*", "$__rate_interval": "30s"}
    for variable, value in values.items():
        expression = expression.replace(variable, value)
    assert "$" not in expression, expression
    return expression


def names_in(expression):
    """The families that it names; `le` and the endings of histograms left off."""
    without_labels = re.sub(r"\{[^}]*\}", "", expression)
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in NAME.findall(without_labels)}


# ---- the form ----

TEXT = {"type": "string", "minLength": 1}
BOOLEAN = {"type": "boolean"}
NUMBER = {"type": "number"}
NATURAL = {"type": "integer", "minimum": 0}


def one_of(*values):
    return {"enum": list(values)}


def list_of(items, least=0):
    return {"type": "array", "items": items, "minItems": least}


def closed(may=None, **must):
    """An object with those members, and others of `may`, and no more."""
    return {
        "type": "object",
        "properties": must | (may or {}),
        "required": list(must),
        "additionalProperties": False,
    }


DATASOURCE = closed(type=one_of("prometheus"), uid=one_of("${datasource}"))
GRID = closed(
    x={"type": "integer", "minimum": 0, "maximum": 23},
    y=NATURAL,
    w={"type": "integer", "minimum": 1, "maximum": 24},
    h={"type": "integer", "minimum": 1},
)
TARGET = closed(
    {"format": one_of("time_series", "table", "heatmap"), "instant": BOOLEAN, "range": BOOLEAN},
    refId={"type": "string", "pattern": "^[A-Z]$"},
    datasource=DATASOURCE,
    expr=TEXT,
    legendFormat={"type": "string"},
)

COLOUR = one_of("green", "red", "orange", "yellow", "blue", "text", "dark-red")
UNIT = one_of("short", "percentunit", "s", "bytes", "Bps", "ops", "cps", "reqps")
THRESHOLDS = closed(
    mode=one_of("absolute", "percentage"),
    steps=list_of(closed(color=COLOUR, value={"type": ["number", "null"]}), least=1),
)
MAPPING = closed(
    type=one_of("value"),
    options={
        "type": "object",
        "patternProperties": {".": closed(text=TEXT, color=COLOUR, index=NATURAL)},
    },
)
OVERRIDE = closed(
    matcher=closed(id=one_of("byName", "byRegexp", "byFrameRefID"), options=TEXT),
    properties=list_of(closed(id=TEXT, value={}), least=1),
)
LEGEND = closed(
    displayMode=one_of("list", "table"), placement=one_of("bottom", "right"), showLegend=BOOLEAN
)
TOOLTIP = closed(mode=one_of("single", "multi", "none"), sort=one_of("none", "asc", "desc"))


def field_config(custom=None):
    defaults = {
        "unit": UNIT,
        "min": NUMBER,
        "max": NUMBER,
        "mappings": list_of(MAPPING),
        "thresholds": THRESHOLDS,
        "color": closed(mode=one_of("thresholds", "palette-classic")),
    }
    defaults |= {"custom": closed(custom)} if custom else {}
    return closed(defaults=closed(defaults), overrides=list_of(OVERRIDE))


WIDTH = {"type": "integer", "minimum": 0, "maximum": 10}
OPACITY = {"type": "integer", "minimum": 0, "maximum": 100}
PANELS = {
    "stat": (
        field_config(),
        closed(
            reduceOptions=closed(
                calcs=list_of(one_of("lastNotNull", "last", "max", "min", "mean", "sum"), least=1),
                fields={"type": "string"},
                values=BOOLEAN,
            ),
            colorMode=one_of("none", "value", "background"),
            graphMode=one_of("none", "line", "area"),
            textMode=one_of("auto", "value", "value_and_name", "name", "none"),
            orientation=one_of("auto", "vertical", "horizontal"),
            justifyMode=one_of("auto", "center"),
        ),
        {},
    ),
    "timeseries": (
        field_config(
            {
                "lineWidth": WIDTH,
                "fillOpacity": OPACITY,
                "showPoints": one_of("auto", "never", "always"),
                "spanNulls": BOOLEAN,
                "stacking": closed(mode=one_of("none", "normal", "percent"), group=TEXT),
            }
        ),
        closed(legend=LEGEND, tooltip=TOOLTIP),
        {},
    ),
    "state-timeline": (
        field_config({"lineWidth": WIDTH, "fillOpacity": OPACITY}),
        closed(
            showValue=one_of("auto", "never", "always"),
            rowHeight={"type": "number", "minimum": 0, "maximum": 1},
            alignValue=one_of("left", "center", "right"),
            mergeValues=BOOLEAN,
            legend=LEGEND,
            tooltip=TOOLTIP,
        ),
        {},
    ),
    "heatmap": (
        field_config({}),
        closed(
            calculate=BOOLEAN,
            cellGap=NATURAL,
            color={"type": "object"},
            exemplars=closed(color=TEXT),
            filterValues=closed(le=NUMBER),
            legend=closed(show=BOOLEAN),
            rowsFrame=closed(layout=one_of("le", "ge", "unknown", "auto")),
            tooltip=closed(show=BOOLEAN, yHistogram=BOOLEAN),
            yAxis={"type": "object"},
        ),
        {},
    ),
    "table": (
        field_config({}),
        closed(
            showHeader=BOOLEAN,
            sortBy=list_of(closed(displayName=TEXT, desc=BOOLEAN)),
        ),
        {
            "transformations": list_of(
                closed(
                    id=one_of("organize"),
                    options=closed(
                        excludeByName={"type": "object", "additionalProperties": BOOLEAN},
                        indexByName={"type": "object", "additionalProperties": NATURAL},
                        renameByName={"type": "object", "additionalProperties": TEXT},
                    ),
                )
            )
        },
    ),
}
ROW = closed(
    type=one_of("row"),
    id=NATURAL,
    title=TEXT,
    gridPos=closed(x=one_of(0), y=NATURAL, w=one_of(24), h=one_of(1)),
    collapsed=one_of(False),
    panels=list_of({}) | {"maxItems": 0},  # only of a row that is collapsed
)


def panel(kind):
    config, options, may = PANELS[kind]
    return closed(
        may,
        type=one_of(kind),
        id=NATURAL,
        title=TEXT,
        description=TEXT,
        datasource=DATASOURCE,
        gridPos=GRID,
        targets=list_of(TARGET, least=1),
        fieldConfig=config,
        options=options,
    )


def chosen_by_type():
    """Of what is wrong only the panel's own form is told, and not all of them."""
    kinds = {kind: panel(kind) for kind in PANELS} | {"row": ROW}
    return {
        "properties": {"type": one_of(*kinds)},
        "required": ["type"],
        "allOf": [
            {"if": {"properties": {"type": one_of(kind)}}, "then": form}
            for kind, form in kinds.items()
        ],
    }


VARIABLE = {
    "name": TEXT,
    "label": TEXT,
    "regex": {"type": "string"},
    "current": {"type": "object"},
    "hide": one_of(0, 1, 2),
    "includeAll": BOOLEAN,
    "multi": BOOLEAN,
    "options": list_of({}),
    "refresh": one_of(1, 2),  # when the dashboard is opened, or the range changes
    "skipUrlSync": BOOLEAN,
}
VARIABLES = [
    closed(type=one_of("datasource"), query=one_of("prometheus"), **VARIABLE),
    closed(
        {"allValue": TEXT},
        type=one_of("query"),
        datasource=DATASOURCE,
        definition=TEXT,
        query=closed(query=TEXT, refId=TEXT),
        sort={"type": "integer", "minimum": 0, "maximum": 6},
        **VARIABLE,
    ),
]
SCHEMA = closed(
    __requires=list_of(closed(type=TEXT, id=TEXT, name=TEXT, version=TEXT)),
    id={"type": "null"},
    uid={"type": "string", "pattern": "^[A-Za-z0-9_-]{1,40}$"},
    title=TEXT,
    description=TEXT,
    tags=list_of(TEXT),
    schemaVersion=one_of(37),
    version=NATURAL,
    editable=BOOLEAN,
    graphTooltip=one_of(0, 1, 2),
    refresh={"type": "string", "pattern": "^[0-9]+[smh]$"},
    timezone=one_of("", "browser", "utc"),
    time=closed(**{"from": TEXT, "to": TEXT}),
    timepicker={"type": "object"},
    fiscalYearStartMonth={"type": "integer", "minimum": 0, "maximum": 11},
    weekStart=one_of("", "monday", "sunday", "saturday"),
    liveNow=BOOLEAN,
    style=one_of("dark", "light"),
    annotations=closed(list=list_of({"type": "object", "required": ["name", "datasource", "enable"]})),
    links=list_of({}),
    templating=closed(list=list_of({"oneOf": VARIABLES})),
    panels=list_of(chosen_by_type(), least=1),
)
