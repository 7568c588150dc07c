"""Writes the reference event files beside this file with TensorBoard's own package, or reads event files with it.

    python3 -m venv /tmp/tb && /tmp/tb/bin/pip install tensorboard==2.20.0 'setuptools<81'
    /tmp/tb/bin/python test/kinds/golden/eventFiles.py            # writes eventFiles.json
    /tmp/tb/bin/python test/kinds/golden/eventFiles.py DIRECTORY  # prints what TensorBoard sees in `pipe export RUN --tensorboard DIRECTORY`

The package takes 170 MB, so the tests compare bytes with what it wrote instead of installing it.
"""

import base64
import io
import json
import sys
from pathlib import Path
from typing import Any

import tensorboard
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

CASES: list[dict[str, Any]] = [
    {"at": 1767225600.25, "steps": [{"step": 1, "values": {"loss": 2.5, "L_p": 0.1}}, {"step": 300, "values": {"loss": 0}}]},
    {"at": 0.5, "steps": [{"step": 0, "values": {"λ": -1e-8}}, {"step": 2**40, "values": {"x" * 200: 1e300 ** 0.1}}]},
    {"at": 1.0, "steps": []},
]


def event_file(at: float, steps: list[dict]) -> bytes:
    file = io.BytesIO()
    writer = RecordWriter(file)
    writer.write(Event(wall_time=at, file_version="brain.Event:2").SerializeToString())
    for step in steps:
        values = [Summary.Value(tag=name, simple_value=value) for name, value in step["values"].items()]
        writer.write(Event(wall_time=at, step=step["step"], summary=Summary(value=values)).SerializeToString())
    return file.getvalue()


def write() -> None:
    cases = [{**case, "file": base64.b64encode(event_file(**case)).decode()} for case in CASES]
    text = json.dumps({"from": {"tensorboard": tensorboard.__version__}, "cases": cases}, indent=1)
    (Path(__file__).parent / "eventFiles.json").write_text(text + "\n")


def read(directory: str) -> None:
    events = EventMultiplexer().AddRunsFromDirectory(directory)
    events.Reload()
    for run, found in sorted(events.Runs().items()):
        for tag in found["scalars"]:
            points = events.Scalars(run, tag)
            print(run, tag, len(points), points[0].step, points[0].value, points[-1].step, points[-1].value)


read(sys.argv[1]) if len(sys.argv) > 1 else write()
