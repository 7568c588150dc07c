"""publish.py RENDERED OUTPUT: writes a rendered data set as published ones are: four columns, compressed, a split in two files.

publish.py RENDERED OUTPUT oddly: writes its test rows in a form that is unusual and valid: ground truths as structs, in which row 2 is wrong,
other types and order of columns, none for responses, and one of somebody else's whose fields have the names of ours. Its train_sft is chats,
the form of xqwu/asymmetric-VLM__lf.
"""

import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet

rendered, output, *how = [Path(argument) for argument in sys.argv[1:]]
COLUMNS = ["query", "image", "ground_truth", "response"]
WRONG = {"test": {1: '{"v": 5, "c": 1, "edges": [[0, 1]]}', 4: "no JSON"}}
CODECS = {"test": ["SNAPPY", "ZSTD"], "train_sft": ["GZIP"]}

(output / "data").mkdir(parents=True)
if how:
    (file,) = rendered.glob("data/test-*.parquet")
    rows = parquet.read_table(file).to_pylist()
    truths = [json.loads(row["ground_truth"]) for row in rows]
    truths[2]["c"] += 1
    picture = pa.struct([("path", pa.string()), ("bytes", pa.large_binary())])
    table = {
        "meta": pa.array([{"query": row, "image": "x"} for row in range(len(rows))]),
        "ground_truth": pa.array(truths),
        "image": pa.array([{"path": None, "bytes": row["image"]["bytes"]} for row in rows], picture),
        "query": pa.array([row["query"] for row in rows]).dictionary_encode(),
    }
    parquet.write_table(pa.table(table), output / "data/test-00000-of-00001.parquet")
    chat = [{"role": "user", "content": f"<image>{rows[0]['query']}"}, {"role": "assistant", "content": "It is so."}]
    chats = pa.table({"messages": pa.array([chat]), "images": pa.array([[rows[0]["image"]]])})
    parquet.write_table(chats, output / "data/train_sft-00000-of-00001.parquet")
    sys.exit()
for split, codecs in CODECS.items():
    (file,) = rendered.glob(f"data/{split}-*.parquet")
    rows = parquet.read_table(file).to_pylist()
    for number, wrong in WRONG.get(split, {}).items():
        rows[number]["ground_truth"] = wrong
    size = -(-len(rows) // len(codecs))
    for index, codec in enumerate(codecs):
        part = [{name: row[name] for name in COLUMNS} for row in rows[index * size : (index + 1) * size]]
        target = output / f"data/{split}-{index:05}-of-{len(codecs):05}.parquet"
        parquet.write_table(pa.Table.from_pylist(part), target, compression=codec, row_group_size=3)
(output / "README.md").write_text("# A published data set\n")
(output / "data/extra.txt").write_text("")
