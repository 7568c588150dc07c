"""Speed of our training and decoding against eager Hugging Face code: same model, same batch, same run. Run by hand on a GPU.

    python bench/training/steps.py TRANSCRIPTS_DIRECTORY [--size micro] [--batch 128] [--rows 256]
    python bench/training/steps.py TRANSCRIPTS_DIRECTORY --peer micro.py --size nano --batch 32 [--steps 40]

The directory is the output of `distill`. Prints a line of JSON for each measurement. FLOPs are the model's own (matrix products,
forward and twice that backward, without padding), compared with the measured rates of large products: TF32, which the eager code
uses, and bfloat16, which ours uses. Our first step compiles; its time is printed apart.

With `--peer`, it prints one line: our step and the training step of another program, in turns on two threads, so that other load on
the machine affects both. The peer is a file with the names that `peer_step` uses; its step pads to the longest of all responses.
"""

import argparse
import importlib.util
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parents[2]))
from trainers.data import encode_responses, read_split
from trainers.decode import Decoder, Sampling
from trainers.forward import Batched, Pixels
from trainers.model import SIZES, build_model, device, image_statistics
from trainers.sft import SPLIT, Params, Trainer
from trainers.tokenizer import train_tokenizer

SFT: dict[str, Any] = {
    "model": {},
    "steps": 10_000,
    "accumulate": 1,
    "learning_rate": 1e-3,
    "warmup": 20,
    "schedule": "constant",
    "weight_decay": 0.01,
    "grad_clip": 1.0,
    "gradients": False,
    "seed": 0,
}
LOSSES = ({"kind": "token"}, {"kind": "ngdiff"})


def say(what: str, **numbers: object) -> None:
    print(json.dumps({"what": what, **numbers}), flush=True)


def synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def timed(work, warm_up: int, times: int) -> float:
    """Seconds per call, after a warm-up."""
    for _ in range(warm_up):
        work()
    synchronize()
    began = time.perf_counter()
    for _ in range(times):
        work()
    synchronize()
    return (time.perf_counter() - began) / times


def product_rate(side: int, dtype: torch.dtype) -> float:
    a, b = (torch.randn(side, side, device=device(), dtype=dtype) for _ in range(2))
    return 2 * side**3 / timed(lambda: a @ b, 3, 10)


def step_flops(model, batched: Batched, rows: int, response: float) -> float:
    """FLOPs of one training step: 6 per weight and position, and 12 per layer, width and visible pair of positions in attention."""
    text, vision = model.config.text_config, model.config.vision_config
    positions, patches = batched.prompt_length + response, batched.side**2
    layers = sum(weight.numel() for weight in batched.text.layers.parameters()) + text.vocab_size * text.hidden_size
    seeing = sum(weight.numel() for weight in batched.visual.parameters())
    pairs = 12 * text.num_hidden_layers * text.hidden_size * positions**2 / 2
    looks = 12 * vision.depth * vision.hidden_size * patches**2
    return rows * (6 * layers * positions + 6 * seeing * patches + pairs + looks)


def hugging_face_step(model, batched: Batched, split, responses, batch: int):
    """The eager step: `model(...)` with its bookkeeping for images anywhere, cross-entropy over the response, AdamW."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.01, fused=True)
    config, where = model.config, model.device
    prompt = torch.tensor([config.vision_start_token_id, *[config.image_token_id] * batched.image_tokens, config.vision_end_token_id])
    grid = torch.tensor([[1, batched.side, batched.side]], device=where).expand(batch, -1)
    turn = iter(range(10**9))

    def step() -> None:
        start = next(turn) * batch % (len(split) - batch)
        tokens = torch.from_numpy(responses.tokens[start : start + batch]).to(where)
        ids = torch.cat([prompt.to(where).expand(batch, -1), tokens], 1)
        pixels = batched.patches(torch.from_numpy(split.images[start : start + batch])).flatten(0, 1)
        out = model(
            input_ids=ids, pixel_values=pixels, image_grid_thw=grid, mm_token_type_ids=(ids == config.image_token_id).int()
        )
        said = out.logits[:, len(prompt) - 1 : -1].flatten(0, 1).float()
        loss = functional.cross_entropy(said, tokens.flatten(), ignore_index=config.text_config.pad_token_id)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def peer_step(file: Path, size, split, responses, tokenizer, batch: int):
    """The peer's step on our data, for the token loss: the body of the loop in its `sft`, without its reports."""
    found = importlib.util.spec_from_file_location("peer", file)
    assert found is not None and found.loader is not None
    peer: Any = importlib.util.module_from_spec(found)
    found.loader.exec_module(peer)
    peer.VOCAB = range(len(tokenizer))
    dimensions = {"d": size.width, "heads": size.heads, "ff": size.feed_forward, "layers": size.layers}
    vision = {"vd": size.vision_width, "vheads": size.vision_heads, "vdepth": size.vision_layers, "patch": 8}
    side = split.images.shape[1]
    fast = peer.Fast(peer.build(dimensions | vision, side), side).to(device()).train()
    parameters = list(fast.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, betas=(0.9, 0.95), weight_decay=0.01, fused=True)
    images = torch.from_numpy(split.images[..., 0]).to(device())
    everything = torch.from_numpy(responses.tokens).to(device())
    lengths, captions = (torch.from_numpy(values).to(device())[:, None] for values in (responses.lengths, responses.caption_lengths))
    place = torch.arange(everything.shape[1], device=device())

    def step() -> None:
        rows = torch.randint(0, len(everything), (batch,), device=device())
        tokens = everything[rows]
        logits = fast(fast.patches(images[rows]), tokens)
        cost = functional.cross_entropy(logits.float().flatten(0, 1), tokens.flatten(), reduction="none").view(tokens.shape)
        valid, seen = place < lengths[rows], place < captions[rows]
        said = valid & ~seen
        for span in (seen, said):  # the peer always computes both means
            (cost * span).sum() / span.sum()
        optimizer.zero_grad(set_to_none=True)
        ((cost * valid).sum() / valid.sum()).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()

    return step, sum(weight.numel() for weight in parameters)


def in_turns(works: dict, times: int) -> None:
    """Quartiles of milliseconds of wall and processor time for each step, and of their ratio in the same turn."""
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for turn in range(-3, times):
        for name, work in works.items():
            began = time.perf_counter(), time.process_time()
            work()
            synchronize()
            if turn >= 0:
                spent[name].append((time.perf_counter() - began[0], time.process_time() - began[1]))
    for name, pairs in spent.items():
        wall, processor = ([round(1000 * value, 1) for value in statistics.quantiles(values, n=4)] for values in zip(*pairs))
        say(name, n=times, wall_ms_quartiles=wall, processor_ms_quartiles=processor)
    ratios = [[one / other for one, other in zip(*turns)] for turns in zip(*(map(list, zip(*pairs)) for pairs in spent.values()))]
    wall, processor = ([round(value, 3) for value in statistics.quantiles(values, n=4)] for values in ratios)
    say(" over ".join(works), wall_quartiles=wall, processor_quartiles=processor)


def beside_peer(given, split, tokenizer, responses, pixels: Pixels, side: int) -> None:
    model = build_model(SIZES[given.size], 0.02, tokenizer, side, 0).to(device())
    trainer = Trainer(Params(**SFT | {"loss": LOSSES[0], "batch": given.batch}), Batched(model, side, pixels), torch.from_numpy(split.images), responses)
    theirs, weights = peer_step(given.peer, SIZES[given.size], split, responses, tokenizer, given.batch)
    turn = iter(range(10**9))
    say("weights", ours=sum(weight.numel() for weight in model.parameters()), peer=weights)
    in_turns({"ours": lambda: trainer.step(next(turn)), "peer": theirs}, given.steps)


def decoding(model, batched: Batched, split, rows: int, longest: int) -> None:
    """Decodes all rows to the last position, so both sides generate the same number of tokens."""
    images = torch.from_numpy(split.images[:rows])
    config, where = model.config, model.device
    prompt = torch.tensor([config.vision_start_token_id, *[config.image_token_id] * batched.image_tokens, config.vision_end_token_id])
    ids = prompt.to(where).expand(rows, -1)
    inputs = {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "pixel_values": batched.patches(images).flatten(0, 1),
        "image_grid_thw": torch.tensor([[1, batched.side, batched.side]], device=where).expand(rows, -1),
        "mm_token_type_ids": (ids == config.image_token_id).int(),
    }
    model.eval()
    theirs = {"max_new_tokens": longest, "min_new_tokens": longest, "do_sample": True, "top_k": 0}
    with torch.inference_mode():
        slow = timed(lambda: model.generate(**inputs, **theirs), 1, 1)
    decoder = Decoder(batched, longest)
    decoder.end = -2  # no row ends
    draws = torch.rand(rows, longest)
    fast = timed(lambda: decoder(images, None, None, Sampling(1.0, draws)), 1, 3)
    say("decode", rows=rows, tokens=longest, ours_s=fast, generate_s=slow, times=slow / fast, ours_rollouts_per_s=rows / fast)
    model.train()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("transcripts", type=Path)
    parser.add_argument("--size", default="micro", choices=SIZES)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rows", type=int, nargs="+", default=[256, 2048])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--peer", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(2)  # the threads of a job

    split = read_split(given.transcripts, SPLIT)
    tokenizer = train_tokenizer(split.words)
    responses = encode_responses(tokenizer, split)
    side = split.images.shape[1]
    pixels = Pixels(*image_statistics(split.images))
    if given.peer:
        beside_peer(given, split, tokenizer, responses, pixels, side)
        return
    mean_length = float(responses.lengths.mean())
    model = build_model(SIZES[given.size], 0.02, tokenizer, side, 0).to(device())
    batched = Batched(model, side, pixels)
    side_of_product = 8192 if torch.cuda.is_available() else 1024
    rates = {dtype: product_rate(side_of_product, dtype) for dtype in (torch.float32, torch.bfloat16)}
    flops = step_flops(model, batched, given.batch, mean_length)
    named = {f"{str(dtype).removeprefix('torch.')}_product_flops": rate for dtype, rate in rates.items()}
    say("machine", device=str(model.device), **named, weights=sum(weight.numel() for weight in model.parameters()))
    say("data", rows=len(split), longest=responses.tokens.shape[1], mean_length=mean_length, step_flops=flops)

    def report(what: str, seconds: float, dtype: torch.dtype, **more: float) -> None:
        tokens = given.batch * mean_length / seconds
        share = flops / seconds / rates[dtype]
        say(what, ms_a_step=1000 * seconds, tokens_per_s=tokens, flops_share=share, **more)

    plain = hugging_face_step(build_model(SIZES[given.size], 0.02, tokenizer, side, 0).to(device()), batched, split, responses, given.batch)
    report("sft, eager Hugging Face", timed(plain, 5, max(3, given.steps // 4)), torch.float32)
    for loss in LOSSES:
        model = build_model(SIZES[given.size], 0.02, tokenizer, side, 0).to(device())
        params = Params(**SFT | {"loss": loss, "batch": given.batch})
        trainer = Trainer(params, Batched(model, side, pixels), torch.from_numpy(split.images), responses)
        turn = iter(range(10**9))

        def step(trainer=trainer, turn=turn) -> None:
            trainer.step(next(turn))

        first = timed(step, 0, 1)
        ours = torch.bfloat16 if torch.cuda.is_available() else torch.float32
        report(f"sft, ours, {loss['kind']}", timed(step, 6, given.steps), ours, first_step_s=first)
        say("losses", **trainer.last)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    for rows in given.rows:
        decoding(model, Batched(model, side, pixels), split, min(rows, len(split)), 200)


if __name__ == "__main__":
    main()
