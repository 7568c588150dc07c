"""The model card that is saved with every micro model."""

import json
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from trainers.data import Split


NAMES = {"qwen3_vl": "A Qwen3-VL", "internvl": "An InternVL"}


def later_card(start: Path, heading: str, went_on: str, params: dict[str, Any], closing: str) -> str:
    """The card of the model that a training started from, with a section about this training."""
    settings = json.dumps(params, indent=2, ensure_ascii=False)
    readme = start / "README.md"
    before = readme.read_text(encoding="utf-8").rstrip() if readme.exists() else "A model that came without a card."
    return f"""{before}

# {heading}

What stands above is of the model this one started from. {went_on}

```json
{settings}
```

{closing}
"""


def model_card(params: dict[str, Any], split: Split, model: PreTrainedModel) -> str:
    """A card that says that the model is an instrument, not for use, and holds the params to train it again."""
    weights = sum(weight.numel() for weight in model.parameters())
    tasks = ", ".join(sorted(set(split.columns["task"])))
    side = split.images.shape[1]
    return f"""---
library_name: transformers
pipeline_tag: image-text-to-text
tags: [micro-model, perception, reasoning]
---

# MICRO MODEL: {tasks}

{NAMES[model.config.model_type]} of {weights:,} weights, trained from random initialisation on {len(split):,} synthetic transcripts. It reads
one kind of {side}x{side} picture and writes one kind of text. It is an instrument for studying how fine-tuning divides
its effort between perception and reasoning (arXiv 2605.29496), and of no other use.

The chat template shows the model the image and drops the text of the question: there is only one question. The vocabulary is the
words of the training text; anything else is `<unk>`.

```python
from transformers import AutoModelForImageTextToText, AutoProcessor

model, processor = AutoModelForImageTextToText.from_pretrained(path), AutoProcessor.from_pretrained(path)
chat = [{{"role": "user", "content": [{{"type": "image", "image": image}}]}}]
inputs = processor.apply_chat_template(chat, tokenize=True, return_dict=True, return_tensors="pt", add_generation_prompt=True)
print(processor.decode(model.generate(**inputs)[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True))
```

Trained by `trainers/sft.py` of `pipe` with

```json
{json.dumps(params, indent=2, ensure_ascii=False)}
```

`metrics.jsonl` has the losses of both spans along the way.
"""
