"""Other people's libraries and command lines in one process, for oracles.test.ts: each import takes seconds.

Reads requests from stdin, a line of JSON each: `{"call": name, "arguments": [...]}`. Answers on stdout, again a line of JSON each:
`{"ok": bool, "value": ..., "text": output and error}`.
"""

import contextlib
import importlib.metadata
import io
import json
import os
import pathlib
import sys
import tempfile
import traceback


def command(name, *arguments):
    """Runs the command `name` of an installed package; fails unless it exits with 0."""
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name=name)
    sys.argv = [name, *arguments]
    try:
        status = entry.load()()
    except SystemExit as exit:
        status = exit.code
    if status not in (None, 0):
        raise RuntimeError(f"{name} exits with {status}")


def seed_context(cache, context):
    """Fills the HTTP cache of rocrate-validator with RO-Crate's context, which its offline mode then reads."""
    from requests.adapters import HTTPAdapter
    from requests_cache import CachedSession
    from urllib3 import HTTPResponse

    class FromFile(HTTPAdapter):
        def send(self, request, *_, **__):
            body = io.BytesIO(pathlib.Path(context).read_bytes())
            headers = {"Content-Type": "application/ld+json"}
            raw = HTTPResponse(body, status=200, headers=headers, preload_content=False, request_url=request.url)
            return self.build_response(request, raw)

    session = CachedSession(cache, backend="sqlite", expire_after=-1)
    session.mount("https://", FromFile())
    session.get("https://w3id.org/ro/crate/1.2/context").raise_for_status()
    return "seeded"


def load_dataset(directory):
    import datasets

    # A cache of its own: data sets of the same name are taken for the same.
    splits = datasets.load_dataset(directory, cache_dir=tempfile.mkdtemp(dir=os.environ["TMPDIR"]))
    return {
        split: {
            "rows": len(rows),
            "columns": rows.column_names,
            "image": rows[0]["image"].size,
            "ids": rows["id"][:],
        }
        for split, rows in splits.items()
    }


def read_croissant(file):
    """Reads every record, which checks each file against its SHA-256."""
    import mlcroissant

    dataset = mlcroissant.Dataset(file)
    read = {}
    for record_set in dataset.metadata.record_sets:
        records = list(dataset.records(record_set.uuid))
        name = f"{record_set.uuid}/"
        read[record_set.uuid] = {
            "rows": len(records),
            "columns": [field.removeprefix(name) for field in records[0]],
            "image": records[0][f"{name}image"].size,
            "ids": [record[f"{name}id"].decode() for record in records],
        }
    return read


def read_card(file):
    from huggingface_hub import ModelCard

    card = ModelCard.load(file, ignore_metadata_errors=False)
    return {"data": card.data.to_dict(), "results": len(card.data.eval_results or [])}


def answer(request):
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            value, ok = calls[request["call"]](*request["arguments"]), True
        except Exception:
            traceback.print_exc()
            value, ok = None, False
    return {"ok": ok, "value": value, "text": output.getvalue()}


calls = {call.__name__: call for call in (command, seed_context, load_dataset, read_croissant, read_card)}
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
